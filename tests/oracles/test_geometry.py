"""Human3.6M's cameras against VideoPose3D's numbers, weak-perspective ones against PARE's."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from gsam.cameras import (
    denormalise_screen,
    normalise_screen,
    normalised_intrinsics,
    rotation_from_quaternion,
)
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.weak_perspective import (
    fit_translation,
    full_image_translation,
    project_perspective,
    translation_to_weak,
    weak_to_translation,
)

FLOAT32 = {"rtol": 1e-5, "atol": 1e-6}
FLOAT64 = {"rtol": 1e-6, "atol": 1e-12}


@pytest.fixture
def fixture(oracles):
    folder = oracles / "geometry"
    with np.load(folder / "h36m_camera.npz") as arrays:
        return json.loads((folder / "h36m_camera.json").read_text()), dict(arrays)


def _cases(fixture):
    """(camera of ours, entry of the json, its arrays) for every camera of the fixture."""
    data, arrays = fixture
    for entry in data["cameras"]:
        subject, index = entry["key"].split("_cam")
        prefix = entry["key"] + "/"
        own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        yield human36m_cameras()[subject][int(index)], entry, own


def test_constants_have_the_exact_digits(fixture):
    for camera, entry, _ in _cases(fixture):
        raw = entry["raw"]
        assert (camera.width, camera.height) == (entry["res_w"], entry["res_h"])
        assert [camera.fx, camera.fy] == raw["focal_length"]
        assert [camera.cx, camera.cy] == raw["center"]
        assert list(camera.distortion) == raw["radial"] + raw["tangential"]
        np.testing.assert_allclose(camera.centre, np.array(raw["translation"]) / 1000, rtol=1e-12)
        rotation = rotation_from_quaternion(raw["orientation"])
        np.testing.assert_allclose(camera.R, rotation.T, atol=1e-15)


def test_world_and_camera(fixture):
    for camera, _, a in _cases(fixture):
        np.testing.assert_allclose(camera.world_to_camera(a["world"]), a["cam"], **FLOAT32)
        np.testing.assert_allclose(camera.camera_to_world(a["cam"]), a["world_back"], **FLOAT32)


def test_projection_with_and_without_distortion(fixture):
    for camera, _, a in _cases(fixture):
        size = camera.width, camera.height
        pixels = camera.project(a["cam_for_projection"])
        np.testing.assert_allclose(normalise_screen(pixels, *size), a["proj"], **FLOAT32)
        linear = replace(camera, distortion=(0.0,) * 5).project(a["cam_for_projection"])
        np.testing.assert_allclose(normalise_screen(linear, *size), a["proj_linear"], **FLOAT32)


def test_screen_coordinates_and_intrinsics(fixture):
    for camera, _, a in _cases(fixture):
        size = camera.width, camera.height
        np.testing.assert_allclose(denormalise_screen(a["proj"], *size), a["pixels"], **FLOAT64)
        again = normalise_screen(a["pixels"], *size)
        np.testing.assert_allclose(again, a["normalised_again"], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(normalised_intrinsics(camera), a["intrinsic9"], **FLOAT32)


def test_other_image_sizes_and_quaternions(fixture):
    _, a = fixture
    for w, h in ((1920, 1080), (1080, 1920)):
        ours = normalise_screen(a["generic/X"], w, h)
        np.testing.assert_allclose(ours, a[f"generic/norm_{w}x{h}"], **FLOAT64)
    rotations = rotation_from_quaternion(a["quat/q"])
    rotated = (rotations @ a["quat/v"][..., None])[..., 0]
    np.testing.assert_allclose(rotated, a["quat/qrot"], rtol=1e-6, atol=1e-12)
    inverse = rotation_from_quaternion(a["quat/qinverse"])
    np.testing.assert_allclose(inverse, np.swapaxes(rotations, -1, -2), atol=1e-12)


def test_weak_and_full_perspective(oracles):
    """The camera arrays of body/rotations_cameras (PARE)."""
    with np.load(oracles / "body" / "rotations_cameras.npz") as arrays:
        a = {name: torch.tensor(array) for name, array in arrays.items()}
    weak, translation = a["weak_cam_s_tx_ty"], a["cam_t"]
    close = {"rtol": 1e-6, "atol": 1e-6}
    torch.testing.assert_close(weak_to_translation(weak), translation, **close)
    torch.testing.assert_close(translation_to_weak(translation), a["weak_from_persp"], **close)
    pixels = project_perspective(a["cam_points"], translation, 5000.0)
    torch.testing.assert_close(pixels, a["proj_px_centre0"], rtol=1e-6, atol=1e-4)
    size = torch.stack([a["img_w"], a["img_h"]], dim=-1)
    full = full_image_translation(weak, a["bbox_height"], a["bbox_center"], size, a["focal"])
    torch.testing.assert_close(full, a["full_image_cam_t"], **close)
    focal, centre = a["K"][:, :1, :1], a["K"][:, None, :2, 2]
    pixels = project_perspective(a["cam_points"], full, focal, centre)
    torch.testing.assert_close(pixels, a["full_image_proj"], rtol=1e-6, atol=1e-4)
    found = fit_translation(a["cam_points"], a["est_joints2d"], a["est_conf"])
    torch.testing.assert_close(found, a["est_translation"], rtol=1e-9, atol=1e-9)

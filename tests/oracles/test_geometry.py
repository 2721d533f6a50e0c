"""Human3.6M's cameras against VideoPose3D's numbers (geometry/h36m_camera)."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gsam.cameras import (
    denormalise_screen,
    normalise_screen,
    normalised_intrinsics,
    rotation_from_quaternion,
)
from gsam.datasets.human36m_cameras import human36m_cameras

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

"""Cameras: rigid motion, the three projections and screen coordinates."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.cameras import (
    Camera,
    denormalise_screen,
    mirror_intrinsics,
    normalise_screen,
    normalised_intrinsics,
    rotation_from_quaternion,
)
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.errors import DataError
from gsam.skeletons import H36M_17, mirror

PINHOLE = Camera("c", 640, 480, 500.0, 510.0, 320.0, 240.0, (), "pinhole", np.eye(3), np.zeros(3))
IN_FRONT = np.array([0.0, 0.0, 4.0])
seeds = st.integers(0, 2**32 - 1)


def _camera(seed, model="pinhole", distortion=()):
    rng = np.random.default_rng(seed)
    rotation = rotation_from_quaternion(rng.standard_normal(4))
    lens = {"fx": 1100.0, "fy": 1150.0, "cx": 510.0, "cy": 490.0}
    translation = rng.uniform(-5, 5, 3)
    return Camera(
        "c", 1000, 1002, **lens, distortion=distortion, model=model, R=rotation, t=translation
    )


@given(seeds)
def test_world_to_camera_and_back(seed):
    camera = _camera(seed)
    world = np.random.default_rng(seed).uniform(-10, 10, (4, 17, 3))
    back = camera.camera_to_world(camera.world_to_camera(world))
    np.testing.assert_allclose(back, world, atol=1e-12)
    np.testing.assert_allclose(camera.world_to_camera(camera.centre), np.zeros(3), atol=1e-12)


@given(seeds)
def test_quaternions_give_rotations(seed):
    q = np.random.default_rng(seed).standard_normal((5, 4))
    rotations = rotation_from_quaternion(q)
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(-1, -2), np.tile(np.eye(3), (5, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
    np.testing.assert_allclose(rotation_from_quaternion(-3 * q), rotations, atol=1e-12)


def test_quaternion_order_and_direction():
    half = np.sqrt(0.5)
    # A quarter turn about z takes x to y.
    turned = rotation_from_quaternion([half, 0, 0, half]) @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize("q", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [1, 0, 0]])
def test_bad_quaternions(q):
    with pytest.raises(DataError, match="quaternion"):
        rotation_from_quaternion(q)


@given(seeds)
def test_opencv_model_is_opencv(seed):
    rng = np.random.default_rng(seed)
    distortion = tuple(rng.uniform(-0.3, 0.3, 5) * [1, 1, 0.02, 0.02, 0.1])
    camera = _camera(seed, "opencv", distortion)
    world = camera.camera_to_world(rng.uniform(-1, 1, (20, 3)) + IN_FRONT)
    expected, _ = cv2.projectPoints(world, camera.R, camera.t, camera.K, np.array(distortion))
    ours = camera.project(camera.world_to_camera(world))
    np.testing.assert_allclose(ours, expected[:, 0], atol=1e-7)


def test_human36m_formula_by_hand():
    """One point through formats.md 1.6, written out."""
    camera = human36m_cameras()["S1"][0]
    x, y, (k1, k2, k3, t0, t1) = 0.2, -0.3, camera.distortion
    r2 = x * x + y * y
    g = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + t0 * x + t1 * y
    expected = [
        camera.fx * (x * g + t0 * r2) + camera.cx,
        camera.fy * (y * g + t1 * r2) + camera.cy,
    ]
    np.testing.assert_allclose(camera.project([2 * x, 2 * y, 2.0]), expected, rtol=1e-12)


def test_human36m_is_not_opencv_but_close():
    """OpenCV's tangential terms differ by at most 0.3 px, the swapped pair as well: both matter."""
    camera = human36m_cameras()["S1"][0]
    k1, k2, k3, t0, t1 = camera.distortion
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3)) + IN_FRONT
    ours = camera.project(points)
    for other in (
        replace(camera, model="opencv", distortion=(k1, k2, t1, t0, k3)),
        replace(camera, distortion=(k1, k2, k3, t1, t0)),
    ):
        gap = np.abs(other.project(points) - ours).max()
        assert 0.02 < gap < 0.5


def test_human36m_clamps_rays_before_distorting():
    camera = human36m_cameras()["S9"][2]
    far, edge = camera.project([[9.0, -50.0, 2.0]]), camera.project([[2.0, -2.0, 2.0]])
    np.testing.assert_array_equal(far, edge)
    wide = replace(camera, model="pinhole", distortion=())
    np.testing.assert_allclose(wide.project([8.0, 0.0, 2.0])[0], 4 * camera.fx + camera.cx)


def test_points_without_depth_do_not_warn():
    with np.errstate(all="raise"):
        assert not np.isfinite(PINHOLE.project([0.0, 1.0, 0.0])).any()


def test_human36m_has_four_cameras_for_seven_subjects():
    cameras = human36m_cameras()
    assert list(cameras) == ["S1", "S5", "S6", "S7", "S8", "S9", "S11"]
    for four in cameras.values():
        assert [c.name for c in four] == ["54138969", "55011271", "58860488", "60457274"]
        assert [c.height for c in four] == [1002, 1000, 1000, 1002]
        for camera in four:
            assert 3 < np.hypot(*camera.centre[:2]) < 7 and 1.3 < camera.centre[2] < 1.8
            # All look at the room's middle: it is in front and near the image centre.
            middle = camera.world_to_camera([0.0, 0.0, 1.0])
            assert middle[2] > 3
            assert np.abs(camera.project(middle) - 500).max() < 250
    cameras.clear()
    assert human36m_cameras(), "a caller must not be able to empty the table"


sizes = st.integers(100, 4000)


@given(seeds, sizes, sizes)
def test_screen_coordinates_and_back(seed, width, height):
    pixels = np.random.default_rng(seed).uniform(-100, 4100, (6, 17, 2))
    screen = normalise_screen(pixels, width, height)
    np.testing.assert_allclose(denormalise_screen(screen, width, height), pixels, atol=1e-9)
    corners = normalise_screen([[0, 0], [width, height]], width, height)
    aspect = height / width
    np.testing.assert_allclose(corners, [[-1, -aspect], [1, aspect]], atol=1e-12)


@given(seeds)
def test_projection_survives_normalisation_and_mirroring(seed):
    """Projecting with the mirrored 9-vector is mirroring the projection."""
    camera = human36m_cameras()["S7"][seed % 4]
    pose = np.random.default_rng(seed).uniform(-1, 1, (17, 3)) + IN_FRONT

    def screen(vector, points):
        pixels = replace(
            camera,
            fx=vector[0] * camera.width / 2,
            fy=vector[1] * camera.width / 2,
            cx=float(denormalise_screen(vector[2:4], camera.width, camera.height)[0]),
            cy=float(denormalise_screen(vector[2:4], camera.width, camera.height)[1]),
            distortion=tuple(vector[4:]),
        ).project(points)
        return normalise_screen(pixels, camera.width, camera.height)

    vector = normalised_intrinsics(camera)
    plain = screen(vector, pose)
    original = normalise_screen(camera.project(pose), camera.width, camera.height)
    np.testing.assert_allclose(plain, original, atol=1e-12)
    mirrored = screen(mirror_intrinsics(vector), mirror(pose, H36M_17))
    np.testing.assert_allclose(mirrored, mirror(plain, H36M_17), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "fisheye"}, "model"),
        ({"distortion": (0.1,)}, "distortion"),
        ({"model": "opencv", "distortion": (0.1, 0, 0, 0)}, "distortion"),
        ({"model": "human36m", "distortion": (np.nan,) * 5}, "distortion"),
        ({"R": np.ones((3, 3))}, "R"),
        ({"R": np.diag([1.0, 1.0, -1.0])}, "R"),
        ({"R": np.eye(4)}, "R"),
        ({"R": np.full((3, 3), np.nan)}, "R"),
        ({"t": np.zeros((3, 1))}, "t"),
        ({"t": [0, np.inf, 0]}, "t"),
        ({"fx": 0.0}, "fx"),
        ({"fy": np.nan}, "fy"),
        ({"cx": np.inf}, "cx"),
        ({"width": 0}, "width"),
    ],
)
def test_what_is_not_a_camera(change, field):
    with pytest.raises(DataError, match=f"^camera c: {field} is [^\n]*: expected [^\n]*$"):
        replace(PINHOLE, **change)


def test_a_camera_keeps_its_own_matrices():
    rotation = np.eye(3)
    camera = replace(PINHOLE, R=rotation)
    rotation[0, 0] = 5.0
    np.testing.assert_array_equal(camera.R, np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        camera.R[0, 0] = 2.0


def test_nine_numbers_only_for_human36m():
    with pytest.raises(DataError, match="expected human36m"):
        normalised_intrinsics(PINHOLE)

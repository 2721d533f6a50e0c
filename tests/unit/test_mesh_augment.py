"""Mirrored and turned poses, part labels and occluders of a mesh regressor's training crops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.body.files import load_body
from gsam.body.rotations import axis_angle_to_matrix
from gsam.configs import build
from gsam.detectors.crops import crop_matrix
from gsam.errors import ConfigError
from gsam.meshes.augment import MeshAugment, mirror_parts, mirror_pose, occlude, turn, turn_root
from gsam.skeletons import SMPL_24

REFLECT = np.diag([-1.0, 1.0, 1.0])


def matrices(pose: np.ndarray) -> np.ndarray:
    return axis_angle_to_matrix(torch.from_numpy(pose).double().view(-1, 24, 3)).numpy()


def random_pose(seed: int, size: float = 0.6) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, 72)


@given(seed=st.integers(0, 1000), angle=st.floats(-180, 180))
@settings(max_examples=50, deadline=None)
def test_a_turned_root_is_the_turn_after_it(seed: int, angle: float) -> None:
    pose = random_pose(seed, 1.5)
    turned = matrices(turn_root(pose, angle))[0]
    expected = matrices(pose)[0]
    # Columns of the root, as points, turn with the picture.
    np.testing.assert_allclose(turned[0], turn(expected[0].T, angle).T, atol=1e-6)
    np.testing.assert_array_equal(turn_root(pose, angle)[3:], pose[3:])
    assert np.linalg.norm(turn_root(pose, angle)[:3]) <= np.pi + 1e-9


def test_points_turn_as_their_pictures_do() -> None:
    linear = crop_matrix((10.0, 20.0), 50.0, 35.0, 50, 50)[:, :2]
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 0.5, 2.0]])
    np.testing.assert_allclose(turn(points, 35.0)[:, :2], points[:, :2] @ linear.T, atol=1e-12)
    np.testing.assert_array_equal(turn(points, 35.0)[:, 2], points[:, 2])


@pytest.mark.parametrize("length", [0.0, 1e-9, np.pi, np.pi - 1e-6, 2 * np.pi - 1e-3])
def test_roots_at_rest_and_near_half_turns_are_turned_exactly(length: float) -> None:
    pose = np.zeros(72)
    pose[0] = length
    for angle in (0.0, 1e-7, 40.0, 180.0):
        turned = turn_root(pose, angle)
        assert np.isfinite(turned).all()
        expected = turn(matrices(pose)[0, 0].T, angle).T
        np.testing.assert_allclose(matrices(turned)[0, 0], expected, atol=1e-6)


def test_a_mirrored_pose_reflects_every_rotation_and_mirrors_back() -> None:
    pose = random_pose(3)
    mirrored = matrices(mirror_pose(pose))[0]
    for joint, partner in enumerate(SMPL_24.mirror_permutation):
        expected = REFLECT @ matrices(pose)[0, partner] @ REFLECT
        np.testing.assert_allclose(mirrored[joint], expected, atol=1e-6)
    many = np.stack([pose, 2 * pose])
    np.testing.assert_array_equal(mirror_pose(mirror_pose(many)), many)


def test_the_body_of_a_mirrored_pose_is_the_mirrored_body() -> None:
    body = load_body()
    pose = random_pose(1, 0.4)
    poses = torch.from_numpy(np.stack([pose, mirror_pose(pose)])).float().view(2, 24, 3)
    with torch.no_grad():
        joints = body(torch.zeros(2, 10), poses).joints.numpy()
    joints = joints - joints[:, :1]
    sides = list(SMPL_24.mirror_permutation)
    expected = joints[0, sides] * np.array([-1, 1, 1])
    # The asset's own joints are mirror images of each other within some millimetres.
    assert np.abs(joints[1] - expected).max() < 0.03
    assert np.abs(joints[1] - joints[0]).max() > 0.2


def test_part_labels_swap_sides_and_keep_what_has_none() -> None:
    parts = np.array([[0, 1, 2, 3], [255, 23, 24, 16]], np.uint8)
    expected = np.array([[0, 1, 3, 2], [255, 24, 23, 16]], np.uint8)
    np.testing.assert_array_equal(mirror_parts(parts), expected)


def test_occluders_hide_some_of_the_picture_and_leave_the_rest() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    shares = []
    for seed in range(40):
        shown = occlude(image, np.random.default_rng(seed))
        assert shown.dtype == np.uint8 and shown.shape == image.shape
        shares.append((shown != image).any(axis=2).mean())
    assert min(shares) < 0.2 and 0.05 < np.median(shares) < 0.6
    assert sum(share == 0 for share in shares) < 8  # now and then something lies outside
    again = occlude(image, np.random.default_rng(7))
    np.testing.assert_array_equal(again, occlude(image, np.random.default_rng(7)))


@pytest.mark.parametrize(
    ("key", "value"),
    [("occlusion", 1.5), ("flip", -0.1), ("scale", 1.0), ("rotation", 200.0), ("colour", -1.0)],
)
def test_values_that_make_no_sense_are_named(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"augment: {key} = {value}: expected"):
        build(MeshAugment, {key: value}, "augment")
    assert not MeshAugment().problems()

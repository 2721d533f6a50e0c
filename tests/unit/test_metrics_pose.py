"""Pose errors: invariances, degenerate poses, bad input and speed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.cameras import rotation_from_quaternion
from gsam.errors import DataError
from gsam.metrics import pose

seeds = st.integers(0, 2**32 - 1)
FUNCTIONS = (pose.per_frame_mpjpe, pose.per_frame_pa_mpjpe, pose.per_frame_n_mpjpe)
MEANS = (pose.mpjpe, pose.pa_mpjpe, pose.n_mpjpe, pose.mpjve)


def _pair(seed, frames=3, joints=17, noise=0.1):
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((frames, joints, 3))
    return target + noise * rng.standard_normal(target.shape), target


def _similarity(seed, points, exponent=0.0):
    rng = np.random.default_rng(seed)
    scale = 10.0**exponent * rng.uniform(0.5, 2)
    rotation = rotation_from_quaternion(rng.standard_normal(4))
    return scale * points @ rotation.T + 10 * scale * rng.standard_normal(3)


@given(seeds, st.floats(-6, 6))
def test_pa_mpjpe_ignores_similarities_of_the_prediction(seed, exponent):
    pred, target = _pair(seed)
    moved = _similarity(seed, pred, exponent)
    expected = pose.per_frame_pa_mpjpe(pred, target)
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(moved, target), expected, rtol=1e-8)
    copy = _similarity(seed, target, exponent)
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(copy, target), 0, atol=1e-10)


@given(seeds, st.floats(-6, 6), st.booleans())
def test_n_mpjpe_ignores_scale(seed, exponent, negative):
    pred, target = _pair(seed)
    factor = 10.0**exponent * (-1 if negative else 1)
    scaled = pose.per_frame_n_mpjpe(factor * pred, target)
    np.testing.assert_allclose(scaled, pose.per_frame_n_mpjpe(pred, target), rtol=1e-9)


@given(seeds)
def test_alignment_is_the_least_squares_optimum(seed):
    """No similarity near the solution has a smaller squared error; none at all reflects."""
    pred, target = _pair(seed, frames=1, noise=0.5)
    best = np.square(pose.align(pred, target, "procrustes") - target).sum()
    for k in range(5):
        rng = np.random.default_rng([seed, k])
        turn = rotation_from_quaternion(np.r_[1.0, 0.1 * rng.standard_normal(3)])
        aligned = pose.align(pred, target, "procrustes")
        other = (1 + 0.1 * rng.standard_normal()) * aligned @ turn + 0.1 * rng.standard_normal(3)
        assert np.square(other - target).sum() >= best - 1e-12


@given(seeds)
def test_aligning_never_reflects(seed):
    pred, target = _pair(seed, frames=4)
    reflected = pred * np.array([-1.0, 1.0, 1.0])
    aligned = pose.align(reflected, target, "procrustes")
    shape = reflected - reflected.mean(axis=1, keepdims=True)
    moved = aligned - aligned.mean(axis=1, keepdims=True)
    linear = np.linalg.pinv(shape) @ moved
    assert (np.linalg.det(linear) > 0).all()
    assert (pose.per_frame_pa_mpjpe(reflected, target) > 0.1).all()


@given(seeds, st.sampled_from([1, 2]))
def test_flat_and_straight_poses(seed, rank):
    """A planar or collinear pose is matched exactly by its rotated copy, mirrored or not."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((2, 17, rank)) @ rng.standard_normal((2, rank, 3))
    copy = _similarity(seed, target)
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(copy, target), 0, atol=1e-9)
    mirrored = copy * np.array([1.0, 1.0, -1.0])
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(mirrored, target), 0, atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1000.1, -1e6])
def test_coinciding_joints(offset):
    _, target = _pair(0)
    point = np.full_like(target, offset)
    spread = np.linalg.norm(target - target.mean(axis=1, keepdims=True), axis=-1).mean(axis=1)
    # A prediction without a shape can only be put on the centroid of the target.
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(point, target), spread, rtol=1e-9)
    # A target without a shape is met by shrinking any prediction onto it.
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(target, point), 0, atol=1e-9)
    np.testing.assert_allclose(pose.per_frame_pa_mpjpe(point, point), 0, atol=1e-9)
    for function in FUNCTIONS:
        assert np.isfinite(function(point, target)).all()
        assert np.isfinite(function(target, point)).all()


def test_zero_prediction_has_no_scale():
    _, target = _pair(1)
    zero = np.zeros_like(target)
    expected = np.linalg.norm(target, axis=-1).mean(axis=1)
    np.testing.assert_allclose(pose.per_frame_n_mpjpe(zero, target), expected)
    np.testing.assert_array_equal(pose.per_frame_n_mpjpe(target, zero), np.zeros(3))


def test_one_degenerate_frame_leaves_the_others_alone():
    pred, target = _pair(2, frames=5)
    expected = pose.per_frame_pa_mpjpe(pred, target)
    pred[2] = 7.0
    ours = pose.per_frame_pa_mpjpe(pred, target)
    np.testing.assert_allclose(np.delete(ours, 2), np.delete(expected, 2))


def test_values_by_hand():
    target = np.zeros((2, 4, 3))
    pred = target.copy()
    pred[1, 0] = [3.0, 4.0, 0.0]
    np.testing.assert_allclose(pose.per_frame_mpjpe(pred, target), [0, 1.25])
    assert pose.mpjpe(pred, target) == pytest.approx(0.625)
    assert pose.mpjve(pred, target) == pytest.approx(1.25)


def test_velocity_needs_two_frames_and_ignores_constant_offsets():
    pred, target = _pair(3, frames=6)
    offset = np.array([1.0, -2.0, 3.0])
    expected = pose.mpjve(pred, target)
    assert pose.mpjve(pred + offset, target) == pytest.approx(expected)
    assert pose.mpjve(pred[:1], target[:1]) == 0.0


def test_velocity_does_not_span_gaps():
    target = np.zeros((4, 2, 3))
    pred = target.copy()
    pred[2:, :, 0] = 8.0  # a jump between frames 1 and 5, then still
    pred[1, :, 1] = 2.0
    numbers = [0, 1, 5, 6]
    assert pose.mpjve(pred, target, numbers) == pytest.approx(1.0)
    assert pose.mpjve(pred, target) > 3.0
    assert pose.mpjve(pred, target, [0, 2, 4, 6]) == 0.0
    assert pose.mpjve(pred, target, range(7, 11)) == pose.mpjve(pred, target)
    with pytest.raises(DataError, match="frame numbers of shape"):
        pose.mpjve(pred, target, [0, 1])


def test_leading_axes_float32_and_two_dimensions():
    rng = np.random.default_rng(4)
    pred, target = rng.standard_normal((2, 2, 5, 17, 2)).astype(np.float32)
    for function in FUNCTIONS:
        result = function(pred, target)
        assert result.shape == (2, 5) and result.dtype == np.float64
        np.testing.assert_allclose(result[1, 3], function(pred[1, 3], target[1, 3]))


@pytest.mark.parametrize("function", [*FUNCTIONS, *MEANS])
def test_bad_input(function):
    pred, target = _pair(5)
    with pytest.raises(DataError, match="expected equal shapes"):
        function(pred[:, :16], target)
    with pytest.raises(DataError, match="expected equal shapes"):
        function(pred[:1], target)
    target[1, 3, 2] = np.nan
    with pytest.raises(DataError, match=r"target at index \(1, 3, 2\) is not finite"):
        function(pred, target)
    with pytest.raises(DataError, match=r"prediction at index \(1, 3, 2\) is not finite"):
        function(target, pred)


@pytest.mark.parametrize("function", MEANS)
def test_no_frames(function):
    empty = np.zeros((0, 17, 3))
    with pytest.raises(DataError, match=r"at least one|T >= 1"):
        function(empty, empty)
    assert pose.per_frame_pa_mpjpe(empty, empty).shape == (0,)


def test_unknown_alignment():
    with pytest.raises(DataError, match="'affine': expected one of none, scale, procrustes"):
        pose.align(*_pair(6), "affine")

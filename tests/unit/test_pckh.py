"""PCKh and the pixel measures: thresholds, what is counted, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.metrics.keypoint_accuracy import crop_errors, distances, torso_pck
from gsam.metrics.pckh import pckh
from gsam.skeletons import H36M_17, MPII_16, mirror


def off_by(distance):
    truth = np.random.default_rng(0).uniform(0, 100, (1, 16, 2))
    return truth + np.array([distance, 0.0]), truth, np.ones((1, 16)), np.array([10.0])


@pytest.mark.parametrize(
    ("distance", "half", "fine"), [(0, 100, 100), (1.0999, 100, 100), (1.11, 100, 0), (5.1, 0, 0)]
)
def test_thresholds(distance, half, fine):
    figures = pckh(*off_by(distance))
    assert (figures["pckh"], figures["pckh01"]) == (half, fine)


def test_half_a_head_counts():
    truth = np.zeros((1, 16, 2))
    figures = pckh(truth + np.array([5.0, 0.0]), truth, np.ones((1, 16)), [10.0])
    assert figures["pckh"] == 100.0 and figures["pckh_head"] == 100.0


def test_the_mean_weighs_by_labels_and_leaves_out_pelvis_and_thorax():
    predicted, truth, labelled, heads = (np.repeat(v, 4, axis=0) for v in off_by(0.0))
    predicted[:, MPII_16.indices(["pelvis", "thorax"])] += 1000
    assert pckh(predicted, truth, labelled, heads)["pckh"] == 100.0
    # One of 4 right wrists is labelled and wrong: 53 joints count in all.
    wrist = MPII_16.index("right_wrist")
    labelled[1:, wrist] = 0
    predicted[:, wrist] += 1000
    figures = pckh(predicted, truth, labelled, heads)
    assert figures["pckh"] == pytest.approx(100 * 52 / 53)
    assert figures["pckh_wrist"] == 50.0
    # A group that nobody labelled is left out, not a number made up.
    labelled[:, MPII_16.indices(["left_wrist", "right_wrist"])] = 0
    assert "pckh_wrist" not in pckh(predicted, truth, labelled, heads)


def test_pckh_bad_input():
    predicted, truth, labelled, heads = off_by(0.0)
    with pytest.raises(DataError, match="expected at least one"):
        pckh(predicted, truth, 0 * labelled, heads)
    for size in (0.0, np.nan):
        with pytest.raises(DataError, match="person 0: head size"):
            pckh(predicted, truth, labelled, [size])
    # Who has no labelled joint needs no head.
    two = [np.repeat(v, 2, axis=0) for v in (predicted, truth, labelled)]
    two[2][1] = 0
    assert pckh(*two, [10.0, np.nan])["pckh"] == 100.0
    with pytest.raises(DataError, match="not finite"):
        pckh(predicted * np.nan, truth, labelled, heads)
    with pytest.raises(DataError, match=r"expected \(N, 16, 2\)"):
        pckh(predicted[:, :14], truth, labelled, heads)


# --- pixels ---------------------------------------------------------------------------------


def people(count=5, seed=0):
    return np.random.default_rng(seed).uniform(0, 100, (count, 17, 2))


@settings(deadline=None)
@given(st.floats(10, 500), st.floats(0.1, 20))
def test_errors_count_in_px_of_a_crop_256_high(height, distance):
    truth = people()
    levels = np.full((5, 17), 2)
    levels[:, 3] = 3
    errors = distances(truth + np.array([0.0, distance]), truth, levels)
    figures = crop_errors(errors, levels, np.full(5, height))
    expected = distance * 256 / height
    wanted = dict.fromkeys(("mean_px", "median_px", "median_px_visible"), expected)
    assert figures == pytest.approx(wanted, rel=1e-6)


def test_only_labelled_joints_count_and_only_visible_ones_in_the_last():
    truth, levels = people(2), np.zeros((2, 17))
    predicted = truth + 1e4
    levels[0, :3] = 1, 2, 3
    predicted[0, :3] = truth[0, :3] + np.array([[3, 0], [4, 0], [8, 0]])
    figures = crop_errors(distances(predicted, truth, levels), levels, [256, 256])
    wanted = {"mean_px": 5.0, "median_px": 4.0, "median_px_visible": 8.0}
    assert figures == pytest.approx(wanted)
    levels[0, 2] = 2
    assert "median_px_visible" not in crop_errors(
        distances(predicted, truth, levels), levels, [256, 256]
    )


def test_torso_pck_by_hand():
    truth = np.zeros((1, 17, 2))
    truth[0, H36M_17.index("left_shoulder")] = 30, 0
    truth[0, H36M_17.index("right_hip")] = 0, 40
    truth[0, H36M_17.index("left_hip")] = 30, 40
    # The diagonals are 50 (left shoulder, right hip) and 50; a fifth of it is 10 px.
    predicted = truth.copy()
    predicted[0, 0] += [0, 10.0]
    predicted[0, 3] += [0, 10.01]
    errors = distances(predicted, truth, np.ones((1, 17)))
    assert torso_pck(errors, truth, H36M_17) == pytest.approx(100 * 16 / 17)


@settings(deadline=None)
@given(st.integers(0, 100))
def test_torso_pck_of_the_mirror_image_is_the_same(seed):
    rng = np.random.default_rng(seed)
    truth, levels = people(4, seed), rng.integers(0, 2, (4, 17))
    levels[0] = 1
    predicted = truth + rng.normal(0, 12, truth.shape)
    one = torso_pck(distances(predicted, truth, levels), truth, H36M_17)
    truth, predicted = mirror(truth, H36M_17), mirror(predicted, H36M_17)
    levels = levels[:, list(H36M_17.mirror_permutation)]
    assert torso_pck(distances(predicted, truth, levels), truth, H36M_17) == one


def test_who_has_no_labelled_diagonal_is_not_counted():
    truth, levels = people(2), np.ones((2, 17))
    levels[1, H36M_17.indices(["left_hip", "right_hip"])] = 0
    predicted = truth.copy()
    predicted[1] += 1000
    assert torso_pck(distances(predicted, truth, levels), truth, H36M_17) == 100.0
    with pytest.raises(DataError, match="with a torso"):
        torso_pck(distances(predicted[1:], truth[1:], levels[1:]), truth[1:], H36M_17)


def test_pixel_bad_input():
    truth, levels = people(2), np.ones((2, 17))
    predicted = truth.copy()
    predicted[1, 4] = np.nan
    with pytest.raises(DataError, match="a predicted joint is not finite"):
        distances(predicted, truth, levels)
    # A label that nobody uses may be anything.
    unlabelled = levels.copy()
    unlabelled[1, 4] = 0
    assert np.isnan(distances(truth, predicted, unlabelled)[1, 4])
    with pytest.raises(DataError, match="a true joint is not finite"):
        distances(truth, predicted, levels)
    with pytest.raises(DataError, match="expected"):
        distances(truth[:1], truth, levels)
    errors = distances(truth, truth, levels)
    with pytest.raises(DataError, match="crop 1 has no height"):
        crop_errors(errors, levels, [10.0, 0.0])
    with pytest.raises(DataError, match="no labelled joint"):
        crop_errors(distances(truth, truth, 0 * levels), levels, [10.0, 10.0])

"""Object keypoint similarity and the suppression of double detections."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gsam.errors import DataError
from gsam.metrics.oks import COCO_SIGMAS, MOST_PEOPLE, similarity, suppress

people = arrays(float, (6, 17, 3), elements=st.floats(0, 200))


@settings(deadline=None)
@given(people)
def test_similarity_is_symmetric_and_one_with_itself(points):
    areas = np.linspace(500, 3000, 6)
    matrix = np.array([similarity(p, points, a, areas) for p, a in zip(points, areas, strict=True)])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    assert (matrix >= 0).all() and (matrix <= 1 + 1e-12).all()


def test_the_distance_that_counts_grows_with_size_and_joint():
    # At d = 2 sigma sqrt(2 a) every joint agrees to 1 / e.
    one, other = np.zeros((17, 3)), np.zeros((1, 17, 3))
    other[0, :, 0] = 2 * COCO_SIGMAS * np.sqrt(2 * 900.0)
    assert similarity(one, other, 900.0, [900.0])[0] == pytest.approx(np.exp(-1))


def test_joints_below_the_least_score_do_not_count():
    one, other = np.zeros((17, 3)), np.zeros((1, 17, 3))
    other[0, 0, 0], other[0, 1:, 2] = 1000.0, 0.9
    assert similarity(one, other, 100, [100], least_score=0.4)[0] == pytest.approx(1.0)
    assert similarity(one, other, 100, [100], least_score=0.95)[0] == 0.0


@settings(deadline=None)
@given(people, st.floats(0.1, 0.95))
def test_what_is_kept(points, threshold):
    areas, scores = np.full(6, 900.0), np.array([0.3, 0.9, 0.1, 0.6, 0.5, 0.2])
    kept = suppress(points, areas, scores, threshold)
    assert kept[0] == 1 and (np.diff(scores[kept]) < 0).all()
    for place, row in enumerate(kept):
        close = similarity(points[row], points[kept[place + 1 :]], 900, areas[kept[place + 1 :]])
        assert (close <= threshold).all()
    assert sorted(suppress(points, areas, scores, threshold, soft=True)) == list(range(6))


def test_doubles_go_and_strangers_stay():
    points = np.zeros((3, 17, 3))
    points[2] += 500
    assert suppress(points, [900] * 3, [0.5, 0.6, 0.1], 0.9) == [1, 2]
    assert suppress(points[:0], [], [], 0.9) == []


def test_soft_suppression_keeps_twenty():
    count = MOST_PEOPLE + 5
    points = np.arange(count)[:, None, None] * np.ones((1, 17, 3))
    assert len(suppress(points, np.ones(count), np.arange(count), 0.9, soft=True)) == MOST_PEOPLE


def test_bad_input():
    with pytest.raises(DataError, match="2 people, 1 areas, 2 scores"):
        suppress(np.zeros((2, 17, 3)), [1.0], [1.0, 2.0], 0.9)
    with pytest.raises(DataError, match="not finite"):
        suppress(np.full((1, 17, 3), np.nan), [1.0], [1.0], 0.9)

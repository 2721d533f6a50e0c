"""Windows as indices: coverage, edges and the reference's chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.windows import (
    ReferenceShuffle,
    centred_starts,
    chunk_starts,
    padded_indices,
    training_chunks,
    window_indices,
    window_starts,
)

lengths, frames, strides = st.integers(1, 400), st.integers(1, 100), st.integers(1, 120)


@given(lengths, frames, strides)
def test_windows_lie_inside_and_cover_every_frame(length, window, stride):
    starts = window_starts(length, window, stride)
    assert starts.dtype == np.int64 and (np.diff(starts) > 0).all()
    assert starts[0] == 0 and starts[-1] <= max(length - window, 0)
    assert (np.diff(starts) <= stride).all()
    covered = window_indices(starts, window, length)
    assert covered.shape == (len(starts), window)
    assert covered.min() >= 0 and covered.max() < length
    if stride <= window:
        assert set(covered.ravel()) == set(range(length))
    if length >= window:
        # No edge is repeated: every window consists of consecutive frames.
        assert (np.diff(covered, axis=1) == 1).all()


def test_windows_without_overlap_but_for_the_last():
    assert window_starts(81, 27, 27).tolist() == [0, 27, 54]
    assert window_starts(85, 27, 27).tolist() == [0, 27, 54, 58]
    assert window_starts(10, 27, 27).tolist() == [0]
    assert window_starts(100, 9, 40).tolist() == [0, 40, 80]


@given(lengths, st.integers(0, 60).map(lambda n: 2 * n + 1))
def test_centred_windows_have_their_frame_in_the_middle(length, window):
    indices = window_indices(centred_starts(length, window), window, length)
    assert indices.shape == (length, window)
    np.testing.assert_array_equal(indices[:, window // 2], np.arange(length))
    steps = np.diff(indices, axis=1)
    assert ((steps == 0) | (steps == 1)).all()


def test_edges_are_repeated():
    starts = centred_starts(3, 5)
    expected = [[0, 0, 0, 1, 2], [0, 0, 1, 2, 2], [0, 1, 2, 2, 2]]
    assert window_indices(starts, 5, 3).tolist() == expected
    assert padded_indices(3, 2).tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert padded_indices(3, 2, 2).tolist() == [0, 0, 0, 0, 0, 1, 2]


@given(lengths, st.integers(1, 100))
def test_chunks_cover_every_frame_once_and_share_the_rest(length, chunk):
    starts = chunk_starts(length, chunk)
    assert len(starts) == -(-length // chunk)
    assert (np.diff(starts) == chunk).all()
    left, right = -starts[0], starts[-1] + chunk - length
    assert 0 <= right - left <= 1, "the left end gets the smaller half of the surplus"


def test_mirrored_chunks_follow_their_sequence():
    chunks = training_chunks([4, 2], 2, augment=True)
    assert chunks.sequence.tolist() == [0, 0, 0, 0, 1, 1]
    assert chunks.start.tolist() == [0, 2, 0, 2, 0, 0]
    assert chunks.mirrored.tolist() == [False, False, True, True, False, True]
    assert chunks.input_frames(3, pad=1).tolist() == [1, 2, 3, 3]
    assert chunks.output_frames(3).tolist() == [2, 3]


def test_shuffle_goes_on_between_epochs_and_repeats_between_runs():
    first, second = ReferenceShuffle(), ReferenceShuffle()
    one, two = first.epoch(50), first.epoch(50)
    assert sorted(one) == sorted(two) == list(range(50)) and one.tolist() != two.tolist()
    np.testing.assert_array_equal(second.epoch(50), one)
    np.testing.assert_array_equal(second.epoch(50), two)


@pytest.mark.parametrize(
    "call",
    [
        lambda: window_starts(0, 9, 9),
        lambda: window_starts(9, 0, 9),
        lambda: window_starts(9, 9, 0),
        lambda: window_indices([0], 9, 0),
        lambda: centred_starts(10, 4),
        lambda: chunk_starts(0, 3),
        lambda: chunk_starts(3, 0),
        lambda: padded_indices(5, 1, 2),
    ],
)
def test_impossible_windows(call):
    with pytest.raises(DataError, match="expected"):
        call()

"""Windows over sequences as indices: a clip is stored once and a window is a row of frame numbers.

A window may reach over either end of its sequence; frames outside repeat the edge frame. The
chunk functions follow VideoPose3D's generators exactly (common/generators.py): which frames every
training item sees, in which order, and how the order is shuffled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError

Indices = npt.NDArray[np.int64]


def _positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise DataError(f"{name} is {value}: expected at least 1")


def window_starts(num_frames: int, frames: int, stride: int) -> Indices:
    """First frames of windows of ``frames`` taken every ``stride`` frames.

    Every window lies inside the sequence unless the sequence is shorter than one window, which
    then starts at 0. When windows do not leave gaps (stride <= frames) and the last one stops
    short of the end, one more window, flush with the end, is added so that every frame is covered.
    """
    _positive(num_frames=num_frames, frames=frames, stride=stride)
    last = max(num_frames - frames, 0)
    starts = np.arange(0, last + 1, stride, dtype=np.int64)
    if stride <= frames and starts[-1] < last:
        starts = np.append(starts, last)
    return starts


def centred_starts(num_frames: int, frames: int) -> Indices:
    """One window per frame with that frame in its middle: starts at -(frames - 1) // 2.

    ``frames`` must be odd, else there is no middle (DataError).
    """
    _positive(num_frames=num_frames, frames=frames)
    if frames % 2 == 0:
        raise DataError(f"frames is {frames}: expected an odd number for a window with a middle")
    return np.arange(num_frames, dtype=np.int64) - (frames - 1) // 2


def window_indices(starts: npt.ArrayLike, frames: int, num_frames: int) -> Indices:
    """Frame numbers (N, frames) of the windows; those outside the sequence repeat its edges."""
    _positive(frames=frames, num_frames=num_frames)
    rows = np.asarray(starts, dtype=np.int64)[:, None] + np.arange(frames, dtype=np.int64)
    return np.clip(rows, 0, num_frames - 1)


def padded_indices(num_frames: int, pad: int, causal_shift: int = 0) -> Indices:
    """Frame numbers of a whole sequence with ``pad`` repeated edge frames on both sides.

    ``causal_shift`` moves the padding to the left: pad + shift before, pad - shift after
    (VideoPose3D's UnchunkedGenerator). Length num_frames + 2 pad.
    """
    _positive(num_frames=num_frames)
    if pad < abs(causal_shift):
        raise DataError(f"causal shift {causal_shift} with pad {pad}: expected |shift| <= pad")
    return window_indices([-pad - causal_shift], num_frames + 2 * pad, num_frames)[0]


def chunk_starts(num_frames: int, chunk_length: int) -> Indices:
    """First output frames of ceil(T / L) chunks of ``chunk_length`` that together cover T frames.

    What is missing to a whole number of chunks is shared by both ends, the smaller half on the
    left, so that the first start may be negative.
    """
    _positive(num_frames=num_frames, chunk_length=chunk_length)
    count = -(-num_frames // chunk_length)
    offset = (count * chunk_length - num_frames) // 2
    return np.arange(count, dtype=np.int64) * chunk_length - offset


@dataclass(frozen=True)
class Chunks:
    """Training items over several sequences, one row each, in the reference's order.

    ``sequence`` (N,) names the sequence, ``start`` (N,) the first output frame and ``mirrored``
    (N,) whether the item is flipped. The outputs of an item are ``chunk_length`` frames.
    """

    sequence: Indices
    start: Indices
    mirrored: npt.NDArray[np.bool_]
    lengths: tuple[int, ...]
    chunk_length: int

    def input_frames(self, item: int, pad: int, causal_shift: int = 0) -> Indices:
        """Frame numbers of the 2D input: the outputs widened by ``pad`` on both sides."""
        start = self.start[item] - pad - causal_shift
        return window_indices([start], self.chunk_length + 2 * pad, self._length(item))[0]

    def output_frames(self, item: int) -> Indices:
        """Frame numbers (chunk_length,) of the 3D target."""
        return window_indices([self.start[item]], self.chunk_length, self._length(item))[0]

    def _length(self, item: int) -> int:
        return self.lengths[int(self.sequence[item])]


def training_chunks(lengths: Sequence[int], chunk_length: int, augment: bool) -> Chunks:
    """Chunks of all sequences in order; with ``augment``, mirrored copies follow each sequence."""
    starts = [chunk_starts(length, chunk_length) for length in lengths]
    flags = (False, True) if augment else (False,)
    rows = [(i, s, flag) for i, own in enumerate(starts) for flag in flags for s in own]
    return Chunks(
        sequence=np.array([row[0] for row in rows], dtype=np.int64),
        start=np.array([row[1] for row in rows], dtype=np.int64),
        mirrored=np.array([row[2] for row in rows], dtype=np.bool_),
        lengths=tuple(lengths),
        chunk_length=chunk_length,
    )


class ReferenceShuffle:
    """The order of items in successive epochs: NumPy's legacy generator, seed 1234 by default."""

    def __init__(self, seed: int = 1234) -> None:
        self._random = np.random.RandomState(seed)

    def epoch(self, items: int) -> Indices:
        """Permutation of ``items`` rows for the next epoch; every call advances the generator."""
        return np.asarray(self._random.permutation(items), dtype=np.int64)

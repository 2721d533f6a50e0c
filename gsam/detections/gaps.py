"""Frames and joints that were not found: interpolated as far as was allowed, or refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["fill_gaps"]


def fill_gaps(
    points: NDArray[np.float64], allowed: int, first: int, names: Sequence[str], where: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Points (T, J, C) without NaN, and which (T, J) were filled.

    A gap of up to `allowed` frames is bridged in a straight line from the joint's last place to its
    next; at either end of the recording the nearest place is held. `first` is the number of the
    first frame, for messages.

    Raises:
        DataError: a gap is longer; names the joint, the frames, and what to say.
    """
    lost: NDArray[np.bool_] = np.asarray(np.isnan(points).any(axis=-1), np.bool_)
    gaps = [
        (end - start, start, joint)
        for joint in range(points.shape[1])
        for start, end in _runs(lost[:, joint])
    ]
    length, start, joint = max(gaps, key=lambda gap: (gap[0], -gap[1]), default=(0, 0, 0))
    if length == len(points):
        raise DataError(f"{where}: {names[joint]} was found in no frame, expected all 17 joints")
    if length > allowed:
        nobody = bool(lost[start : start + length].all())
        what, begin = "nobody" if nobody else f"no {names[joint]}", first + start
        raise DataError(
            f"{where}: {what} in frames {begin} to {begin + length - 1} ({length} of them); say "
            f"--fill {length} to interpolate gaps of up to so many frames"
        )
    filled, frames = points.copy(), np.arange(len(points))
    for joint in sorted({joint for _, _, joint in gaps}):
        known = np.flatnonzero(~lost[:, joint])
        for axis in range(points.shape[2]):
            filled[:, joint, axis] = np.interp(frames, known, points[known, joint, axis])
    return filled, lost


def _runs(lost: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frames of the gaps and the frames after them."""
    edges = np.diff(np.concatenate([[0], lost.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist()
    return list(zip(starts, ends, strict=True))

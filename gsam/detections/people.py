"""What every reader of detections gives: people of frames, as their file has them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["Detected", "Person", "flat_joints", "frame_numbers", "track_of"]

MAX_JOINTS = 200
"""Above every known set (COCO-WholeBody: 133, Halpe: 136)."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one frame: points (K, 2), scores (K,) (NaN: the file has none).

    A joint that was not found is NaN. `track` is the person's name through the recording, None
    where nobody followed people from frame to frame; `score` is of the whole person. `joints3d`
    (K, 3) is truth that stands beside the points, in the file's unit.
    """

    frame: int
    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    track: str | None = None
    score: float = math.nan
    joints3d: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Detected:
    """Everybody whom a file has, in no special order, and what else it says.

    tool: who wrote it. joints: its joint set where the file or its format says so. size: width and
    height of the pictures, px. frames: how many frames there are where the file lists those without
    people too.
    """

    tool: str
    people: Sequence[Person]
    joints: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    frames: range | None = field(default=None)


def flat_joints(
    values: Any, where: str, width: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (K, 2) and scores (K,) of a flat list x, y, score, ...; `width` 2: x, y, ...

    A joint with score 0 was not found: its point is NaN. Raises DataError for anything else.
    """
    if not isinstance(values, list) or not 0 < len(values) <= 3 * MAX_JOINTS:
        raise DataError(f"{where}: keypoints are no list of up to {3 * MAX_JOINTS} numbers")
    if len(values) % width:
        pairs = " (x, y without scores: say --no-scores)" if len(values) % 2 == 0 else ""
        raise DataError(f"{where}: {len(values)} numbers, expected {width} for each joint{pairs}")
    table = numbers(values, where).reshape(-1, width)
    scores = table[:, 2] if width == 3 else np.full(len(table), math.nan)
    return absent(table[:, :2], scores), scores


def absent(points: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points, NaN where a score says that the joint was not found."""
    lost = (scores <= 0) | ~np.isfinite(points).all(axis=1)
    return np.where(lost[:, None], math.nan, points)


def numbers(values: Any, where: str) -> NDArray[np.float64]:
    """A (nested) list of numbers as an array, null as NaN; DataError for anything else."""
    try:
        array = np.array(values, dtype=object)
        if any(isinstance(value, str | bool | list | dict) for value in array.flat):
            raise ValueError
        return np.where(array == None, math.nan, array).astype(np.float64)  # noqa: E711
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{where}: keypoints hold something else than numbers") from error


def track_of(value: Any) -> str | None:
    """A track's name: AlphaPose nests it in lists, OpenPose writes [-1] for none."""
    while isinstance(value, list):
        if len(value) != 1:
            return None
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    named = isinstance(value, int | str) and not isinstance(value, bool) and value not in (-1, "")
    return str(value) if named else None


def frame_numbers(names: Sequence[str], where: str) -> dict[str, int]:
    """Frame numbers of pictures by their names: the last number in each (`clip_0012.jpg`: 12).

    Raises:
        DataError: a name has no number, or two names have the same.
    """
    found: dict[str, int] = {}
    taken: dict[int, str] = {}
    for name in names:
        digits = re.findall(r"\d{1,9}", PurePath(name).stem.removesuffix("_keypoints"))
        if not digits:
            raise DataError(
                f"{where}: picture {name!r} has no number, expected names such as 000012.jpg"
            )
        number = int(digits[-1])
        if number in taken:
            raise DataError(
                f"{where}: pictures {taken[number]!r} and {name!r} are both frame {number}, "
                "expected one recording in a file"
            )
        found[name], taken[number] = number, name
    return found

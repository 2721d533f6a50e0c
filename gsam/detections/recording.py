"""One person's keypoints through a recording, from whatever file holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.detections.formats import open_detections
from gsam.detections.gaps import fill_gaps
from gsam.detections.joints import joint_set, to_human36m
from gsam.detections.people import Detected, Person
from gsam.detections.tracks import choose
from gsam.errors import ConfigError, DataError
from gsam.skeletons import H36M_17

__all__ = ["Options", "Recording", "read_recording"]

MAX_SIDE = 65_535
MAX_FILL = 10_000
MAX_PIXELS = 1e6
MAX_FRAME = 2**31 - 1
FAR_OUT = 1.0
"""Joints may leave a picture; half of all joints a whole picture beside it are of another size."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person says about a file of detections; None where the file says it.

    joints: joint set (`gsam.skeletons`). person: a track, or `best`. size: width and height of the
    pictures, px. fps: frames per second. fill: longest gap that is interpolated, frames.
    scored: False for a file without scores. normalised: points are in 0..1 of the size.
    """

    joints: str | None = None
    person: str | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    fill: int = 0
    scored: bool = True
    normalised: bool = False

    def problems(self) -> list[str]:
        """Values that cannot work, one line each."""
        found = []
        if self.size and not all(1 <= side <= MAX_SIDE for side in self.size):
            found.append(f"--size {self.size[0]}x{self.size[1]}: expected 1 to {MAX_SIDE} px")
        if self.fps is not None and not 1 <= self.fps <= 1000:
            found.append(f"--fps {self.fps}: expected 1 to 1000")
        if not 0 <= self.fill <= MAX_FILL:
            found.append(f"--fill {self.fill}: expected 0 to {MAX_FILL} frames")
        return found


@dataclass(frozen=True, eq=False)
class Recording:
    """One person through T frames without gaps, Human3.6M-17.

    points (T, 17, 2) float32 px of pictures of `size`; scores (T, 17) float32, 0..1, 0 where a
    joint was interpolated. joints (T, 17, 3), truth in the file's unit, or None. first: number of
    the first frame in the file. notes: tool, joint set, what was chosen and filled.
    """

    name: str
    size: tuple[int, int]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    first: int
    fps: float | None
    notes: dict[str, Any]
    joints: NDArray[np.float64] | None = None


def read_recording(path: Path, options: Options) -> Recording:
    """The recording of one person that a file or folder holds.

    Raises:
        DataError: the file cannot be used, or leaves something open that the message asks for.
        ConfigError: an option that cannot work or that the file contradicts.
    """
    problems = options.problems()
    if problems:
        raise ConfigError("; ".join(problems))
    detected = open_detections(path, scored=options.scored)
    where = str(path)
    chosen = choose(detected.people, options.person, where)
    frames = _frames(chosen, detected, options.fill, where)
    counts = sorted({len(one.points) for one in chosen})
    if len(counts) > 1:
        raise DataError(f"{where}: people of {counts[0]} and of {counts[1]} joints in one file")
    points, scores = _spread(chosen, frames)
    skeleton = joint_set(points, options.joints, detected.joints, where)
    size = _size(points, options, detected, where)
    if options.normalised:
        points = points * np.array(size)
    points, scores = to_human36m(points, scores, skeleton)
    filled, lost = fill_gaps(points, options.fill, frames[0], H36M_17.joints, where)
    return Recording(
        name=path.stem.removesuffix("_keypoints"),
        size=size,
        points=filled.astype(np.float32),
        scores=np.where(lost, 0.0, np.nan_to_num(scores, nan=1.0)).clip(0, 1).astype(np.float32),
        first=frames[0],
        fps=options.fps or detected.fps,
        joints=_truth(chosen, frames, skeleton, where),
        notes={
            "tool": detected.tool,
            "source_joint_set": skeleton.name,
            "person": options.person or "only",
            "filled_joints": int(lost.sum()),
            "filled_frames": int(lost.all(axis=1).sum()),
        },
    )


def _frames(chosen: Sequence[Person], detected: Detected, fill: int, where: str) -> range:
    """The frames of the recording: all that the file lists, else from the first to the last seen.

    Gaps are looked at before anything of their length is made.
    """
    numbers = [one.frame for one in chosen]
    if not 0 <= numbers[0] <= numbers[-1] <= MAX_FRAME:
        raise DataError(f"{where}: frames {numbers[0]} to {numbers[-1]}, expected 0 to {MAX_FRAME}")
    ends = [numbers[0], *numbers, numbers[-1]]
    if detected.frames is not None:
        ends[0], ends[-1] = detected.frames[0] - 1, detected.frames[-1] + 1
    gaps = np.diff(ends)
    worst = int(gaps.argmax())
    if gaps[worst] - 1 > fill:
        begin, missing = ends[worst] + 1, int(gaps[worst]) - 1
        raise DataError(
            f"{where}: nobody in frames {begin} to {begin + missing - 1} ({missing} of them); say "
            f"--fill {missing} to interpolate gaps of up to so many frames"
        )
    return detected.frames or range(numbers[0], numbers[-1] + 1)


def _spread(
    chosen: Sequence[Person], frames: range
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (T, K, 2) and scores (T, K), NaN in frames without the person."""
    joints = len(chosen[0].points)
    points = np.full((len(frames), joints, 2), math.nan)
    scores = np.full((len(frames), joints), math.nan)
    for one in chosen:
        points[one.frame - frames[0]] = one.points
        scores[one.frame - frames[0]] = one.scores
    return points, scores


def _size(
    points: NDArray[np.float64], options: Options, detected: Detected, where: str
) -> tuple[int, int]:
    """The size of the pictures, held against the points."""
    size = options.size or detected.size
    if size is None:
        raise DataError(
            f"{where}: no size of the pictures; say --size WIDTHxHEIGHT, such as 1920x1080"
        )
    if options.size and detected.size and options.size != detected.size:
        raise ConfigError(
            f"--size {size[0]}x{size[1]}: {where} says {detected.size[0]}x{detected.size[1]}"
        )
    known = points[np.isfinite(points).all(axis=-1)]
    if not len(known):
        raise DataError(f"{where}: no joint was found in any frame")
    if np.abs(known).max() > MAX_PIXELS:
        raise DataError(f"{where}: a joint lies {np.abs(known).max():.1e} px from the corner")
    if np.abs(known).max() <= 1.5 and not options.normalised:
        raise DataError(
            f"{where}: points lie within {known.min():.2f} to {known.max():.2f}, not pixels of "
            f"{size[0]}x{size[1]}; say --normalised if they are in 0..1 of the size"
        )
    scaled = known if options.normalised else known / np.array(size)
    outside = (np.abs(scaled - 0.5) > 0.5 + FAR_OUT).any(axis=-1).mean()
    if outside > 0.5:
        raise DataError(
            f"{where}: {outside:.0%} of the joints lie far outside of {size[0]}x{size[1]}; "
            "is the size right, and are the points in pixels?"
        )
    return size


def _truth(
    chosen: Sequence[Person], frames: range, skeleton: Any, where: str
) -> NDArray[np.float64] | None:
    """The 3D (T, 17, 3) that stands beside the points, complete."""
    if chosen[0].joints3d is None:
        return None
    if len(chosen) != len(frames):
        raise DataError(f"{where}: 3D of {len(chosen)} of {len(frames)} frames, expected all")
    joints = np.stack([one.joints3d for one in chosen])  # type: ignore[misc]
    converted, _ = to_human36m(joints, np.zeros(joints.shape[:2]), skeleton)
    if not np.isfinite(converted).all():
        frame = int(np.argwhere(~np.isfinite(converted))[0][0]) + frames[0]
        raise DataError(f"{where}: the 3D of frame {frame} is not complete, expected numbers")
    return converted

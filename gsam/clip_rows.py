"""Rows of the `clips` table: what each camera of a take saw, beside the truth in its frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gsam.cameras import normalise_screen
from gsam.datasets.takes import Take, sequence_row
from gsam.errors import DataError
from gsam.storage import list_column

__all__ = ["View", "build_clip_rows"]


@dataclass(frozen=True)
class View:
    """One camera's keypoints: points (n, 17, 2) px, scores (n, 17) and the frames (n,) of the take
    that they belong to, evenly spaced (None: every frame)."""

    points: NDArray[np.float32]
    scores: NDArray[np.float32] | None = None
    frames: NDArray[np.int32] | None = None


def build_clip_rows(take: Take, views: Sequence[View | None]) -> pa.Table:
    """The take's rows of the `clips` table: one per camera with keypoints, in the cameras' order.

    Args:
        take: joints (T, 17, 3), metres of the take's frame.
        views: per camera, None where there are no keypoints; scores are 1 where none are given.

    Returns:
        keypoints in normalised screen coordinates, targets in metres in the camera frame (x right,
        y down, z forward) relative to joint 0, and joint 0's own path; a view of every k-th frame
        has a k-th of the take's frames per second.

    Raises:
        DataError: an array has another shape than the take, is not finite, or a view's frames are
            not evenly spaced frames of the take.
    """
    if len(views) != len(take.cameras):
        raise DataError(
            f"{take.sequence}: keypoints of {len(views)} cameras, expected {len(take.cameras)}"
        )
    seen = [(camera, view) for camera, view in zip(take.cameras, views, strict=True) if view]
    screens, confidences, targets, roots, rates, valid = [], [], [], [], [], []
    for camera, view in seen:
        where = f"{take.sequence}, camera {camera.name}"
        frames, step = _frames(view, len(take.joints), where)
        points = _checked(view.points, (len(frames), 17, 2), where)
        given = np.ones((len(frames), 17)) if view.scores is None else view.scores
        seen_from = camera.world_to_camera(take.joints[frames].astype(np.float64))
        screens.append(normalise_screen(points, camera.width, camera.height))
        confidences.append(_checked(given, (len(frames), 17), f"{where}, scores"))
        roots.append(seen_from[:, 0])
        targets.append(seen_from - seen_from[:, :1])
        rates.append(take.fps / step)
        if take.valid is not None:
            valid.append(take.valid[frames])
    named = ("sequence", "dataset", "subject", "action", "take", "split")
    fixed = {name: sequence_row(take)[name] for name in named}
    return pa.table(
        {
            **{name: pa.array([text] * len(seen), pa.string()) for name, text in fixed.items()},
            "camera": pa.array([camera.name for camera, _ in seen], pa.string()),
            "fps": pa.array(rates, pa.float32()),
            "frames": pa.array([len(screen) for screen in screens], pa.int32()),
            "width": pa.array([camera.width for camera, _ in seen], pa.int32()),
            "height": pa.array([camera.height for camera, _ in seen], pa.int32()),
            "keypoints": list_column(screens),
            "scores": list_column(confidences),
            "target": list_column(targets),
            "root": list_column(roots),
            **({"valid": list_column(valid, np.bool_)} if valid else {}),
        }
    )


def _frames(view: View, total: int, where: str) -> tuple[NDArray[np.int64], int]:
    """The frames that a view shows and the distance between them."""
    if view.frames is None:
        return np.arange(total), 1
    frames = np.asarray(view.frames, np.int64)
    steps = np.unique(np.diff(frames))
    if len(frames) == 0 or frames[0] < 0 or frames[-1] >= total or len(steps) > 1:
        raise DataError(
            f"{where}: {len(frames)} frames in steps of {steps.tolist()}, "
            f"expected evenly spaced ones of the take's {total}"
        )
    if len(steps) == 1 and steps[0] < 1:
        raise DataError(f"{where}: frames are not in order, expected ascending ones")
    return frames, int(steps[0]) if len(steps) else 1


def _checked(values: object, shape: tuple[int, ...], where: str) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise DataError(f"{where}: shape {array.shape}, expected {shape}")
    finite = np.isfinite(array)
    if not finite.all():
        frame, joint = (int(i) for i in np.argwhere(~finite)[0][:2])
        raise DataError(f"{where}: frame {frame}, joint {joint} is not finite, expected numbers")
    return array

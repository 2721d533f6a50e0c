"""The Parquet layout of users' recordings (schema RECORDINGS): rows and files of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gsam.cameras import Camera
from gsam.errors import DataError
from gsam.schemas import RECORDINGS
from gsam.skeletons import H36M_17, Skeleton
from gsam.storage import write_table

__all__ = ["SPACES", "View3D", "recording_row", "write_recordings"]

SPACES = ("world", "camera")


@dataclass(frozen=True, eq=False)
class View3D:
    """Truth beside a view's keypoints: joints (T, J, 3) in metres and the camera that saw them.

    In the space "camera" the joints are in that camera's own frame, and its R and t are not used.
    """

    joints: npt.ArrayLike
    camera: Camera
    valid: npt.ArrayLike | None = None


def recording_row(
    points: npt.ArrayLike,
    scores: npt.ArrayLike | None = None,
    *,
    size: tuple[int, int],
    fps: float,
    subject: str,
    take: str,
    action: str | None = None,
    camera: str = "camera",
    split: Literal["train", "test"] | None = None,
    truth: View3D | None = None,
    first: int = 0,
) -> dict[str, Any]:
    """One row: a camera's view of a take. points (T, J, 2) px, scores (T, J), 1 where not given.

    The action is the take's first word where it is not given. Raises DataError for arrays of other
    shapes, or that are not finite.
    """
    where = f"{subject}/{take}, camera {camera}"
    shape = np.shape(points)
    if len(shape) != 3 or shape[2] != 2 or not shape[0]:
        raise DataError(f"{where}: points of shape {shape}, expected (T, J, 2)")
    given = np.ones(shape[:2]) if scores is None else scores
    row: dict[str, Any] = {
        "subject": subject,
        "action": action or take.split()[0],
        "take": take,
        "camera": camera,
        "split": split,
        "fps": float(fps),
        "frames": shape[0],
        "first": first,
        "width": int(size[0]),
        "height": int(size[1]),
        "points": _flat(points, shape, f"{where}: points"),
        "scores": _flat(given, shape[:2], f"{where}: scores"),
    }
    if truth is None:
        return row
    seen = truth.camera
    return row | {
        "joints": _flat(truth.joints, (*shape[:2], 3), f"{where}: joints"),
        "valid": None if truth.valid is None else np.asarray(truth.valid, bool).tolist(),
        "K": seen.K.reshape(-1).tolist(),
        "distortion": list(seen.distortion),
        "model": seen.model,
        "R": seen.R.reshape(-1).tolist(),
        "t": seen.t.tolist(),
    }


def _flat(values: npt.ArrayLike, shape: tuple[int, ...], where: str) -> npt.NDArray[np.float32]:
    array = np.asarray(values, np.float32)
    if array.shape != shape:
        raise DataError(f"{where} have the shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise DataError(f"{where} are not finite in frame {np.argwhere(~np.isfinite(array))[0][0]}")
    return array.reshape(-1)


def write_recordings(
    path: str | os.PathLike[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    space: Literal["world", "camera"] = "world",
    skeleton: Skeleton = H36M_17,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write rows of `recording_row` as one file; `space` says where their 3D is.

    Raises:
        DataError: rows that break the layout.
    """
    columns = {name: [row.get(name) for row in rows] for name in RECORDINGS.names}
    metadata = {
        "dataset": "custom",
        "producer": "gsam custom",
        "joint_set": skeleton.name,
        "joint_names": list(skeleton.joints),
        "space": space,
        "notes": dict(notes or {}),
    }
    write_table(path, columns, RECORDINGS, metadata)

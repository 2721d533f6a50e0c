"""VideoPose3D's own files: what its Detectron scripts write for a video, and its custom data sets.

`<video>.npz` of the scripts: `boxes` and `keypoints`, per frame [nothing, people] with boxes (N, 5:
x1, y1, x2, y2, score) and keypoints (N, 4, 17: x, y, logit, probability), and `metadata` {w, h}.
`data_2d_custom_*.npz`: `positions_2d` {video: {custom: [points (T, 17, 2)]}}, gaps already filled.
Both are COCO's joints and hold objects, which pass through the one allow-listed unpickler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gsam.detections.people import Detected, Person, absent
from gsam.errors import DataError
from gsam.skeletons import COCO_17
from gsam.unpickle import load_npz

__all__ = ["read_videopose"]


def read_videopose(path: Path) -> Detected:
    """The people of such a file; DataError for one that is not, or that holds several videos."""
    content = load_npz(path)
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        raise DataError(f"{path}: no metadata, expected VideoPose3D's detections of a video")
    if "positions_2d" in content:
        return _custom(content["positions_2d"], metadata, path)
    if not {"boxes", "keypoints"} <= content.keys():
        raise DataError(f"{path}: holds {sorted(content)}, expected boxes and keypoints")
    boxes, keypoints = (_frames(content[key], f"{path}: {key}") for key in ("boxes", "keypoints"))
    if len(boxes) != len(keypoints):
        raise DataError(f"{path}: boxes of {len(boxes)} frames, keypoints of {len(keypoints)}")
    people = [
        person
        for frame, pair in enumerate(zip(boxes, keypoints, strict=True))
        for person in _people(frame, *pair, f"{path}: frame {frame}")
    ]
    size = _size(metadata, str(path))
    return Detected("Detectron", people, COCO_17.name, size, frames=range(len(boxes)))


def _frames(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list | np.ndarray) or getattr(value, "ndim", 1) == 0:
        raise DataError(f"{where}: found a {type(value).__name__}, expected a list of frames")
    return list(value)


def _people(frame: int, boxes: Any, keypoints: Any, where: str) -> Iterator[Person]:
    try:
        found = np.asarray(keypoints[1], np.float64)
        certain = np.asarray(boxes[1], np.float64)
    except (TypeError, ValueError, LookupError) as error:
        raise DataError(f"{where}: expected [nothing, people]") from error
    if found.size == 0:
        return
    count = found.shape[0] if found.ndim else 1
    if found.shape != (count, 4, COCO_17.size) or certain.shape != (count, 5):
        raise DataError(
            f"{where}: keypoints {found.shape} and boxes {certain.shape}, "
            f"expected (N, 4, {COCO_17.size}) and (N, 5)"
        )
    for person, box in zip(found, certain, strict=True):
        # A joint's probability may be 0 where its heatmap is flat; it was found all the same.
        scores = np.maximum(person[3], np.finfo(np.float32).tiny)
        yield Person(frame, absent(person[:2].T, scores), scores, score=float(box[4]))


def _custom(positions: Any, metadata: dict[str, Any], path: Path) -> Detected:
    if not isinstance(positions, dict) or len(positions) != 1:
        held = len(positions) if isinstance(positions, dict) else "no"
        raise DataError(f"{path}: {held} videos, expected one in a file")
    ((video, actions),) = positions.items()
    try:
        ((points,),) = actions.values()
        array = np.asarray(points, np.float64)
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {video}: expected one view of one action") from error
    if array.ndim != 3 or array.shape[1:] != (COCO_17.size, 2):
        raise DataError(f"{path}: {video}: shape {array.shape}, expected (T, {COCO_17.size}, 2)")
    about = metadata.get("video_metadata")
    about = about.get(video) if isinstance(about, dict) else None
    unknown = np.full(COCO_17.size, math.nan)
    people = [Person(frame, absent(one, unknown), unknown) for frame, one in enumerate(array)]
    size = _size(about, f"{path}: {video}") if isinstance(about, dict) else None
    return Detected("VideoPose3D's custom data", people, COCO_17.name, size)


def _size(metadata: dict[str, Any], where: str) -> tuple[int, int]:
    try:
        return int(metadata["w"]), int(metadata["h"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: metadata lacks w and h, the size of the video") from error

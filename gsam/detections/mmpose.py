"""MMPose's predictions as JSON.

1.x, the inferencer: a list of frames {frame_id, instances}, frames from 0. 1.x, the demo scripts:
{meta_info, instance_info: the same list}, frames from 1, meta_info names the joint set; of a
picture, `instance_info` is the list of its instances. An instance has `keypoints` (K pairs),
`keypoint_scores` (K), `bbox_score`, and `track_id` where people were tracked. 0.x, `tools/test.py
--out`: a list of batches {preds (N, K, 3), image_paths, bbox_ids}.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gsam.detections.people import (
    MAX_JOINTS,
    Detected,
    Person,
    absent,
    frame_numbers,
    numbers,
    track_of,
)
from gsam.errors import DataError

__all__ = ["is_instances", "is_mmpose", "people_of_instances", "read_mmpose"]

_SETS = {"coco": "coco_17", "halpe26": "halpe_26", "h36m": "human36m_17", "mpii": "mpii_16"}
"""Joint sets by the names that MMPose's datasets have."""


def is_instances(content: Any) -> bool:
    """Whether this is the list of people of one picture (nobody: an empty list)."""
    return isinstance(content, list) and all(
        isinstance(one, dict) and "keypoints" in one and "image_id" not in one for one in content
    )


def is_mmpose(content: Any) -> bool:
    """Whether this is a file of MMPose's, of any version."""
    if isinstance(content, dict):
        return "instance_info" in content
    if not isinstance(content, list) or not content:
        return False
    return all(
        isinstance(one, dict) and ({"frame_id", "instances"} <= one.keys() or "preds" in one)
        for one in content
    )


def read_mmpose(content: Any, path: Path, *, scored: bool = True) -> Detected:
    """The people of a file of MMPose's; DataError, naming the frame, for one that is not right."""
    joints = None
    if isinstance(content, dict):
        meta = content.get("meta_info")
        name = meta.get("dataset_name") if isinstance(meta, dict) else None
        joints = _SETS.get(name) if isinstance(name, str) else None
        content = content["instance_info"]
        if content and is_instances(content):
            content = [{"frame_id": 0, "instances": content}]
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise DataError(f"{path}: instance_info is no list of frames")
    if content and all("preds" in one for one in content):
        return Detected("MMPose 0.x", list(_batches(content, path)))
    people: list[Person] = []
    seen = []
    for row, entry in enumerate(content):
        frame, instances = entry.get("frame_id"), entry.get("instances")
        where = f"{path}: frame {frame if isinstance(frame, int) else f'entry {row}'}"
        if not isinstance(frame, int) or not is_instances(instances):
            raise DataError(f"{where}: expected frame_id and a list of instances")
        seen.append(frame)
        people += people_of_instances(instances, frame, where, scored=scored)
    listed = bool(seen) and seen == list(range(seen[0], seen[0] + len(seen)))
    return Detected(
        "MMPose", people, joints, frames=range(seen[0], seen[-1] + 1) if listed else None
    )


def people_of_instances(
    instances: Sequence[Mapping[str, Any]], frame: int, where: str, *, scored: bool = True
) -> Iterator[Person]:
    """The people of one frame; without `scored`, scores are left unread."""
    for number, one in enumerate(instances):
        here = f"{where}, instance {number}"
        points = numbers(one.get("keypoints"), here)
        if points.ndim != 2 or points.shape[1] != 2 or not 0 < len(points) <= MAX_JOINTS:
            raise DataError(f"{here}: keypoints of shape {points.shape}, expected (K, 2)")
        scores = np.full(len(points), math.nan)
        if scored:
            if "keypoint_scores" not in one:
                raise DataError(f"{here}: no keypoint_scores; say --no-scores to do without")
            scores = numbers(one["keypoint_scores"], here)
            if scores.shape != points.shape[:1]:
                raise DataError(f"{here}: {scores.size} scores of {len(points)} joints")
        track = track_of(one.get("track_id", one.get("instance_id")))
        score = one.get("bbox_score")
        known = float(score) if isinstance(score, float) else math.nan
        yield Person(frame, absent(points, scores), scores, track, known)


def _batches(content: Sequence[Mapping[str, Any]], path: Path) -> Iterator[Person]:
    paths = [name for batch in content for name in _texts(batch.get("image_paths"), path)]
    frames = frame_numbers(sorted(set(paths)), str(path))
    for row, batch in enumerate(content):
        where = f"{path}: batch {row}"
        preds, names = batch["preds"], _texts(batch.get("image_paths"), path)
        if not isinstance(preds, list) or len(preds) != len(names):
            raise DataError(f"{where}: expected as many preds as image_paths")
        for name, pred in zip(names, preds, strict=True):
            table = numbers(pred, where)
            if table.ndim != 2 or table.shape[1] != 3 or not 0 < len(table) <= MAX_JOINTS:
                raise DataError(f"{where}: preds of shape {table.shape}, expected (K, 3)")
            points = absent(table[:, :2], table[:, 2])
            yield Person(frames[name], points, table[:, 2])


def _texts(value: Any, path: Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{path}: image_paths is no list of file names")
    return value

"""Poses and keypoints to clips on Ray Data: many readers at once, one take in memory per reader."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from gsam.clips import build_clip_rows
from gsam.datasets.takes import Take, camera_from_row, file_stem
from gsam.errors import DataError
from gsam.schemas import CAMERAS, CLIPS, KEYPOINTS, POSES, SEQUENCES
from gsam.skeletons import H36M_17
from gsam.storage import array_column, read_table, write_table
from pipelines.runtime import quiet_ray

TAKES_PER_TASK = 8
"""Enough work per task to hide Ray's scheduling; a task still holds one take at a time."""


def preprocess(
    poses: Path, keypoints: Path, clips: dict[str, Path], num_cpus: int | None = None
) -> dict[str, int]:
    """Write one file of clips per take and source; the bytes do not depend on who wrote them when.

    Args:
        poses: folder of the extract stage.
        keypoints: folder that holds one folder per source.
        clips: source name to the (existing) folder to fill.
        num_cpus: cores of a local Ray (default: all).

    Returns:
        frames (of one camera) written per source.

    Raises:
        DataError: a table is missing, broken, or does not match its take.
    """
    import ray

    rows = read_table(poses / "sequences.parquet", SEQUENCES).to_pylist()
    cameras: dict[str, list[dict[str, Any]]] = {}
    for row in read_table(poses / "cameras.parquet", CAMERAS).to_pylist():
        cameras.setdefault(row["sequence"], []).append(row)
    items = [
        {
            "row": row,
            "cameras": cameras[row["sequence"]],
            "poses": str(poses.resolve()),
            "keypoints": str((keypoints / source).resolve()),
            "out": str(folder.resolve()),
            "source": source,
        }
        for source, folder in clips.items()
        for row in rows
    ]
    with quiet_ray(num_cpus):
        blocks = max(1, len(items) // TAKES_PER_TASK)
        written = ray.data.from_items(items, override_num_blocks=blocks).map(_write_clips)
        done = written.take_all()
    errors = sorted(row["error"] for row in done if row["error"])
    if errors:
        raise DataError(errors[0])
    return {
        source: sum(row["frames"] for row in done if row["source"] == source) for source in clips
    }


def _write_clips(item: dict[str, Any]) -> dict[str, Any]:
    """Write one take's clips; a user's error travels as data, not in Ray's traceback."""
    result = {"source": item["source"], "frames": 0, "error": ""}
    try:
        result["frames"] = write_clips(item)
    except DataError as error:
        result["error"] = str(error)
    return result


def write_clips(item: dict[str, Any]) -> int:
    """Write one take's clips of one source; returns frames times cameras."""
    row = item["row"]
    name = f"{file_stem(row['sequence'])}.parquet"
    cameras = [camera_from_row(camera) for camera in item["cameras"]]
    joints = read_table(os.path.join(item["poses"], "frames", name), POSES, ["joints"])
    take = Take(
        dataset=row["dataset"],
        subject=row["subject"],
        action=row["action"],
        name=row["take"],
        fps=row["fps"],
        split=row["split"],
        joints=array_column(joints, "joints", (H36M_17.size, 3)),
        cameras=tuple(cameras),
    )
    points, scores = _read_keypoints(os.path.join(item["keypoints"], name), take)
    metadata = {
        "dataset": row["dataset"],
        "producer": "gsam preprocess",
        "keypoint_source": item["source"],
        "joint_names": list(H36M_17.joints),
    }
    write_table(
        os.path.join(item["out"], name), build_clip_rows(take, points, scores), CLIPS, metadata
    )
    return len(take.joints) * sum(view is not None for view in points)


def _read_keypoints(path: str, take: Take) -> tuple[list[np.ndarray | None], list[np.ndarray]]:
    """Per camera of the take, points (T, 17, 2) in pixels (None: not seen) and scores (T, 17)."""
    table = read_table(path, KEYPOINTS, ["camera", "points", "scores"])
    frames = len(take.joints)
    names = table.column("camera").to_pylist()[::frames]
    expected = [camera.name for camera in take.cameras]
    if not set(names) <= set(expected) or len(table) != frames * len(set(names)):
        raise DataError(
            f"{path}: {len(table)} rows of cameras {names}, "
            f"expected {frames} frames of each of {expected}"
        )
    points = array_column(table, "points", (H36M_17.size, 2)).reshape(len(names), frames, -1, 2)
    scores = array_column(table, "scores", (H36M_17.size,)).reshape(len(names), frames, -1)
    views = dict(zip(names, zip(points, scores, strict=True), strict=True))
    unseen = np.zeros((frames, H36M_17.size), np.float32)
    return (
        [views[name][0] if name in views else None for name in expected],
        [views[name][1] if name in views else unseen for name in expected],
    )

"""Poses and keypoints to clips on Ray Data: many readers at once, one take in memory per reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsam.clip_rows import View, build_clip_rows
from gsam.datasets.pose_tables import read_take, take_rows
from gsam.datasets.takes import Take, file_stem
from gsam.errors import DataError
from gsam.schemas import CLIPS, KEYPOINTS
from gsam.skeletons import H36M_17
from gsam.storage import array_column, read_table, write_table
from pipelines.pieces import pieces_done
from pipelines.runtime import quiet_ray

TAKES_PER_TASK = 8
"""Enough work per task to hide Ray's scheduling; a task still holds one take at a time."""


@dataclass(frozen=True)
class ClipSource:
    """Where a source's keypoints lie, the folder of its clips (existing, to be filled), and whose
    frames alone to keep (a folder of keypoints; None: all)."""

    keypoints: Path
    clips: Path
    frames_of: Path | None = None


def preprocess(
    poses: Path, sources: Mapping[str, ClipSource], num_cpus: int | None = None
) -> dict[str, int]:
    """Write one file of clips per take and source; the bytes do not depend on who wrote them when.

    A take without keypoints in a source (no pictures of it) has no file there.

    Args:
        poses: folder of the extract stage.
        sources: by name.
        num_cpus: cores of a local Ray (default: all).

    Returns:
        frames (of one camera) written per source.

    Raises:
        DataError: a table is missing, broken, or does not match its take.
    """
    items: list[dict[str, Any]] = [
        {
            "row": row,
            "cameras": cameras,
            "poses": str(poses.resolve()),
            "keypoints": str(source.keypoints.resolve()),
            "frames_of": str(source.frames_of.resolve()) if source.frames_of else "",
            "out": str(source.clips.resolve()),
            "source": name,
        }
        for name, source in sources.items()
        for row, cameras in take_rows(poses)
        if not source.frames_of or _of_take(source.frames_of, row["sequence"]).exists()
    ]
    items = [
        item
        for item in items
        if _of_take(Path(item["keypoints"]), item["row"]["sequence"]).exists()
    ]
    if not items:
        return dict.fromkeys(sources, 0)
    with quiet_ray(num_cpus):
        done = list(pieces_done(items, _write_clips, TAKES_PER_TASK))
    errors = sorted(row["error"] for row in done if row["error"])
    if errors:
        raise DataError(errors[0])
    return {name: sum(row["frames"] for row in done if row["source"] == name) for name in sources}


def _of_take(folder: Path, sequence: str) -> Path:
    return folder / f"{file_stem(sequence)}.parquet"


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
    take = read_take(Path(item["poses"]), item["row"], item["cameras"])
    kept = _frames_of(Path(item["frames_of"]), take) if item["frames_of"] else None
    views = _read_views(_of_take(Path(item["keypoints"]), take.sequence), take, kept)
    metadata = {
        "dataset": take.dataset,
        "producer": "gsam preprocess",
        "keypoint_source": item["source"],
        "joint_names": list(H36M_17.joints),
    }
    rows = build_clip_rows(take, views)
    write_table(_of_take(Path(item["out"]), take.sequence), rows, CLIPS, metadata)
    return int(sum(rows.column("frames").to_pylist()))


def _frames_of(folder: Path, take: Take) -> dict[str, np.ndarray]:
    """By camera, the frames (n,) of a take that a folder of keypoints has."""
    table = read_table(_of_take(folder, take.sequence), KEYPOINTS, ["camera", "frame"])
    cameras = np.array(table.column("camera").to_pylist())
    frames = table.column("frame").to_numpy()
    return {name: frames[cameras == name] for name in np.unique(cameras).tolist()}


def _read_views(path: Path, take: Take, kept: dict[str, np.ndarray] | None) -> list[View | None]:
    """Per camera of the take its keypoints, None where it has none; of the `kept` frames alone."""
    table = read_table(path, KEYPOINTS, ["camera", "frame", "points", "scores"])
    cameras = np.array(table.column("camera").to_pylist())
    expected = [camera.name for camera in take.cameras]
    unknown = set(cameras.tolist()) - set(expected)
    if unknown:
        raise DataError(f"{path}: keypoints of cameras {sorted(unknown)}, expected {expected}")
    columns = (
        table.column("frame").to_numpy(),
        array_column(table, "points", (H36M_17.size, 2)),
        array_column(table, "scores", (H36M_17.size,)),
    )
    views: list[View | None] = []
    for name in expected:
        rows = cameras == name
        if kept is not None:
            rows &= np.isin(columns[0], kept.get(name, ()))
        frames, points, scores = (column[rows] for column in columns)
        views.append(View(points, scores, frames) if len(frames) else None)
    return views

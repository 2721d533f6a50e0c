"""Give every frame and camera its 2D keypoints, once per source: gt, cpn, detectron, sh.

    python -m stages.keypoints

Reads data/plan/keypoints.json, data/poses/ and, where detections come with the data, the raw
archives. Writes data/keypoints/<source>/<take>.parquet. `gt` is the archive's projected truth, or
our projection where there is none; motion capture (data: bvh) has no detections: its cpn,
detectron and sh are made by the noise model of gsam.keypoints.noise. A detector file that the user
does not have leaves missing.json, which says so.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gsam.cameras import Camera
from gsam.datasets.human36m_files import KEYPOINT_FILES
from gsam.datasets.human36m_keypoints import Views, cut_to
from gsam.datasets.takes import camera_from_row, file_stem
from gsam.errors import DataError, LicensedDataMissing
from gsam.keypoints import noise
from gsam.schemas import CAMERAS, KEYPOINTS, POSES, SEQUENCES
from gsam.skeletons import H36M_17
from gsam.storage import (
    array_column,
    atomic_directory,
    list_column,
    read_table,
    write_json,
    write_table,
)
from stages import paths
from stages.common import planned, progress, run_stage
from stages.params import SOURCES
from stages.sources import imported_keypoints

Detections = tuple[np.ndarray, np.ndarray]
"""Pixels (T, 17, 2) and scores (T, 17)."""

Detect = Callable[[dict[str, Any], np.ndarray, int, Camera], Detections | None]
"""From a take's row, its world joints (T, 17, 3) and a camera: the detections, if any."""


def main(arguments: list[str]) -> str:
    """Write data/keypoints; returns the summary line."""
    plan = planned("keypoints")
    takes = list(poses())
    lines = []
    for source in SOURCES:
        with atomic_directory(paths.KEYPOINTS / source) as folder:
            try:
                detect = detector(plan, source)
            except LicensedDataMissing as missing:
                write_json(folder / "missing.json", {"source": source, "reason": str(missing)})
                lines.append(f"{source} missing")
                continue
            error = write_source(folder, takes, detect, plan["data"], source)
            lines.append(f"{source} {error:.1f} px")
    return f"{len(takes)} takes  median distance to the projected truth: {', '.join(lines)}"


def poses() -> Iterator[tuple[dict[str, Any], list[Camera]]]:
    """Every take's row and its cameras, in the order of data/poses."""
    folder = paths.POSES
    cameras: dict[str, list[Camera]] = {}
    for row in read_table(folder / "cameras.parquet", CAMERAS).to_pylist():
        cameras.setdefault(row["sequence"], []).append(camera_from_row(row))
    for row in read_table(folder / "sequences.parquet", SEQUENCES).to_pylist():
        yield row, cameras[row["sequence"]]


def read_joints(sequence: str) -> np.ndarray:
    """World joints (T, 17, 3) of one take, metres."""
    path = paths.POSES / "frames" / f"{file_stem(sequence)}.parquet"
    return array_column(read_table(path, POSES, ["joints"]), "joints", (H36M_17.size, 3))


def detector(plan: dict[str, Any], source: str) -> Detect:
    """How this data gets the keypoints of one source.

    Raises:
        LicensedDataMissing: the source's file is not among the archives.
    """
    if plan["data"] == "bvh":
        return project if source == "gt" else simulated(source, plan["seed"])
    try:
        found = imported_keypoints(plan["data"], source)
    except LicensedDataMissing:
        if source == "gt":
            return project
        raise
    file = KEYPOINT_FILES[source]
    return lambda row, joints, index, camera: imported(found, row, joints, index, file)


def project(row: dict[str, Any], joints: np.ndarray, index: int, camera: Camera) -> Detections:
    """Ground truth: the camera's projection of the joints."""
    points = camera.project(camera.world_to_camera(joints)).astype(np.float32)
    return points, np.ones(points.shape[:2], np.float32)


def simulated(source: str, seed: int) -> Detect:
    """The noise model in place of a detector, its own draw for every take and camera."""

    def detect(row: dict[str, Any], joints: np.ndarray, index: int, camera: Camera) -> Detections:
        truth, _ = project(row, joints, index, camera)
        return noise.detect(truth, source, f"{row['sequence']}/{camera.name}", seed)

    return detect


def imported(
    found: dict[tuple[str, str], Views],
    row: dict[str, Any],
    joints: np.ndarray,
    index: int,
    file: str,
) -> Detections | None:
    """A detector file's keypoints cut to the motion capture; None where this camera has none.

    Raises:
        DataError: the take has none, or fewer frames than the motion capture.
    """
    views = found.get((row["subject"], row["take"]))
    if views is None:
        raise DataError(f"{file}: no take {row['sequence']}, expected {len(joints)} frames of it")
    points = cut_to(views, len(joints), f"{file}: {row['sequence']}")[index]
    return None if points is None else (points, np.ones(points.shape[:2], np.float32))


def write_source(
    folder: Path,
    takes: list[tuple[dict[str, Any], list[Camera]]],
    detect: Detect,
    data: str,
    source: str,
) -> float:
    """Write one file per take; returns the median distance (px) to the projected truth."""
    metadata = {
        "dataset": data,
        "producer": f"gsam keypoints {source}",
        "joint_names": list(H36M_17.joints),
    }
    distances = []
    for row, cameras in progress(takes, f"keypoints {source}"):
        joints = read_joints(row["sequence"])
        views = {}
        for index, camera in enumerate(cameras):
            found = detect(row, joints, index, camera)
            if found is not None:
                views[camera.name] = found
                distances.append(_sampled_distance(found[0], joints, camera))
        table = keypoint_table(row, views, source)
        write_table(folder / f"{file_stem(row['sequence'])}.parquet", table, KEYPOINTS, metadata)
    return float(np.median(np.concatenate(distances)))


def _sampled_distance(points: np.ndarray, joints: np.ndarray, camera: Camera) -> np.ndarray:
    """Distances (px) of every tenth frame's points to the projected joints: enough for a median."""
    truth = camera.project(camera.world_to_camera(joints[::10]))
    return np.linalg.norm(points[::10] - truth, axis=-1).ravel()


def keypoint_table(
    row: dict[str, Any], views: dict[str, Detections], source: str
) -> dict[str, Any]:
    """The columns of one take's file: camera by camera, frame by frame."""
    frames = row["frames"]
    total = frames * len(views)
    return {
        "sequence": pa.array([row["sequence"]] * total),
        "camera": pa.array(np.repeat(list(views), frames)),
        "frame": pa.array(np.tile(np.arange(frames, dtype=np.int32), len(views))),
        "points": list_column(np.concatenate([points for points, _ in views.values()])),
        "scores": list_column(np.concatenate([scores for _, scores in views.values()])),
        "detector": pa.array([source] * total),
        "version": pa.array(["1"] * total),
    }


if __name__ == "__main__":
    run_stage(main)

"""Give every frame and camera its 2D keypoints, once per source that needs no pictures.

    python -m stages.keypoints

Reads data/plan/keypoints.json, data/poses/ and, where detections come with the data, the raw data.
Writes data/keypoints/<source>/<take>.parquet. `gt` is the projected truth that comes with the data
(the community's archive, the original's D2_Positions), or our projection where there is none;
`imported`, `imported_detectron` and `imported_hourglass` are the detections that come with it, by
CPN, Detectron and a stacked hourglass. Motion capture (data: bvh) has no detections: the noise
model of gsam.keypoints.noise makes them. Recordings of the user's own (data: custom) come with one
kind of 2D, `imported`. A detector file that the user does not have leaves
missing.json, which says so. Our own detectors: stages.detect.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.human36m.keypoints import keypoints_of
from gsam.datasets.pose_tables import read_takes
from gsam.datasets.takes import Take, file_stem
from gsam.errors import LicensedDataMissing
from gsam.keypoints import noise
from gsam.schemas import KEYPOINTS
from gsam.skeletons import H36M_17
from gsam.storage import atomic_directory, write_json, write_table
from stages import paths
from stages.common import planned, progress, run_stage
from stages.keypoint_table import Detections, keypoint_table
from stages.params import ARCHIVED
from stages.sources import custom_keypoints, imported_keypoints

Detect = Callable[[Take], list[Detections | None]]
"""From a take, the detections of each of its cameras, None where the source has no file of it."""


def main(arguments: list[str]) -> str:
    """Write data/keypoints of the sources in ARCHIVED; returns the summary line."""
    plan = planned("keypoints")
    lines = []
    for source in ARCHIVED:
        with atomic_directory(paths.KEYPOINTS / source) as folder:
            try:
                detect = detector(plan, source)
            except LicensedDataMissing as missing:
                write_json(folder / "missing.json", {"source": source, "reason": str(missing)})
                lines.append(f"{source} missing")
                continue
            lines.append(f"{source} {write_source(folder, detect, source):.1f} px")
    return f"median distance to the projected truth: {', '.join(lines)}"


def detector(plan: dict[str, Any], source: str) -> Detect:
    """How this data gets the keypoints of one source.

    Raises:
        LicensedDataMissing: the source's file is not among the archives.
    """
    if plan["data"] in ("bvh", "custom") and source == "gt":
        return project
    if plan["data"] == "bvh":
        return simulated(ARCHIVED[source], plan["seed"])
    if plan["data"] == "custom":
        own = custom_keypoints(source)
        return lambda take: own[take.sequence]
    try:
        found = imported_keypoints(plan["data"], source)
    except LicensedDataMissing:
        if source == "gt":
            return project
        raise
    where = f"keypoints {source}"
    return lambda take: [
        None if points is None else (points, np.ones(points.shape[:2], np.float32))
        for points in keypoints_of(found, take, where)
    ]


def project(take: Take) -> list[Detections | None]:
    """Ground truth: each camera's projection of the joints."""
    views = [camera.project(camera.world_to_camera(take.joints)) for camera in take.cameras]
    return [(view.astype(np.float32), np.ones(view.shape[:2], np.float32)) for view in views]


def simulated(detector: str, seed: int) -> Detect:
    """The noise model in place of a detector, its own draw for every take and camera."""

    def detect(take: Take) -> list[Detections | None]:
        return [
            noise.detect(view[0], detector, f"{take.sequence}/{camera.name}", seed)
            for view, camera in zip(project(take), take.cameras, strict=True)
            if view is not None
        ]

    return detect


def write_source(folder: Path, detect: Detect, source: str) -> float:
    """Write one file per take; returns the median distance (px) to the projected truth.

    Raises:
        DataError: a take has no detections, or fewer frames than the motion capture.
    """
    metadata = {
        "producer": f"gsam keypoints {source}",
        "joint_names": list(H36M_17.joints),
    }
    distances = []
    for take in progress(read_takes(paths.POSES), f"keypoints {source}"):
        views = {
            camera.name: found
            for camera, found in zip(take.cameras, detect(take), strict=True)
            if found is not None
        }
        distances += [
            _sampled_distance(views[camera.name][0], take.joints, camera)
            for camera in take.cameras
            if camera.name in views
        ]
        table = keypoint_table(take, views, source)
        path = folder / f"{file_stem(take.sequence)}.parquet"
        write_table(path, table, KEYPOINTS, {"dataset": take.dataset, **metadata})
    return float(np.median(np.concatenate(distances)))


def _sampled_distance(points: np.ndarray, joints: np.ndarray, camera: Camera) -> np.ndarray:
    """Distances (px) of every tenth frame's points to the projected joints: enough for a median."""
    truth = camera.project(camera.world_to_camera(joints[::10]))
    return np.linalg.norm(points[::10] - truth, axis=-1).ravel()


if __name__ == "__main__":
    run_stage(main)

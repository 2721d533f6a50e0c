"""Read MPI-INF-3DHP once: every camera's poses in that camera's frame, and its 2D annotations.

    python -m stages.extract_threedhp

Reads data/plan/extract_threedhp.json and what data/source_threedhp holds or lists. Writes
data/poses_threedhp/, in the form of data/poses/, and data/keypoints/threedhp_gt/<take>.parquet. A
take is what one camera saw of a sequence. Without the dataset both hold missing.json, which says
where to get it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gsam.datasets.mpi_inf_3dhp.takes import DATASET, TWIN, FilmedTake, read_takes
from gsam.datasets.takes import Take, file_stem
from gsam.schemas import KEYPOINTS
from gsam.skeletons import H36M_17
from gsam.storage import atomic_directory, read_json, write_json, write_table
from gsam.twin_mark import is_twin
from pipelines.raw_fetch import local_folder
from stages import paths
from stages.common import planned, progress, run_stage
from stages.keypoint_table import keypoint_table
from stages.params import THREEDHP
from stages.pose_folder import write_poses
from stages.raw_names import RAW_FILES

(SOURCE,) = THREEDHP


def main(arguments: list[str]) -> str:
    """Write data/poses_threedhp and data/keypoints/threedhp_gt; returns the summary line."""
    plan = planned("extract_threedhp")
    absent = paths.THREEDHP_SOURCE / "missing.json"
    keypoints = paths.KEYPOINTS / SOURCE
    with atomic_directory(paths.THREEDHP_POSES) as poses, atomic_directory(keypoints) as points:
        if absent.exists():
            for folder in (poses, points):
                write_json(folder / "missing.json", {"source": SOURCE, **read_json(absent)})
            return f"{SOURCE} missing"
        with local_folder(source_folder(plan), *RAW_FILES["threedhp"]) as raw:
            dataset = TWIN if is_twin(raw) else DATASET
            takes = progress(read_takes(raw, plan["cameras"]), "extract")
            return write_poses(poses, _written(takes, points, dataset), dataset)


def source_folder(plan: dict[str, Any]) -> str:
    """Where the raw files are, the twin's or the user's."""
    return str(paths.THREEDHP_SOURCE / "threedhp" if plan["data"] == "twin" else plan["folder"])


def _written(takes: Iterable[FilmedTake], folder: Path, dataset: str) -> Iterator[Take]:
    """Every take, its keypoints written on the way: the files are read once."""
    metadata = {
        "dataset": dataset,
        "producer": f"gsam keypoints {SOURCE}",
        "joint_names": list(H36M_17.joints),
    }
    for filmed in takes:
        take, points = filmed.take, filmed.points
        view = (points, np.ones(points.shape[:2], np.float32))
        table = keypoint_table(take, {take.cameras[0].name: view}, SOURCE)
        write_table(folder / f"{file_stem(take.sequence)}.parquet", table, KEYPOINTS, metadata)
        yield take


if __name__ == "__main__":
    run_stage(main)

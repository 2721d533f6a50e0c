"""Find the joints in the pictures of Human3.6M, twin or original, by one trained detector.

    python -m stages.detect NAME

Reads data/plan/detectors/<name>.json, models/detector/<name>/ (its first seed),
data/images/human36m/ and, where people are not where the labels say, a file of boxes. Writes
data/keypoints/<name>/<take>.parquet for every take that has pictures: the frames that have one, in
pixels of the camera's frame. Killed at any instant and run again, it goes on from the shards of
pictures that it had finished (.gsam/detect, or $GSAM_RUN_STORAGE) and ends with the same bytes.
Where the pictures are missing, missing.json says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from gsam.configs import build
from gsam.datasets.takes import file_stem
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.schemas import KEYPOINTS
from gsam.storage import atomic_directory, digest, list_column, read_json, write_json, write_table
from pipelines.detect import DetectConfig, DetectJob, cut_shards, detect, storage_of
from pipelines.detect_storage import Found
from pipelines.raw_fetch import local_file
from stages import paths
from stages.common import one_argument, planned, progress, run_stage

DATASET = "human36m"
SPLITS = ("train", "test")


def main(arguments: list[str]) -> str:
    """Write data/keypoints/<name>; returns the summary line."""
    name = one_argument(arguments, "name of a detector")
    run = planned(f"detectors/{name}")
    for folder in (paths.IMAGES / DATASET, paths.DETECTOR_MODELS / name):
        if (folder / "missing.json").exists():
            return write_missing(name, read_json(folder / "missing.json")["reason"])
    config = build(DetectConfig, run["detect"], "detect")
    if config.boxes == "truth":
        return find(name, run, config)
    with local_file(config.boxes) as file:  # actors work elsewhere
        return find(name, run, replace(config, boxes=str(file.resolve())))


def find(name: str, run: Mapping[str, Any], config: DetectConfig) -> str:
    """Detect in all pictures, write data/keypoints/<name>; returns the summary line.

    Raises:
        DataError: a file cannot be used; the message names it.
    """
    models, pictures = paths.DETECTOR_MODELS / name, paths.IMAGES / DATASET
    weights = models / f"seed{run['seeds'][0]}.safetensors"
    job = DetectJob(str(weights.resolve()), str(pictures.resolve()), SPLITS, config)
    images = job.open()
    storage = storage_of(name, job, images[SPLITS[0]].data_hash)
    shards = cut_shards(job, images)
    work = detect(job, images, shards, storage, run["workers"])
    done = {shard.name: found for shard, found in progress(work, f"detect {name}", len(shards))}
    parts = [
        keypoint_columns(each, Found.joined([done[s.name] for s in shards if s.split == split]))
        for split, each in images.items()
    ]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    notes = {
        "dataset": images[SPLITS[0]].dataset,
        "producer": f"gsam detect {name}",
        "joint_names": list(images[SPLITS[0]].skeleton.joints),
        "detect": run["detect"],
    }
    takes = write_keypoints(name, columns, digest(weights), notes)
    storage.clear()
    return (
        f"{len(columns['frame']):,} people in {sum(map(len, images.values())):,} pictures of "
        f"{takes} takes  median distance to the truth {median_error(columns):.1f} px"
    )


def write_missing(name: str, reason: str) -> str:
    """Say in the place of keypoints why there are none; returns the summary line."""
    with atomic_directory(paths.KEYPOINTS / name) as folder:
        write_json(folder / "missing.json", {"source": name, "reason": reason})
    return f"not detected: {reason}"


def keypoint_columns(images: ImageSet, found: Found) -> dict[str, np.ndarray]:
    """What was found in a split's pictures, in pixels of the cameras' frames, and where and when
    it was; `error` (P, J) is the distance to the picture's labels, NaN where there are none.

    Raises:
        DataError: a picture does not say which take, camera and frame it is of.
    """
    rows = {key: images.rows[key] for key in ("sequence", "camera", "frame")}
    for key, column in rows.items():
        if column.null_count:
            raise DataError(f"{images.folder}: pictures without {key}, expected one for each")
    zoom = images.rows["zoom"].to_numpy()[found.picture][:, None]
    origin = np.stack([images.rows[key].to_numpy() for key in ("origin_x", "origin_y")], axis=-1)
    origin = origin[found.picture]
    return {
        **{key: column.to_numpy()[found.picture] for key, column in rows.items()},
        "points": found.points / zoom[:, None] + origin[:, None],
        "scores": found.scores.clip(0.0, 1.0),
        "box": np.concatenate([found.boxes[:, :2] / zoom + origin, found.boxes[:, 2:] / zoom], 1),
        "error": label_distances(images, found) / zoom,
    }


def label_distances(images: ImageSet, found: Found) -> np.ndarray:
    """Distances (P, J) px of the stored pictures to the labels of pictures with one person; NaN
    for the others and for unlabelled joints."""
    counts = np.bincount(images.person_image, minlength=len(images))
    person = np.searchsorted(images.person_image, found.picture).clip(max=len(images.points) - 1)
    labelled = images.visibility[person] > 0
    labelled &= (counts[found.picture] == 1)[:, None]
    distances = np.linalg.norm(found.points - images.points[person], axis=-1)
    return np.where(labelled, distances, np.nan)


def median_error(columns: Mapping[str, np.ndarray]) -> float:
    """Median distance (px of the cameras' frames) to the labels; NaN without any."""
    known = columns["error"][~np.isnan(columns["error"])]
    return float(np.median(known)) if len(known) else float("nan")


def write_keypoints(
    name: str, columns: Mapping[str, np.ndarray], version: str, notes: Mapping[str, Any]
) -> int:
    """Write one file per take, camera by camera, frame by frame; returns the number of takes."""
    sequences = np.unique(columns["sequence"]).tolist()
    with atomic_directory(paths.KEYPOINTS / name) as folder:
        for sequence in sequences:
            mine = np.flatnonzero(columns["sequence"] == sequence)
            order = mine[np.lexsort((columns["frame"][mine], columns["camera"][mine]))]
            table = {
                "sequence": pa.array(columns["sequence"][order]),
                "camera": pa.array(columns["camera"][order]),
                "frame": pa.array(columns["frame"][order]),
                "points": list_column(columns["points"][order]),
                "scores": list_column(columns["scores"][order]),
                "box": list_column(columns["box"][order]),
                "detector": pa.array([name] * len(order)),
                "version": pa.array([version] * len(order)),
            }
            write_table(folder / f"{file_stem(sequence)}.parquet", table, KEYPOINTS, notes)
    return len(sequences)


if __name__ == "__main__":
    run_stage(main)

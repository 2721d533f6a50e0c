"""Our own `keypoints` tables, as `python -m pipelines.predict2d` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsam.detections.people import Detected, Person, absent, frame_numbers
from gsam.errors import DataError
from gsam.schemas import KEYPOINTS, metadata_of
from gsam.skeletons import SKELETONS
from gsam.storage import array_column, read_table

__all__ = ["read_keypoint_table"]


def read_keypoint_table(path: Path) -> Detected:
    """The people of one video, or of pictures whose names are numbered; DataError for others."""
    table = read_table(path, KEYPOINTS)
    named = metadata_of(table).get("joint_names")
    found = [one for one in SKELETONS.values() if list(one.joints) == named]
    if not found:
        raise DataError(f"{path}: joint_names in the metadata are of no joint set that is known")
    if len(set(table.column("camera").to_pylist())) > 1:
        raise DataError(f"{path}: of several cameras, expected one recording")
    frames = table.column("frame").to_numpy()
    pictures = table.column("sequence").to_pylist()
    if len(set(pictures)) > 1:
        if frames.any():
            raise DataError(f"{path}: of {len(set(pictures))} sequences, expected one recording")
        numbers = frame_numbers(sorted(set(pictures)), str(path))
        frames = np.array([numbers[name] for name in pictures])
    points = array_column(table, "points", (found[0].size, 2)).astype(np.float64)
    # Our detectors always answer: a score of 0 is a doubtful joint, not a missing one.
    scores = array_column(table, "scores", (found[0].size,)).astype(np.float64)
    scores = np.maximum(scores, np.finfo(np.float32).tiny)
    people = [
        Person(int(frame), absent(own, sure), sure)
        for frame, own, sure in zip(frames, points, scores, strict=True)
    ]
    return Detected("gsam predict2d", people, found[0].name)

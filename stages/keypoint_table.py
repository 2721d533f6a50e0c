"""One take's keypoints as rows of the `keypoints` table."""

from typing import Any

import numpy as np
import pyarrow as pa

from gsam.datasets.takes import Take
from gsam.storage import list_column

Detections = tuple[np.ndarray, np.ndarray]
"""Pixels (T, 17, 2) and scores (T, 17)."""


def keypoint_table(take: Take, views: dict[str, Detections], source: str) -> dict[str, Any]:
    """The columns of one take's file: camera by camera, frame by frame."""
    frames = len(take.joints)
    total = frames * len(views)
    return {
        "sequence": pa.array([take.sequence] * total),
        "camera": pa.array(np.repeat(list(views), frames)),
        "frame": pa.array(np.tile(np.arange(frames, dtype=np.int32), len(views))),
        "points": list_column(np.concatenate([points for points, _ in views.values()])),
        "scores": list_column(np.concatenate([scores for _, scores in views.values()])),
        "detector": pa.array([source] * total),
        "version": pa.array(["1"] * total),
    }

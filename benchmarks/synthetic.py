"""Invented people for timing: nothing can be learnt from them, but shapes and files are real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.clip_rows import View, build_clip_rows
from gsam.clips import ClipInfo, ClipSet
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.takes import Take, file_stem
from gsam.schemas import CLIPS
from gsam.skeletons import H36M_17
from gsam.storage import write_table

__all__ = ["JOINT_METADATA", "METADATA", "clip_set", "projected", "take", "write_clips"]

METADATA = {"dataset": "synthetic", "producer": "gsam benchmarks"}
JOINT_METADATA = METADATA | {"joint_names": list(H36M_17.joints)}


def clip_set(clips: int, frames: int, seed: int = 0) -> ClipSet:
    """Clips of equal length that look like normalised keypoints and root-relative poses."""
    random = np.random.default_rng(seed)
    total = clips * frames
    info = ClipInfo("S1/walk", "synthetic", "S1", "walk", "walk", "c", "train", 50.0, frames, 1, 1)
    return ClipSet(
        torch.from_numpy(random.normal(0, 0.3, (total, 17, 2)).astype(np.float32)),
        torch.from_numpy(random.normal(0, 0.3, (total, 17, 3)).astype(np.float32)),
        torch.ones(total, dtype=torch.bool),
        torch.arange(clips + 1) * frames,
        tuple(replace(info, sequence=f"S1/walk {i}") for i in range(clips)),
    )


def take(frames: int, name: str = "walk 0", split: str = "train") -> Take:
    """A cloud of joints that wanders through the room of Human3.6M's first subject."""
    random = np.random.default_rng([frames, 1])
    path = np.cumsum(random.normal(0, 0.01, (frames, 1, 3)), axis=0)
    shape = random.normal(0, 0.3, (1, 17, 3)) + np.array([0.0, 0.0, 1.0])
    joints = (shape + path + random.normal(0, 0.01, (frames, 17, 3))).astype(np.float32)
    cameras = human36m_cameras()["S1"]
    return Take("synthetic", "S1", "walk", name, 50.0, split, joints, cameras)


def projected(shown: Take) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Pixels and scores of every camera."""
    points = [
        camera.project(camera.world_to_camera(shown.joints)).astype(np.float32)
        for camera in shown.cameras
    ]
    return [(xy, np.ones(xy.shape[:2], np.float32)) for xy in points]


def write_clips(folder: Path, frames: int) -> None:
    """One training and one test take as the preprocess stage writes them."""
    for name, split in (("walk 0", "train"), ("walk 1", "test")):
        shown = take(frames, name, split)
        rows = build_clip_rows(shown, [View(points) for points, _ in projected(shown)])
        path = folder / f"{file_stem(shown.sequence)}.parquet"
        write_table(path, rows, CLIPS, JOINT_METADATA | {"keypoint_source": "gt"})

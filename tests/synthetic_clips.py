"""Small clips of a wobbling body before Human3.6M's cameras, for tests of training and scoring."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from gsam.clip_rows import View, build_clip_rows
from gsam.clips import ClipSet
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.takes import Take, file_stem
from gsam.schemas import CLIPS
from gsam.skeletons import H36M_17
from gsam.storage import write_table

METADATA = {
    "dataset": "synthetic",
    "producer": "tests",
    "joint_names": list(H36M_17.joints),
}


def make_take(subject: str, name: str, frames: int, cameras: int = 4) -> Take:
    """A fixed pose whose joints swing, turning slowly, one metre above the floor."""
    rng = np.random.default_rng(zlib.crc32(f"{subject}/{name}".encode()))
    pose = 0.25 * np.random.default_rng(0).normal(size=(17, 3))
    time = np.arange(frames)[:, None, None] / 50
    swing = (
        0.1
        * rng.normal(size=(17, 3))
        * np.sin(6.28 * rng.uniform(0.3, 1.5, (17, 3)) * time + rng.uniform(0, 6, (17, 3)))
    )
    joints = pose + swing
    joints[:, 0] = 0
    angle = rng.uniform(0, 6.28) + 0.5 * time[:, 0, 0]
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = joints[..., 0].copy(), joints[..., 1].copy()
    joints[..., 0], joints[..., 1] = cosine * x - sine * y, sine * x + cosine * y
    joints[..., 2] += 1.0
    return Take(
        dataset="synthetic",
        subject=subject,
        action=name.split(" ")[0],
        name=name,
        fps=50.0,
        split="test" if subject in ("S9", "S11") else "train",
        joints=joints.astype(np.float32),
        cameras=human36m_cameras()[subject][:cameras],
    )


def clip_rows(take: Take) -> pa.Table:
    """The take's clips with exact 2D."""
    points = [c.project(c.world_to_camera(take.joints.astype(float))) for c in take.cameras]
    return build_clip_rows(take, [View(p.astype(np.float32)) for p in points])


def write_clips(
    folder: Path,
    subjects: Sequence[str] = ("S1", "S9"),
    names: Sequence[str] = ("Walking 1", "Eating 1"),
    frames: Sequence[int] = (40, 23),
    cameras: int = 2,
) -> Path:
    """A folder of clips: for each subject every named take, of as many frames as `frames` says."""
    folder.mkdir(parents=True, exist_ok=True)
    for subject in subjects:
        for name, length in zip(names, frames, strict=True):
            take = make_take(subject, name, length, cameras)
            path = folder / f"{file_stem(take.sequence)}.parquet"
            write_table(path, clip_rows(take), CLIPS, METADATA)
    return folder


def training_clips(folder: Path) -> ClipSet:
    """The training clips of `write_clips`."""
    return ClipSet.load(write_clips(folder), "train")

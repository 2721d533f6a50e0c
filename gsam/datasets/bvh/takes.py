"""Any folder of BVH motion capture as takes: joints by name, filmed by Human3.6M's four cameras.

Motion capture needs no licence wall: with this reader every lifting table can be made on real
motion. Takes are recentred, turned by a seeded yaw and seen by the cameras of one Human3.6M
subject, which are moved back where a take walks out of view. The split never parts neighbours at
random (`split`), and training takes get bodies of their own (`bodies`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gsam.datasets.bvh.bodies import vary_bones
from gsam.datasets.bvh.filming import film, place
from gsam.datasets.bvh.parser import parse_bvh
from gsam.datasets.bvh.rigs import human36m_joints
from gsam.datasets.bvh.split import Recording, assign_splits, list_recordings
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.takes import Take
from gsam.errors import ConfigError, DataError

__all__ = ["BvhConfig", "read_recording", "read_takes", "recordings"]

DATASET = "bvh"


@dataclass(frozen=True, kw_only=True)
class BvhConfig:
    """How a folder of BVH files becomes takes; documented rule by rule in
    `split.assign_splits`.

    fps: frames per second of the takes; rotations are interpolated to it. split_by, test_share,
    test_values: the rule of the split and its share or values. bone_variation: spread of the bone
    lengths of training takes (0: as recorded). Test takes always keep the recorded body, so errors
    are measured on it. cameras_of: the Human3.6M subject whose four cameras film. contents: only
    these contents (none: all). max_takes: only the first that many takes of each split, by part and
    name (0: all). seed: of the yaw and of the bones.
    """

    fps: float = 50.0
    split_by: Literal["take", "style", "content", "column"] = "take"
    test_share: float = 0.2
    test_values: tuple[str, ...] = ()
    bone_variation: float = 0.05
    cameras_of: str = "S1"
    contents: tuple[str, ...] = ()
    max_takes: int = 0
    seed: int = 0

    def problems(self) -> list[str]:
        """Values that cannot work, one line each."""
        found = []
        if not 1 <= self.fps <= 1000:
            found.append(f"fps = {self.fps}: expected 1 to 1000")
        if not 0 < self.test_share < 1:
            found.append(f"test_share = {self.test_share}: expected more than 0 and less than 1")
        if not 0 <= self.bone_variation <= 0.3:
            found.append(f"bone_variation = {self.bone_variation}: expected 0 to 0.3")
        if self.test_values and self.split_by not in ("style", "content"):
            found.append(f"test_values: expected split_by style or content, found {self.split_by}")
        if self.cameras_of not in human36m_cameras():
            allowed = ", ".join(human36m_cameras())
            found.append(f"cameras_of = {self.cameras_of!r}: expected one of {allowed}")
        if self.max_takes < 0 or self.seed < 0:
            found.append("max_takes and seed: expected 0 or more")
        return found


def recordings(folder: str | os.PathLike[str], config: BvhConfig) -> list[Recording]:
    """The takes of a folder with their splits, in the order in which they are read.

    Raises ConfigError for a config that cannot work, DataError for a folder or manifest that cannot
    be used, contents that it does not have, and an empty split.
    """
    problems = config.problems()
    if problems:
        raise ConfigError("; ".join(problems))
    found = list_recordings(folder)
    contents = {item.content for item in found}
    unknown = [name for name in config.contents if name not in contents]
    if unknown:
        raise DataError(
            f"{folder}: no content {unknown[0]!r}, expected {', '.join(sorted(contents))}"
        )
    if config.contents:
        found = [item for item in found if item.content in config.contents]
    assigned = assign_splits(found, config.split_by, config.test_share, config.test_values)
    if not config.max_takes:
        return assigned
    kept = [
        item
        for split in ("train", "test")
        for item in [item for item in assigned if item.split == split][: config.max_takes]
    ]
    return sorted(kept)


def read_takes(folder: str | os.PathLike[str], config: BvhConfig) -> Iterator[Take]:
    """All takes of a folder, by part, content, style and number.

    A take's subject is its part of the collection, its action the content, its dataset "bvh".
    Raises what `recordings` raises, at once, and DataError for the first file that cannot be read.
    """
    found = recordings(folder, config)
    return (read_recording(folder, item, config) for item in found)


def read_recording(folder: str | os.PathLike[str], recording: Recording, config: BvhConfig) -> Take:
    """One take: joints (T, 17, 3) float32 world metres at `config.fps`, and its four cameras.

    Depends on the file, the recording's name and the config alone. Raises DataError for a file that
    is no BVH file of a known rig.
    """
    joints = human36m_joints(parse_bvh(Path(folder) / recording.file), config.fps)
    key = zlib.crc32(f"{recording.part}/{recording.name}".encode())
    yaw_rng, bone_rng = (np.random.default_rng([key, config.seed, use]) for use in (0, 1))
    varied = config.bone_variation if recording.split == "train" else 0.0
    placed = place(vary_bones(joints, varied, bone_rng), float(yaw_rng.uniform(0, 2 * np.pi)))
    return Take(
        dataset=DATASET,
        subject=recording.part,
        action=recording.content,
        name=recording.name,
        fps=config.fps,
        split=recording.split,
        joints=placed.astype(np.float32),
        cameras=film(placed, human36m_cameras()[config.cameras_of]),
    )

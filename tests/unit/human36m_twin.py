"""A twin of Human3.6M of two frames per take, in the community's archives: random, but people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.skeletons import H36M_32
from gsam.twin import archive
from gsam.twin.config import TwinConfig
from gsam.twin.generate import film
from gsam.twin.subjects import plan_takes
from gsam.twin_mark import write_mark

FRAMES = 2


def write_archives(folder: Path) -> Path:
    """Every take that the twin has, without performing it."""
    positions: archive.Positions = {}
    keypoints: dict[str, archive.Keypoints] = {"gt": {}, **{name: {} for name in archive.DETECTED}}
    rng = np.random.default_rng(3)
    hip, knee = H36M_32.index("right_hip"), H36M_32.index("right_knee")
    for plan in plan_takes(TwinConfig()):
        joints = rng.normal(0, 0.3, (FRAMES, 32, 3))
        joints[..., 2] += 1.0
        joints[:, knee] = joints[:, hip] - [0, 0, 0.45]
        raw = joints.astype(np.float32)
        positions.setdefault(plan.subject, {})[plan.name] = raw
        cameras = human36m_cameras()[plan.subject]
        views = film(raw, cameras)
        found = [view.astype(np.float32) for view in views]
        keypoints["gt"].setdefault(plan.subject, {})[plan.name] = found
        for name in archive.DETECTED:
            detected = [archive.detected(view, name, plan.name, 0) for view in views]
            keypoints[name].setdefault(plan.subject, {})[plan.name] = detected
    folder.mkdir()
    archive.write_3d(folder, positions)
    archive.write_ground_truth(folder, keypoints["gt"])
    for name in archive.DETECTED:
        archive.write_detections(folder, name, keypoints[name])
    write_mark(folder, "human36m", 3)
    return folder

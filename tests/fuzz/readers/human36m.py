"""Human3.6M in the community's files and as its authors hand it out, motion capture, metadata."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gsam.datasets.bvh.parser import parse_bvh
from gsam.datasets.bvh.split import MANIFEST, list_recordings
from gsam.datasets.bvh.takes import BvhConfig, read_takes
from gsam.datasets.human36m.archives import read_takes as read_human36m
from gsam.datasets.human36m.containers import read_detections, read_positions
from gsam.datasets.human36m.files import KEYPOINT_FILES, POSES_FILE, SUBJECTS
from gsam.datasets.human36m.joints import world_joints
from gsam.datasets.human36m.keypoints import read_keypoints
from gsam.datasets.human36m.metadata import w0_cameras
from gsam.twin.human36m_metadata import metadata_xml
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_cdf, as_csv, as_hdf5, as_mat, as_npz

FRAMES, CAMERAS, RAW_JOINTS = 3, 4, 32
RIG = (
    "joint_Root Hips Spine Chest Neck Head UpperLeg_L LowerLeg_L Foot_L UpperLeg_R LowerLeg_R "
    "Foot_R UpperArm_L LowerArm_L Hand_L UpperArm_R LowerArm_R Hand_R"
)


def millimetres() -> np.ndarray:
    """(T, 96): a person whose bones are 0.4 m long, standing about."""
    steps = np.arange(RAW_JOINTS * 3).reshape(RAW_JOINTS, 3) % 7
    joints = np.cumsum(np.full((RAW_JOINTS, 3), 230.0), axis=0) + steps
    return np.tile(joints.reshape(1, -1), (FRAMES, 1))


def poses() -> dict[str, Any]:
    joints = (millimetres() / 1000).astype(np.float32).reshape(FRAMES, RAW_JOINTS, 3)
    return {"positions_3d": {subject: {"Walking 1": joints.copy()} for subject in SUBJECTS}}


def keypoints() -> dict[str, Any]:
    view = np.full((FRAMES, 17, 2), 500.0, np.float32)
    sides = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
    return {
        "positions_2d": {
            subject: {"Walking 1": [view.copy() for _ in range(CAMERAS)]} for subject in SUBJECTS
        },
        "metadata": {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": sides},
    }


def cell() -> np.ndarray:
    held = np.empty((1, 1), object)
    held[0, 0] = millimetres()
    return held


def bvh() -> bytes:
    """A person of the rig of Bandai-Namco's files, one joint in the other."""
    names = RIG.split()
    lines = ["HIERARCHY"]
    for depth, name in enumerate(names):
        channels = "CHANNELS 6 Xposition Yposition Zposition" if not depth else "CHANNELS 3"
        lines += [
            f"{'JOINT' if depth else 'ROOT'} {name}",
            "{",
            f"OFFSET {2 + depth % 3} {40 - depth} {1 - depth % 2}",
            f"{channels} Zrotation Xrotation Yrotation",
        ]
    lines += ["End Site", "{", "OFFSET 0 5 0", "}", *["}"] * len(names), "MOTION"]
    lines += [f"Frames: {FRAMES}", "Frame Time: 0.033333"]
    row = " ".join(str(3 * number % 20) for number in range(3 * len(names) + 3))
    return "\n".join([*lines, *[row] * FRAMES, ""]).encode()


def _takes(folder: Path) -> object:
    return list(read_human36m(folder))


def _motion(folder: Path) -> object:
    return list(read_takes(folder, BvhConfig()))


def _position(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        return world_joints(read_positions(folder / name, 3), str(folder / name), "millimetres")

    return read


def _names() -> list[list[Any]]:
    return [
        ["file", "dataset", "content", "style", "take", "split"],
        ["a.bvh", "mine", "walk", "", 1, "train"],
        ["b.bvh", "mine", "run", "old", 2, "test"],
    ]


READERS = [
    Reader(name="human36m poses", file=POSES_FILE, content=poses, dump=as_npz, read=_takes),
    Reader(
        name="human36m keypoints",
        file=KEYPOINT_FILES["cpn"],
        content=keypoints,
        dump=as_npz,
        read=lambda folder: read_keypoints(folder, "cpn"),
    ),
    Reader(
        name="human36m cdf",
        file="Walking.cdf",
        content=lambda: {"Pose": millimetres()},
        dump=as_cdf,
        read=_position("Walking.cdf"),
    ),
    Reader(
        name="human36m mat",
        file="Walking.cdf.mat",
        content=lambda: {"data": cell()},
        dump=as_mat,
        read=_position("Walking.cdf.mat"),
    ),
    Reader(
        name="human36m h5",
        file="Walking.h5",
        content=lambda: {"3D_positions": millimetres().T},
        dump=as_hdf5,
        read=_position("Walking.h5"),
    ),
    Reader(
        name="human36m hourglass",
        file="Walking.h5",
        content=lambda: {"poses": np.full((FRAMES, 16, 2), 500.0)},
        dump=as_hdf5,
        read=lambda folder: read_detections(folder / "Walking.h5"),
    ),
    Reader(
        name="human36m metadata",
        file="metadata.xml",
        content=lambda: metadata_xml({}).encode(),
        twists=False,
        read=lambda folder: w0_cameras(folder / "metadata.xml"),
    ),
    Reader(
        name="bvh",
        file="a.bvh",
        content=bvh,
        twists=False,
        read=lambda folder: parse_bvh(folder / "a.bvh"),
    ),
    Reader(
        name="bvh takes",
        file="mine/walk_001.bvh",
        content=bvh,
        twists=False,
        beside=lambda: {f"mine/walk_00{n}.bvh": bvh() for n in range(2, 6)},
        read=_motion,
    ),
    Reader(
        name="bvh manifest",
        file=MANIFEST,
        content=_names,
        dump=as_csv,
        beside=partial(dict, {"a.bvh": b"", "b.bvh": b""}),
        read=list_recordings,
    ),
]

"""MPI-INF-3DHP's files, recordings and cameras: what its authors publish about them.

Sources: the data set's own README and scripts (mono-3dhp), P-STMO's archives.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gsam.datasets.grants import GRANTS
from gsam.errors import LicensedDataMissing

__all__ = [
    "ACTIVITIES",
    "CAMERA_SETS",
    "NUM_CAMERAS",
    "SEQUENCES",
    "SETTINGS",
    "SUBJECTS",
    "TESTS",
    "TEST_ARCHIVE",
    "TEST_FPS",
    "TRAINING",
    "TRAIN_ARCHIVE",
    "Length",
    "TestSequence",
    "test_file",
    "test_path",
    "threedhp_missing",
    "train_file",
]

TRAIN_ARCHIVE, TEST_ARCHIVE = "data_train_3dhp.npz", "data_test_3dhp.npz"
"""P-STMO's two files, which hold what a lifter needs and nothing else."""

SUBJECTS = tuple(f"S{number}" for number in range(1, 9))
SEQUENCES = ("Seq1", "Seq2")
NUM_CAMERAS = 14

CAMERA_SETS = {
    "vnect": (0, 1, 2, 4, 5, 6, 7, 8),
    "chest": (0, 2, 4, 7, 8),
    "non_ceiling": tuple(range(11)),
    "ceiling": (11, 12, 13),
}
"""Training cameras by the authors' names of sets; vnect is what P-STMO's files hold, chest (about
chest high) what the original paper trains on."""


@dataclass(frozen=True)
class Length:
    """How much of a training sequence is usable: annotations go on after the video's last frame."""

    frames: int
    fps: int


TRAINING = {
    ("S1", "Seq1"): Length(6416, 25),
    ("S1", "Seq2"): Length(12430, 50),
    ("S2", "Seq1"): Length(6502, 25),
    ("S2", "Seq2"): Length(6081, 25),
    ("S3", "Seq1"): Length(12488, 50),
    ("S3", "Seq2"): Length(12283, 50),
    ("S4", "Seq1"): Length(6171, 25),
    ("S4", "Seq2"): Length(6675, 25),
    ("S5", "Seq1"): Length(12820, 50),
    ("S5", "Seq2"): Length(12312, 50),
    ("S6", "Seq1"): Length(6188, 25),
    ("S6", "Seq2"): Length(6145, 25),
    ("S7", "Seq1"): Length(6239, 25),
    ("S7", "Seq2"): Length(6320, 25),
    ("S8", "Seq1"): Length(6468, 25),
    ("S8", "Seq2"): Length(6054, 25),
}
"""By subject and sequence, in their order."""

SETTINGS = {
    "green_screen": "studio with green screen",
    "no_green_screen": "studio without green screen",
    "outdoor": "outdoors",
}
"""Where test sequences were filmed: the groups of the official tables."""


ACTIVITIES = {
    1: "standing/walking",
    2: "exercising",
    3: "sitting",
    4: "reaching/crouching",
    5: "on the floor",
    6: "sports",
    7: "miscellaneous",
}
"""What people do in a frame of a test sequence, by `activity_annotation`."""


@dataclass(frozen=True)
class TestSequence:
    """One test sequence: frames, how many of them are valid (scored), image size, setting, and its
    camera's fx, fy, cx, cy in pixels (from the authors' calibration text)."""

    frames: int
    valid: int
    width: int
    height: int
    setting: str
    lens: tuple[float, float, float, float]


_STUDIO = (1500.17, 1500.84, 1017.39, 1043.03)
_OPEN_AIR = (1683.98, 1672.60, 939.86, 560.14)
TESTS = {
    "TS1": TestSequence(6151, 603, 2048, 2048, "green_screen", _STUDIO),
    "TS2": TestSequence(6080, 540, 2048, 2048, "green_screen", _STUDIO),
    "TS3": TestSequence(5838, 505, 2048, 2048, "no_green_screen", _STUDIO),
    "TS4": TestSequence(6007, 553, 2048, 2048, "no_green_screen", _STUDIO),
    "TS5": TestSequence(320, 276, 1920, 1080, "outdoor", _OPEN_AIR),
    "TS6": TestSequence(492, 452, 1920, 1080, "outdoor", _OPEN_AIR),
}

TEST_FPS = 25
"""Of test sequences, whose rate nobody states: it only labels them, no score depends on it."""

_TEST_FOLDERS = (".", "mpi_inf_3dhp_test_set", "test")
"""Where test sequences lie: beside the subjects, or as the authors' archive unpacks."""


def train_file(subject: str, sequence: str) -> str:
    """`S1/Seq1/annot.mat`, with `camera.calibration` beside it."""
    return f"{subject}/{sequence}/annot.mat"


def test_file(name: str) -> str:
    """`TS1/annot_data.mat`."""
    return f"{name}/annot_data.mat"


def test_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Where a test sequence's annotations are (or, if nowhere, belong) below `folder`."""
    places = [Path(folder, below, test_file(name)) for below in _TEST_FOLDERS]
    return next((place for place in places if place.is_file()), places[0])


def threedhp_missing(folder: str | os.PathLike[str], absent: Sequence[str]) -> LicensedDataMissing:
    """The error for files that `folder` lacks: which, who grants them, where they go."""
    shown = ", ".join(absent[:4]) + (f" and {len(absent) - 4} more" if len(absent) > 4 else "")
    return LicensedDataMissing(
        f"{folder}: {shown} missing; {GRANTS['mpi_inf_3dhp'].sentence}; put S1/Seq1/annot.mat and "
        f"camera.calibration ... S8/Seq2, and TS1/annot_data.mat ... TS6 there, or P-STMO's "
        f"{TRAIN_ARCHIVE} and {TEST_ARCHIVE}"
    )

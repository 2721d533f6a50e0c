"""Names of Human3.6M's community files, subjects and actions; what to say when files are absent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gsam.datasets.grants import GRANTS
from gsam.errors import LicensedDataMissing

POSES_FILE = "data_3d_h36m.npz"
KEYPOINT_FILES = {
    "gt": "data_2d_h36m_gt.npz",
    "cpn": "data_2d_h36m_cpn_ft_h36m_dbb.npz",
    "detectron": "data_2d_h36m_detectron_ft_h36m.npz",
    "sh": "data_2d_h36m_sh_ft_h36m.npz",
    "detectron_coco": "data_2d_h36m_detectron_pt_coco.npz",
    "sh_mpii": "data_2d_h36m_sh_pt_mpii.npz",
}
"""Keypoint source to file; the last two come from detectors that were not tuned on Human3.6M."""

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
TEST_SUBJECTS = ("S9", "S11")
FPS = 50.0

BROKEN = "S11/Directions"
"""The take that the community files leave out for all cameras: one camera's video is broken."""

DISPLACED = ("S9/Greeting", "S9/SittingDown 1", "S9/Waiting 1")
"""Test takes whose 3D lies beside the person in the image. VideoPose3D's protocol scores them (in
root-relative 3D they are usable), the H36M-SH line does not."""

ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Photo",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "Waiting",
    "WalkDog",
    "Walking",
    "WalkTogether",
)
"""The fifteen groups of the benchmark's tables, in their order."""

_OR_ORIGINAL = ", or the original files S*/MyPoseFeatures/D3_Positions"
_RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}


def action_of(take: str) -> str:
    """Group of a take in per-action tables: the text before the first space, never a prefix."""
    return take.split(" ")[0]


def canonical_take(take: str) -> str:
    """The name of a take as the community files spell it (`TakingPhoto 1` is `Photo 1`)."""
    action, *suffix = take.split(" ")
    return " ".join([_RENAMED.get(action, action), *suffix])


def dropped_takes(sequences: Iterable[str]) -> tuple[str, ...]:
    """Takes of the benchmark that these files leave out, for the Protocol of every number."""
    return () if BROKEN in set(sequences) else (BROKEN,)


def archives_missing(
    folder: str | os.PathLike[str],
    names: Sequence[str] = (POSES_FILE, *list(KEYPOINT_FILES.values())[:4]),
) -> str:
    """What to tell a user whose `folder` lacks some of `names`: who grants them, where they go."""
    absent = [name for name in names if not (Path(folder) / name).is_file()]
    return (
        f"{folder}: {', '.join(absent) or 'no file'} missing; {GRANTS['human36m'].sentence}, in "
        "VideoPose3D's community format; "
        f"put {', '.join(names)} into {folder}{_OR_ORIGINAL if POSES_FILE in absent else ''}"
    )


def require_files(folder: str | os.PathLike[str], *names: str) -> None:
    """Raise LicensedDataMissing unless all of `names` lie in `folder`."""
    if not all((Path(folder) / name).is_file() for name in names):
        raise LicensedDataMissing(archives_missing(folder, names))

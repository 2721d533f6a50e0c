"""Human3.6M as its authors hand it out: takes out of `S*/MyPoseFeatures` or `S*/MyPoses`.

World positions only (`D3_Positions`). Those in each camera's frame (`D3_Positions_mono`), where
they are there, and `metadata.xml` are held against them; `D3_Positions_mono_universal`, whose
skeletons are rescaled, is never read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gsam.datasets.human36m.containers import read_positions
from gsam.datasets.human36m.files import BROKEN, SUBJECTS
from gsam.datasets.human36m.joints import PER_METRE, world_joints
from gsam.datasets.human36m.metadata import check_metadata
from gsam.datasets.human36m.raw_files import (
    check_complete,
    metadata_file,
    poses_container,
    take_files,
    view_files,
)
from gsam.datasets.human36m.take import human36m_take
from gsam.datasets.takes import Take
from gsam.errors import DataError
from gsam.skeletons import H36M_17, H36M_32, convert

__all__ = ["check_mono", "mono_files", "read_raw_takes"]

FLOOR_M = 1.0
"""How far from the floor (z = 0) the lowest joint may be, in the middle of a take."""
MONO_M = 0.001
"""How far a camera's own positions may be from the world's seen by that camera."""


def read_raw_takes(
    folder: str | os.PathLike[str],
    test_subjects: Sequence[str],
    *,
    dataset: str = "human36m",
) -> Iterator[Take]:
    """All takes of the original files in `folder`, by subject and take name, as `read_takes` of the
    community's: the same floats, as those are these numbers in metres.

    S11's `Directions` is left out, as there. Raises DataError, naming the file, for a subject
    without two takes of each action, an array of another shape, other units, another frame than
    the world's, cameras in metadata.xml or positions in a camera's frame that do not fit.
    """
    container = poses_container(folder)
    if container is None:
        raise DataError(f"{folder}: no poses in S*/MyPoseFeatures/D3_Positions or S*/MyPoses")
    files = take_files(folder, container)
    check_complete(files, str(folder))
    metadata = metadata_file(folder)
    if metadata is not None:
        check_metadata(metadata)
    mono = mono_files(folder, files)
    for subject in SUBJECTS:
        for name in sorted(name for owner, name in files if owner == subject):
            if f"{subject}/{name}" == BROKEN:
                continue
            joints = _world(files[subject, name])
            take = human36m_take(
                subject, name, joints, dataset=dataset, test_subjects=test_subjects
            )
            check_mono(take, mono)
            yield take


def mono_files(
    folder: str | os.PathLike[str], takes: Iterable[tuple[str, str]]
) -> dict[tuple[str, str, str], Path]:
    """(subject, take, camera) to the file in that camera's frame, of each subject's last take.

    One take tells whether a subject's files belong together. Empty where there are no such files.
    """
    last = dict(sorted(takes))
    found = view_files(folder, "mono")
    return {key: path for key, path in found.items() if last.get(key[0]) == key[1]}


def _world(path: Path) -> np.ndarray:
    joints = world_joints(read_positions(path, 3), str(path), "millimetres")
    lowest = float(np.median(joints[..., 2].min(axis=1)))
    if abs(lowest) > FLOOR_M:
        raise DataError(
            f"{path}: the lowest joint is {lowest:.2f} m above the floor, expected positions in "
            "the world (D3_Positions), not in a camera's frame (D3_Positions_mono)"
        )
    return joints


def check_mono(take: Take, files: Mapping[tuple[str, str, str], Path]) -> None:
    """Hold the positions in each camera's frame against the take, where they are there."""
    for camera in take.cameras:
        path = files.get((take.subject, take.name, camera.name))
        if path is None:
            continue
        millimetres = convert(read_positions(path, 3), H36M_32, H36M_17)
        if len(millimetres) != len(take.joints):
            raise DataError(
                f"{path}: {len(millimetres)} frames, expected the {len(take.joints)} of "
                "D3_Positions"
            )
        seen = camera.world_to_camera(take.joints)
        apart = np.linalg.norm(millimetres / PER_METRE["millimetres"] - seen, axis=-1)
        if not float(np.median(apart)) <= MONO_M:
            raise DataError(
                f"{path}: {1000 * np.median(apart):.1f} mm (median) from D3_Positions seen by this "
                "camera, expected the same: are these of D3_Positions_mono_universal, or of "
                "another subject?"
            )

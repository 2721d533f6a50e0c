"""Human3.6M in whatever layout a folder holds: the community's archives, or the original files.

Where both are there, the community's archives are read: published figures were computed from them.
What an archive lacks is looked for among the original files (2D positions, the stacked hourglass).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gsam.datasets.human36m import archives, keypoints
from gsam.datasets.human36m.files import KEYPOINT_FILES, POSES_FILE, archives_missing
from gsam.datasets.human36m.keypoints import Views
from gsam.datasets.human36m.raw import mono_files, read_raw_takes
from gsam.datasets.human36m.raw_files import metadata_file, poses_container, take_files, view_files
from gsam.datasets.human36m.raw_keypoints import RAW_KEYPOINTS, RawKeypoints
from gsam.datasets.takes import Take
from gsam.errors import LicensedDataMissing
from gsam.twin_mark import MARK, is_twin

__all__ = ["LAYOUTS", "dataset_name", "layout_of", "read_keypoints", "read_takes", "source_files"]

LAYOUTS = {
    "npz": "VideoPose3D's archives",
    "cdf": "original files (CDF)",
    "mat": "original files (MATLAB)",
    "h5": "original files (HDF5)",
}
"""Layouts of the poses, in the order in which they are looked for, in words."""


def layout_of(folder: str | os.PathLike[str]) -> str:
    """The layout (a key of LAYOUTS) in which the poses of a folder are read.

    Raises LicensedDataMissing, which says who grants them and where they go, when there are none.
    """
    if (Path(folder) / POSES_FILE).is_file():
        return "npz"
    container = poses_container(folder)
    if container is None:
        raise LicensedDataMissing(archives_missing(folder))
    return container


def dataset_name(folder: str | os.PathLike[str]) -> str:
    """What scores call the takes of a folder: a twin never passes for the original."""
    return "twin" if is_twin(folder) else "human36m"


def read_takes(folder: str | os.PathLike[str], test_subjects: Sequence[str]) -> Iterator[Take]:
    """All takes of a folder, by subject and take name; raises as the layouts' own readers."""
    dataset = dataset_name(folder)
    if layout_of(folder) == "npz":
        return archives.read_takes(folder, test_subjects, dataset=dataset)
    archives.check_test_subjects(test_subjects)
    return read_raw_takes(folder, test_subjects, dataset=dataset)


def read_keypoints(folder: str | os.PathLike[str], source: str) -> Mapping[tuple[str, str], Views]:
    """Keypoints of a source by (subject, take), as `keypoints.read_keypoints`."""
    if source in RAW_KEYPOINTS and not (Path(folder) / KEYPOINT_FILES[source]).is_file():
        found = RawKeypoints(folder, source)
        if found:
            return found
    return keypoints.read_keypoints(folder, source)


def source_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Every file of poses and keypoints that is read of a folder, sorted.

    Raises LicensedDataMissing where there are no poses.
    """
    place, layout = Path(folder), layout_of(folder)
    files = sorted(place.glob("data_*_h36m*.npz"))
    if layout != "npz":
        takes = take_files(folder, layout)
        files += [*takes.values(), *mono_files(folder, takes).values()]
        files += [path for path in [metadata_file(folder)] if path is not None]
    for source, kind in RAW_KEYPOINTS.items():
        if not (place / KEYPOINT_FILES[source]).is_file():
            files += view_files(folder, kind).values()
    files += [place / MARK] if is_twin(folder) else []
    return sorted(files)

"""Where the files of Human3.6M as its authors hand it out lie, and what their names say.

Poses come in one of three containers that hold the same numbers: the original CDF, MATLAB's
re-save of it, and the HDF5 files of the "3D pose baseline". Beside them lie 2D positions, poses in
each camera's frame, detections of a stacked hourglass, videos and `metadata.xml`. All of it may lie
in the folder itself or in `h36m/` below, as the HDF5 archive unpacks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gsam.datasets.human36m.files import ACTIONS, SUBJECTS, action_of, canonical_take
from gsam.errors import DataError

__all__ = [
    "CONTAINERS",
    "METADATA",
    "check_complete",
    "metadata_file",
    "poses_container",
    "take_files",
    "view_files",
]

CONTAINERS = {
    "cdf": ("MyPoseFeatures/D3_Positions", ".cdf"),
    "mat": ("MyPoseFeatures/D3_Positions", ".cdf.mat"),
    "h5": ("MyPoses/3D_positions", ".h5"),
}
"""Container of the poses to its folder below a subject's and its extension; the first that is there
is read."""

METADATA = "metadata.xml"
TAKES_OF_AN_ACTION = 2

_ROOTS = ("", "h36m")
_VIEWS = {
    "D2": ("MyPoseFeatures/D2_Positions", (".cdf", ".cdf.mat")),
    "mono": ("MyPoseFeatures/D3_Positions_mono", (".cdf", ".cdf.mat")),
    # Tuned on Human3.6M for so many iterations (in thousands).
    "sh": ("StackedHourglassFineTuned*", (".h5",)),
    "sh_mpii": ("StackedHourglass", (".h5",)),
}


def poses_container(folder: str | os.PathLike[str]) -> str | None:
    """The container ("cdf", "mat" or "h5") of the poses in a folder; None where there is none."""
    return next((kind for kind in CONTAINERS if take_files(folder, kind)), None)


def take_files(folder: str | os.PathLike[str], container: str) -> dict[tuple[str, str], Path]:
    """(subject, take as the community spells it) to the file of its poses in the world.

    Raises DataError for two files of one take.
    """
    inside, extension = CONTAINERS[container]
    found: dict[tuple[str, str], Path] = {}
    for subject, stem, path in _files(Path(folder), inside, (extension,)):
        _add(found, (subject, _take(stem)), path)
    return found


def view_files(folder: str | os.PathLike[str], kind: str) -> dict[tuple[str, str, str], Path]:
    """(subject, take, camera) to the file of one camera: "D2" (pixels), "mono" (its frame), "sh"
    and "sh_mpii" (a stacked hourglass, tuned on Human3.6M and not).

    Where a file is there both in CDF and MATLAB's form, the CDF is taken. Raises DataError for two
    files of one view.
    """
    inside, extensions = _VIEWS[kind]
    for extension in extensions:
        found: dict[tuple[str, str, str], Path] = {}
        for subject, stem, path in _files(Path(folder), inside, (extension,)):
            take, _, camera = stem.rpartition(".")
            if take:
                _add(found, (subject, _take(take), camera), path)
        if found:
            return found
    return {}


def _add(found: dict[Any, Path], key: tuple[str, ...], path: Path) -> None:
    if key in found:
        raise DataError(f"{path}: {' '.join(key)} is also in {found[key]}, expected one of them")
    found[key] = path


def _take(stem: str) -> str:
    return canonical_take(stem.replace("_", " "))


def _files(
    folder: Path, inside: str, extensions: tuple[str, ...]
) -> Iterator[tuple[str, str, Path]]:
    """Subject, name without extension and path of every take's file; `_ALL` is no take: it is all
    of a subject's recordings in one piece."""
    for root in _ROOTS:
        for subject in SUBJECTS:
            for extension in extensions:
                for path in sorted(
                    folder.glob(f"{root}/{subject}/{inside}/*{extension}".lstrip("/"))
                ):
                    if not path.name.startswith(("_ALL", ".")):
                        yield subject, path.name.removesuffix(extension), path


def check_complete(files: dict[tuple[str, str], Path], where: str) -> None:
    """Raise DataError unless every subject has two takes of every action, and no others."""
    takes: dict[tuple[str, str], list[str]] = {}
    for subject, take in files:
        takes.setdefault((subject, action_of(take)), []).append(take)
    for subject, action in takes:
        if action not in ACTIONS:
            raise DataError(
                f"{where}: {subject} has an unknown action {action!r}, expected one of "
                f"{', '.join(ACTIONS)}"
            )
    for subject in SUBJECTS:
        for action in ACTIONS:
            names = sorted(takes.get((subject, action), []))
            if len(names) != TAKES_OF_AN_ACTION:
                raise DataError(
                    f"{where}: {subject} has {len(names)} takes of {action} "
                    f"({', '.join(names) or 'none'}), expected {TAKES_OF_AN_ACTION}"
                )


def metadata_file(folder: str | os.PathLike[str]) -> Path | None:
    """The `metadata.xml` of a folder, if it is there."""
    paths = (Path(folder) / root / METADATA for root in _ROOTS)
    return next((path for path in paths if path.is_file()), None)

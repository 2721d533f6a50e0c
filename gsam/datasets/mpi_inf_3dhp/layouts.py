"""Which of MPI-INF-3DHP's two layouts a folder has, of training and of test data each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gsam.datasets.mpi_inf_3dhp.files import (
    TEST_ARCHIVE,
    TESTS,
    TRAIN_ARCHIVE,
    TRAINING,
    test_file,
    test_path,
    threedhp_missing,
    train_file,
)

__all__ = ["Part", "all_files", "layouts", "source_files", "test_files"]


Part = tuple[dict[str, Path], str]
"""Official files by the names to show, and the archive that holds the same."""


def source_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The files that `read_takes` reads, in their order; LicensedDataMissing if any is absent."""
    root = Path(folder)
    files = []
    parts = all_files(root)
    for official, (found, archive) in zip(layouts(root, parts), parts, strict=True):
        files += list(found.values()) if official else [root / archive]
    return files


def all_files(root: Path) -> tuple[Part, Part]:
    """The files of training and of test data."""
    train = [train_file(*key) for key in TRAINING]
    train += [str(Path(name).with_name("camera.calibration")) for name in train]
    return ({name: root / name for name in train}, TRAIN_ARCHIVE), test_files(root)


def test_files(root: Path) -> Part:
    """The files of test data, which the scorer needs alone."""
    return {test_file(name): test_path(root, name) for name in TESTS}, TEST_ARCHIVE


def layouts(root: Path, parts: Sequence[Part]) -> list[bool]:
    """Whether each part is in the official layout; LicensedDataMissing names all that is absent."""
    official, absent = [], []
    for files, archive in parts:
        present = [name for name, path in files.items() if path.is_file()]
        official.append(bool(present))
        if present:
            absent += [name for name in files if name not in present]
        elif not (root / archive).is_file():
            absent.append(archive)
    if absent:
        raise threedhp_missing(root, absent)
    return official

"""MPI-INF-3DHP: every (sequence, camera) is a take of its own, in that camera's frame.

The dataset annotates each camera's view by itself: pixels, and joints in millimetres of the
camera's frame. What is learnt and scored is the skeleton of universal height (`univ_annot3`), which
does not fall on the pixels, so a shared world would be an invention. Joints leave here as
Human3.6M-17 by name (a permutation of their 17), so that every lifter and mirror is at home; the
official joints come back by name.

Two layouts are read, and give the same takes byte for byte: the authors' own files, and P-STMO's
two archives, which lack the cameras' calibration (`nominal_camera` stands in).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.mpi_inf_3dhp.annotations import (
    Annotations,
    read_test_annotations,
    read_training_annotations,
)
from gsam.datasets.mpi_inf_3dhp.calibration import read_calibration
from gsam.datasets.mpi_inf_3dhp.cameras import nominal_camera, test_camera
from gsam.datasets.mpi_inf_3dhp.checks import MM_PER_M
from gsam.datasets.mpi_inf_3dhp.files import (
    CAMERA_SETS,
    TEST_ARCHIVE,
    TEST_FPS,
    TESTS,
    TRAIN_ARCHIVE,
    TRAINING,
    test_path,
    train_file,
)
from gsam.datasets.mpi_inf_3dhp.layouts import all_files, layouts, test_files
from gsam.datasets.mpi_inf_3dhp.npz import read_test_archive, read_training_archive
from gsam.datasets.takes import Take
from gsam.errors import ConfigError, DataError
from gsam.schemas import OWN_CAMERA
from gsam.skeletons import H36M_17, convert
from gsam.twin_mark import is_twin

__all__ = ["DATASET", "TWIN", "FilmedTake", "read_takes", "read_test_sequences"]

DATASET, TWIN = "mpi_inf_3dhp", "mpi_inf_3dhp_twin"


@dataclass(frozen=True, eq=False)
class FilmedTake:
    """A take of one camera, and the annotated pixels (T, 17, 2) float32 of its joints."""

    take: Take
    points: NDArray[np.float32]


def read_takes(folder: str | os.PathLike[str], cameras: str = "vnect") -> Iterator[FilmedTake]:
    """All takes below `folder`: the training cameras of the set `cameras`, then the test sequences.

    Training and test data may each be in either layout; the official one is taken where both are.
    A folder that bears the twin's mark gives takes of the dataset `TWIN`, whose lengths are its
    own; the original's are held to the published frame counts.

    Raises LicensedDataMissing for absent files; ConfigError for an unknown set of cameras;
    DataError, naming file, camera and frame, for files that are not what they should be.
    """
    if cameras not in CAMERA_SETS:
        raise ConfigError(f"cameras: {cameras!r}, expected one of {', '.join(CAMERA_SETS)}")
    root = Path(folder)
    return _takes(root, CAMERA_SETS[cameras], *layouts(root, all_files(root)))


def _takes(
    root: Path, cameras: tuple[int, ...], official_train: bool, official_test: bool
) -> Iterator[FilmedTake]:
    twin = is_twin(root)
    dataset = TWIN if twin else DATASET
    training = _official_training if official_train else _archived_training
    for subject, sequence, camera, found in training(root, cameras, twin):
        yield _filmed(
            found,
            camera,
            dataset=dataset,
            subject=subject,
            action=sequence,
            name=f"{sequence} {camera.name}",
            fps=TRAINING[subject, sequence].fps,
            split="train",
        )
    for name, found in _test_sequences(root, official_test):
        yield _filmed(
            found,
            test_camera(name),
            dataset=dataset,
            subject=name,
            action=TESTS[name].setting,
            name="0",
            fps=TEST_FPS,
            split="test",
        )


def _official_training(
    root: Path, cameras: tuple[int, ...], twin: bool
) -> Iterator[tuple[str, str, Camera, Annotations]]:
    for (subject, sequence), length in TRAINING.items():
        path = root / train_file(subject, sequence)
        calibration = read_calibration(path.with_name("camera.calibration"))
        usable = None if twin else length.frames
        for number, found in read_training_annotations(path, calibration, cameras, usable):
            yield subject, sequence, calibration[number], found


def _archived_training(
    root: Path, cameras: tuple[int, ...], twin: bool
) -> Iterator[tuple[str, str, Camera, Annotations]]:
    usable = None if twin else {key: length.frames for key, length in TRAINING.items()}
    archive = read_training_archive(root / TRAIN_ARCHIVE, cameras, usable)
    for subject, sequence, number, found in archive:
        yield subject, sequence, nominal_camera(number), found


def read_test_sequences(folder: str | os.PathLike[str]) -> Iterator[tuple[str, Annotations]]:
    """Name and annotations of every test sequence of `folder`, which needs no training data.

    Raises as `read_takes` does.
    """
    root = Path(folder)
    return _test_sequences(root, *layouts(root, [test_files(root)]))


def _test_sequences(root: Path, official: bool) -> Iterator[tuple[str, Annotations]]:
    twin = is_twin(root)
    for name, found in _official_test(root) if official else read_test_archive(root / TEST_ARCHIVE):
        if not twin:
            _check_test(name, found, root)
        yield name, found


def _official_test(root: Path) -> Iterator[tuple[str, Annotations]]:
    for name in TESTS:
        yield name, read_test_annotations(test_path(root, name), test_camera(name))


def _check_test(name: str, annotations: Annotations, root: Path) -> None:
    """The original's frames and valid frames are as published."""
    assert annotations.valid is not None
    found = len(annotations.valid), int(annotations.valid.sum())
    published = TESTS[name].frames, TESTS[name].valid
    if found != published:
        raise DataError(
            f"{root}: {name} has {found[0]} frames, {found[1]} of them valid, expected the "
            f"published {published[0]} and {published[1]}"
        )


def _filmed(
    annotations: Annotations,
    camera: Camera,
    *,
    dataset: str,
    subject: str,
    action: str,
    name: str,
    fps: float,
    split: str,
) -> FilmedTake:
    """The take in its camera's frame: metres and pixels in float32, of Human3.6M-17.

    Both layouts may hold either precision: rounding to float32 first makes them agree to the bit.
    """
    points, joints = (
        convert(array, annotations.skeleton, H36M_17).astype(np.float32)
        for array in (annotations.points, annotations.universal)
    )
    take = Take(
        dataset=dataset,
        subject=subject,
        action=action,
        name=name,
        fps=fps,
        split=split,
        joints=(joints.astype(np.float64) / MM_PER_M).astype(np.float32),
        cameras=(_at_origin(camera),),
        valid=annotations.valid,
        frame=OWN_CAMERA,
    )
    return FilmedTake(take, points)


def _at_origin(camera: Camera) -> Camera:
    """The camera in its own frame."""
    return replace(camera, R=np.eye(3), t=np.zeros(3))

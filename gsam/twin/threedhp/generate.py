"""Writing the twin: the original's files, or P-STMO's two archives, from the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gsam.datasets.mpi_inf_3dhp.files import (
    CAMERA_SETS,
    TEST_ARCHIVE,
    TESTS,
    TRAIN_ARCHIVE,
    TRAINING,
    test_file,
    train_file,
)
from gsam.skeletons import MPI_INF_3DHP_17, MPI_INF_3DHP_28, convert
from gsam.storage import atomic_path, write_text
from gsam.twin.archive import write_archive
from gsam.twin.mat_file import save_mat
from gsam.twin.threedhp.annot_data import write_test_file
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.recordings import Recording, test_recordings, training_recordings
from gsam.twin.threedhp.rig import calibration_text
from gsam.twin_mark import write_mark

Layout = Literal["official", "npz"]
LAYOUTS: tuple[Layout, ...] = ("official", "npz")
ORIGINAL, CALIBRATION = "mpi_inf_3dhp", "camera.calibration"

Progress = Callable[[Iterable[Recording], int], Iterable[Recording]]


def generate(
    folder: Path,
    config: TwinThreedhpConfig,
    layout: Layout = "official",
    progress: Progress = lambda recordings, total: recordings,
) -> int:
    """Fill the existing `folder`; returns the number of annotated frames of all cameras.

    official: `S*/Seq*/annot.mat` and `camera.calibration`, `TS*/annot_data.mat`; npz: P-STMO's two
    archives. The same config gives the same bytes, and the layouts the same numbers. `progress`
    wraps the iteration over recordings, given how many they are.
    """
    training = progress(training_recordings(config), len(TRAINING))
    testing = progress(test_recordings(config), len(TESTS))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        write = _write_official if layout == "official" else _write_npz
        frames = write(folder, training, testing)
    finally:
        torch.set_num_threads(threads)
    write_mark(folder, ORIGINAL, config.seed)
    return frames


def _write_official(
    folder: Path, training: Iterable[Recording], testing: Iterable[Recording]
) -> int:
    frames = 0
    for recording in training:
        path = folder / train_file(recording.subject, recording.sequence)
        path.parent.mkdir(parents=True)
        save_mat(path, _annotations(recording), "MPI-INF-3DHP")
        cameras = tuple(view.camera for view in recording.views)
        write_text(path.with_name(CALIBRATION), calibration_text(cameras))
        frames += len(cameras) * len(recording.valid)
    for recording in testing:
        path = folder / test_file(recording.subject)
        path.parent.mkdir()
        with atomic_path(path) as temporary:
            write_test_file(temporary, recording)
        frames += len(recording.valid)
    return frames


def _annotations(recording: Recording) -> dict[str, Any]:
    """The variables of a training sequence's `annot.mat`."""
    frames = len(recording.valid)
    cells = {name: np.empty((len(recording.views), 1), object) for name in _FIELDS}
    for number, view in enumerate(recording.views):
        for name, field in _FIELDS.items():
            cells[name][number, 0] = getattr(view, field).reshape(frames, -1)
    return {
        **cells,
        "cameras": np.arange(len(recording.views), dtype=np.uint8)[None],
        "frames": np.arange(frames, dtype=np.int32)[:, None],
    }


_FIELDS = {"annot2": "points", "annot3": "metric", "univ_annot3": "universal"}


def _write_npz(folder: Path, training: Iterable[Recording], testing: Iterable[Recording]) -> int:
    frames = 0
    train: dict[str, Any] = {}
    for recording in training:
        views = {str(number): _arrays(recording, number) for number in CAMERA_SETS["vnect"]}
        train[f"{recording.subject} {recording.sequence}"] = [views, recording.fps]
        frames += len(views) * len(recording.valid)
    write_archive(folder / TRAIN_ARCHIVE, {"data": train})
    test: dict[str, Any] = {}
    for recording in testing:
        valid = recording.valid.astype(np.float64)
        test[recording.subject] = {**_arrays(recording, 0), "valid": valid}
        frames += len(valid)
    write_archive(folder / TEST_ARCHIVE, {"data": test})
    return frames


def _arrays(recording: Recording, number: int) -> dict[str, Any]:
    view = recording.views[number]
    points, universal = (
        convert(array, MPI_INF_3DHP_28, MPI_INF_3DHP_17) for array in (view.points, view.universal)
    )
    return {"data_2d": points, "data_3d": universal}

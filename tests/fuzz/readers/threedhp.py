"""MPI-INF-3DHP: its annotations, calibrations, P-STMO's archives, and files of predictions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gsam.datasets.mpi_inf_3dhp.annotations import read_test_annotations, read_training_annotations
from gsam.datasets.mpi_inf_3dhp.calibration import read_calibration
from gsam.datasets.mpi_inf_3dhp.cameras import test_camera
from gsam.datasets.mpi_inf_3dhp.files import TESTS, TRAINING
from gsam.datasets.mpi_inf_3dhp.npz import read_test_archive, read_training_archive
from gsam.metrics.inference_data import read_inference_data
from gsam.skeletons import MPI_INF_3DHP_17, MPI_INF_3DHP_28, convert
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.recordings import Recording, View, test_recordings, training_recordings
from gsam.twin.threedhp.rig import calibration_text
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_hdf5, as_mat, as_npz

FRAMES, CAMERAS = 3, (0, 8)
ARRAYS = {"annot2": "points", "annot3": "metric", "univ_annot3": "universal"}
SHORT = TwinThreedhpConfig(seconds=4, test_seconds=4)


@cache
def studio() -> Recording:
    return next(training_recordings(SHORT))


@cache
def outdoors() -> Recording:
    """Of TS6, whose frames are valid."""
    return list(test_recordings(SHORT))[-1]


def frames_of(view: View) -> View:
    return replace(view, **{name: getattr(view, name)[:FRAMES] for name in ARRAYS.values()})


def training() -> dict[str, Any]:
    content: dict[str, Any] = {
        "cameras": np.arange(14, dtype=np.uint8)[None],
        "frames": np.arange(FRAMES)[:, None],
    }
    for key, name in ARRAYS.items():
        content[key] = np.empty((14, 1), object)
        for number, view in enumerate(studio().views):
            content[key][number, 0] = getattr(frames_of(view), name).reshape(FRAMES, -1)
    return content


def joints_of(view: View) -> dict[str, np.ndarray]:
    found = {key: getattr(frames_of(view), name) for key, name in ARRAYS.items()}
    return {key: convert(array, MPI_INF_3DHP_28, MPI_INF_3DHP_17) for key, array in found.items()}


def test_sequence() -> dict[str, Any]:
    arrays = {key: value[:, None] for key, value in joints_of(outdoors().views[0]).items()}
    return {
        **arrays,
        "valid_frame": np.array([[1.0], [0.0], [1.0]]),
        "activity_annotation": np.array([[1.0], [4.0], [7.0]]),
    }


def pair_of(view: View) -> dict[str, Any]:
    found = joints_of(view)
    return {"data_2d": found["annot2"], "data_3d": found["univ_annot3"]}


def training_archive() -> dict[str, Any]:
    views = {str(number): pair_of(studio().views[number]) for number in CAMERAS}
    return {
        "data": {
            f"{subject} {sequence}": [dict(views), length.fps]
            for (subject, sequence), length in TRAINING.items()
        }
    }


def test_archive() -> dict[str, Any]:
    view = {**pair_of(outdoors().views[0]), "valid": np.array([1.0, 0.0, 1.0])}
    return {"data": {name: dict(view) for name in TESTS}}


def predictions() -> dict[str, Any]:
    return {name: np.ones((3, 17, 1, FRAMES)) for name in TESTS}


def _training(folder: Path) -> object:
    cameras = tuple(view.camera for view in studio().views)
    return list(read_training_annotations(folder / "annot.mat", cameras, CAMERAS))


def _test(folder: Path) -> object:
    return read_test_annotations(folder / "annot_data.mat", test_camera("TS6"))


READERS = [
    Reader(name="3dhp annot.mat", file="annot.mat", content=training, dump=as_mat, read=_training),
    Reader(
        name="3dhp annot_data.mat",
        file="annot_data.mat",
        content=test_sequence,
        dump=as_hdf5,
        read=_test,
    ),
    Reader(
        name="3dhp calibration",
        file="camera.calibration",
        content=lambda: calibration_text(tuple(v.camera for v in studio().views)).encode(),
        twists=False,
        read=lambda folder: read_calibration(folder / "camera.calibration"),
    ),
    Reader(
        name="3dhp training archive",
        file="train.npz",
        content=training_archive,
        dump=as_npz,
        read=lambda folder: list(read_training_archive(folder / "train.npz", CAMERAS)),
    ),
    Reader(
        name="3dhp test archive",
        file="test.npz",
        content=test_archive,
        dump=as_npz,
        read=lambda folder: list(read_test_archive(folder / "test.npz")),
    ),
    Reader(
        name="3dhp predictions",
        file="inference_data.mat",
        content=predictions,
        dump=as_mat,
        read=lambda folder: read_inference_data(folder / "inference_data.mat"),
    ),
]

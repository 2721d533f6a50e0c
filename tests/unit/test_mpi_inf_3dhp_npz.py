"""P-STMO's archives of MPI-INF-3DHP: every fault that they may have, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.mpi_inf_3dhp.cameras import test_camera as camera_of
from gsam.datasets.mpi_inf_3dhp.files import TEST_ARCHIVE, TESTS, TRAIN_ARCHIVE
from gsam.datasets.mpi_inf_3dhp.npz import read_training_archive
from gsam.datasets.mpi_inf_3dhp.takes import read_takes, read_test_sequences
from gsam.errors import DataError
from gsam.twin.archive import write_archive
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.generate import generate
from gsam.twin_mark import write_mark
from gsam.unpickle import load_object_npz

Content = dict[str, Any]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npz")
    generate(folder, TwinThreedhpConfig(seconds=4, test_seconds=4), "npz")
    return folder


def _spoilt(archives: Path, folder: Path, name: str, edit: Callable[[Content], object]) -> Path:
    """A copy of the archives, one of them edited."""
    for archive in (TRAIN_ARCHIVE, TEST_ARCHIVE):
        content = load_object_npz(archives / archive, "data")
        if archive == name:
            edit(content)
        write_archive(folder / archive, {"data": content})
    write_mark(folder, "mpi_inf_3dhp", 0)
    return folder


def _view(content: Content) -> Content:
    view: Content = content["S2 Seq1"][0]["5"]
    return view


def _missing(content: Content) -> None:
    del content["S7 Seq2"]


def _rate(content: Content) -> None:
    content["S2 Seq1"][1] = 50


def _bare(content: Content) -> None:
    content["S2 Seq1"] = content["S2 Seq1"][0]


def _joints(content: Content) -> None:
    _view(content)["data_3d"] = _view(content)["data_3d"][:, :16]


def _lengths(content: Content) -> None:
    _view(content)["data_2d"] = _view(content)["data_2d"][1:]


def _metres(content: Content) -> None:
    _view(content)["data_3d"] = _view(content)["data_3d"] / 1000


def _normalised(content: Content) -> None:
    _view(content)["data_2d"] = _view(content)["data_2d"] / 1024 - 1


def _hole(content: Content) -> None:
    _view(content)["data_2d"][3, 14] = np.nan


def _text(content: Content) -> None:
    _view(content)["data_3d"] = "nothing"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_missing, "data has .*expected S1 Seq1, S1 Seq2"),
        (_rate, "S2 Seq1: 50 frames per second, expected 25"),
        (_bare, r"S2 Seq1: expected \[dictionary of cameras, frames per second\]"),
        (_joints, r"S2 Seq1, camera 5: data_3d of shape \(100, 16, 3\), expected \(T, 17, 3\)"),
        (_lengths, r"camera 5: data_2d and data_3d have \[99, 100\] frames, expected equally many"),
        (_metres, "camera 5: data_3d: the thigh is .*look like metres"),
        (_normalised, "camera 5: data_2d: no number is above .* normalised screen coordinates"),
        (_hole, "camera 5: data_2d: joint pelvis is not finite in frame 3"),
        (_text, "camera 5: data_3d: found str, expected an array"),
    ],
)
def test_faults_of_the_training_archive_are_named(
    archives: Path, tmp_path: Path, edit: Callable[[Content], object], message: str
) -> None:
    folder = _spoilt(archives, tmp_path, TRAIN_ARCHIVE, edit)
    with pytest.raises(DataError, match=f"{TRAIN_ARCHIVE}.*{message}"):
        list(read_takes(folder))


def _flags(content: Content) -> None:
    content["TS3"]["valid"] = content["TS3"]["valid"] * 2


def _few_flags(content: Content) -> None:
    content["TS3"]["valid"] = content["TS3"]["valid"][:-1]


def _metric(content: Content) -> None:
    """Points where the joints fall: what annot3 would be to them."""
    for name in TESTS:
        camera = camera_of(name)
        content[name]["data_2d"] = camera.project(content[name]["data_3d"] / 1000)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_flags, "TS3: valid has 100 values, expected 100 of 0 and 1, some 1"),
        (_few_flags, "TS3: valid has 99 values, expected 100"),
        (_metric, "data_3d projects onto data_2d in every test sequence.*expected universal"),
    ],
)
def test_faults_of_the_test_archive_are_named(
    archives: Path, tmp_path: Path, edit: Callable[[Content], object], message: str
) -> None:
    folder = _spoilt(archives, tmp_path, TEST_ARCHIVE, edit)
    with pytest.raises(DataError, match=f"{TEST_ARCHIVE}.*{message}"):
        list(read_test_sequences(folder))


def test_longer_sequences_are_cut_and_shorter_ones_said(
    archives: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = archives / TRAIN_ARCHIVE
    content = load_object_npz(path, "data")
    usable = {tuple(name.split(" ")): 60 for name in content} | {("S8", "Seq2"): 5000}
    with caplog.at_level(logging.WARNING):
        found = [len(one.points) for *_, one in read_training_archive(path, (0, 8), usable)]
    assert found == [60] * 30 + [100] * 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: S8 Seq2: 100 frames, the original has 5000"
    ]

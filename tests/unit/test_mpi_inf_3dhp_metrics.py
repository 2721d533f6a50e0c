"""The official tables of MPI-INF-3DHP and the file of predictions that its scorer takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from gsam.clip_rows import View, build_clip_rows
from gsam.clips import ClipSet
from gsam.datasets.mpi_inf_3dhp.annotations import Annotations
from gsam.datasets.mpi_inf_3dhp.files import ACTIVITIES, SETTINGS, TESTS
from gsam.datasets.mpi_inf_3dhp.takes import read_takes, read_test_sequences
from gsam.datasets.takes import file_stem
from gsam.errors import DataError
from gsam.evaluation import evaluate, predict_one, summary
from gsam.metrics.inference_data import read_inference_data, write_inference_data
from gsam.metrics.mpi_inf_3dhp import ALL, main, official_tables
from gsam.schemas import CLIPS
from gsam.skeletons import H36M_17, MPI_INF_3DHP_17, convert
from gsam.storage import write_table
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.generate import Layout, generate

FRAMES = {name: 3 + number for number, name in enumerate(TESTS)}


def _poses(seed: int = 0) -> dict[str, np.ndarray]:
    """Metres, Human3.6M-17, as far away as people stand, by test sequence."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, 17, 3)) + np.array([0, 0, 4]) for name, n in FRAMES.items()}


def _official(poses: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: convert(1000 * array, H36M_17, MPI_INF_3DHP_17) for name, array in poses.items()}


def _truth(poses: dict[str, np.ndarray], *, activities: bool = True) -> dict[str, Annotations]:
    """Every second frame is valid; activity 1 in the first of them, 6 in the others."""
    found = {}
    for name, array in _official(poses).items():
        every = np.repeat(array, 2, axis=0)
        valid = np.arange(len(every)) % 2 == 0
        doing = np.where(np.arange(len(every)) < 2, 1, 6)
        found[name] = Annotations(
            MPI_INF_3DHP_17, every[..., :2], every, valid, doing if activities else None
        )
    return found


# --- tables ----------------------------------------------------------------------------------


def test_rows_are_sequences_settings_activities_and_all() -> None:
    tables = official_tables(_official(_poses()), _truth(_poses()))
    expected = [*TESTS, *SETTINGS.values(), ACTIVITIES[1], ACTIVITIES[6], ALL]
    assert list(tables) == expected
    assert tables[ALL]["frames"] == sum(FRAMES.values())
    assert tables[ACTIVITIES[1]]["frames"] == 6
    assert tables[ALL]["pck"]["total"] == 100.0
    assert tables[ALL]["auc"]["total"] == pytest.approx(100 * 30 / 31)
    assert tables[ALL]["mpjpe_mm"] == 0.0


def test_settings_are_weighted_by_frames_not_by_sequences() -> None:
    off = _official(_poses())
    off["TS1"][:, MPI_INF_3DHP_17.index("left_wrist")] += (200.0, 0, 0)
    tables = official_tables(off, _truth(_poses()))
    green = tables[SETTINGS["green_screen"]]
    share = FRAMES["TS1"] / (FRAMES["TS1"] + FRAMES["TS2"])
    assert green["pck"]["Wrist"] == pytest.approx(100 * (1 - share / 2))
    assert green["pck"]["total"] == pytest.approx(100 * (1 - share / 14))
    assert green["pck150_all17"] == pytest.approx(100 * (1 - share / 17))
    assert green["mpjpe_mm"] == pytest.approx(200 * share / 17)
    assert tables[SETTINGS["outdoor"]]["mpjpe_mm"] == 0.0


def test_predictions_are_scored_about_their_own_pelvis() -> None:
    moved = {name: array + np.array([500, 0, -300]) for name, array in _official(_poses()).items()}
    assert official_tables(moved, _truth(_poses()))[ALL]["mpjpe_mm"] == pytest.approx(0, abs=1e-9)


def test_without_activities_there_are_no_rows_of_them() -> None:
    tables = official_tables(_official(_poses()), _truth(_poses(), activities=False))
    assert list(tables) == [*TESTS, *SETTINGS.values(), ALL]


def test_predictions_of_every_frame_instead_of_the_valid_ones_are_refused() -> None:
    whole = {name: np.repeat(array, 2, axis=0) for name, array in _official(_poses()).items()}
    with pytest.raises(DataError, match="TS1: predictions of 6 frames, expected 3: the valid ones"):
        official_tables(whole, _truth(_poses()))


# --- inference_data.mat ----------------------------------------------------------------------


def test_the_file_is_what_the_official_scorer_takes(tmp_path: Path) -> None:
    path, again = tmp_path / "inference_data.mat", tmp_path / "again.mat"
    write_inference_data(path, _poses())
    write_inference_data(again, _poses())
    assert path.read_bytes() == again.read_bytes()
    raw = loadmat(path)
    for name, array in _official(_poses()).items():
        assert raw[name].shape == (3, 17, 1, FRAMES[name])
        assert not raw[name][:, 14].any()  # the pelvis, 15th in MATLAB
        wrist = raw[name][:, 4, 0, 1]
        np.testing.assert_allclose(wrist, array[1, 4] - array[1, 14])
    back = read_inference_data(path)
    tables = official_tables(back, _truth(_poses()))
    assert tables[ALL]["mpjpe_mm"] == pytest.approx(0, abs=1e-9)


def test_a_single_frame_has_lost_its_last_axes(tmp_path: Path) -> None:
    path = tmp_path / "one.mat"
    savemat(path, {name: np.ones((3, 17)) for name in TESTS})
    assert read_inference_data(path)["TS6"].shape == (1, 17, 3)


def _transposed(content: dict[str, Any]) -> None:
    content["TS3"] = content["TS3"].transpose(3, 1, 2, 0)


def _broken(content: dict[str, Any]) -> None:
    content["TS2"][0, 3, 0, 1] = np.nan


def _absent(content: dict[str, Any]) -> None:
    del content["TS6"]


def _cell(content: dict[str, Any]) -> None:
    content["TS1"] = np.array([["x"]], object)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_transposed, r"TS3: shape \(5, 17, 1, 3\), expected \(3, 17, 1, N\)"),
        (_broken, "TS2: joint right_elbow is not finite in frame 1"),
        (_absent, "variable 'TS6' is missing"),
        (_cell, "TS1: found object, expected an array of numbers"),
    ],
)
def test_faults_of_the_file_are_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = tmp_path / "inference_data.mat"
    write_inference_data(path, _poses())
    content = {name: value for name, value in loadmat(path).items() if name in TESTS}
    edit(content)
    savemat(path, content)
    with pytest.raises(DataError, match=f"inference_data.mat.*{message}"):
        read_inference_data(path)


def test_predictions_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "inference_data.mat"
    some = {name: array for name, array in _poses().items() if name != "TS4"}
    for wrong, message in (
        (some, "expected TS1, TS2, TS3, TS4"),
        (_poses() | {"TS2": np.zeros((4, 16, 3))}, r"TS2 of shape \(4, 16, 3\)"),
        (_poses() | {"TS2": np.full((4, 17, 3), np.inf)}, "TS2: joint pelvis is not finite"),
    ):
        with pytest.raises(DataError, match=message):
            write_inference_data(path, wrong)
        assert not path.exists()


# --- the whole way ---------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["official", "npz"])
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout: Layout = request.param
    folder = tmp_path_factory.mktemp(layout)
    generate(folder, TwinThreedhpConfig(seconds=4, test_seconds=4), layout)
    return folder


def test_the_scorer_agrees_with_scores_json(
    twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for film in read_takes(twin):
        if film.take.split == "test":
            path = tmp_path / "clips" / f"{file_stem(film.take.sequence)}.parquet"
            notes = {"dataset": film.take.dataset, "producer": "tests"}
            rows = build_clip_rows(film.take, [View(film.points)])
            write_table(path, rows, CLIPS, notes | {"joint_names": list(H36M_17.joints)})
    clips = ClipSet.load(tmp_path / "clips", "test")
    standing = clips.targets[clips.valid].mean(dim=0)

    def lift(keypoints: torch.Tensor) -> torch.Tensor:
        # The root is predicted somewhere else.
        return standing + 0.3 + 0.05 * torch.nn.functional.pad(keypoints, (0, 1))

    ours = summary(evaluate(lift, clips))
    path = tmp_path / "inference_data.mat"
    answers = {info.subject: predict_one(lift, clips, i) for i, info in enumerate(clips.info)}
    write_inference_data(path, answers)
    truth = dict(read_test_sequences(twin))
    tables = official_tables(read_inference_data(path), truth)
    rows = {ALL: ours["frame_mean"]}
    rows |= {title: ours["per_action"][name] for name, title in SETTINGS.items()}
    for row, figures in rows.items():
        found = tables[row]
        assert found["mpjpe_mm"] == pytest.approx(figures["mpjpe_mm"], abs=1e-3)
        assert found["pck"]["total"] == pytest.approx(figures["pck150"], abs=1e-2)
        assert found["auc"]["total"] == pytest.approx(figures["auc"], abs=1e-2)
        assert found["pck150_all17"] == pytest.approx(figures["pck150_all17"], abs=1e-2)
    assert main([str(path), str(twin)]) == 0
    text = capsys.readouterr().out
    assert "synthetic: no result on the data set" in text
    assert f"{tables[ALL]['mpjpe_mm']:8.1f}{tables[ALL]['frames']:8d}" in text
    assert ("sitting" in text) == (truth["TS1"].activities is not None)


def test_the_command_says_in_one_line_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "x.mat"), str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "MPI-INF-3DHP is granted by its authors" in error

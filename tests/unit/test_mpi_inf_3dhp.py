"""MPI-INF-3DHP's takes: both layouts, and every fault that its files may have, by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gsam.clip_rows import View, build_clip_rows
from gsam.datasets.mpi_inf_3dhp import files
from gsam.datasets.mpi_inf_3dhp.takes import FilmedTake, read_takes, read_test_sequences
from gsam.errors import ConfigError, DataError, GsamError, LicensedDataMissing
from gsam.schemas import OWN_CAMERA
from gsam.skeletons import H36M_17, MPI_INF_3DHP_28
from gsam.twin.threedhp import recordings as recorded
from gsam.twin.threedhp.annot_data import write_test_file
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.generate import Layout, generate
from gsam.twin_mark import MARK

Content = dict[str, Any]
ANNOT, CALIBRATION = "S1/Seq1/annot.mat", "S1/Seq1/camera.calibration"


def _twin(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> Path:
    folder = tmp_path_factory.mktemp(layout)
    generate(folder, TwinThreedhpConfig(seconds=4, test_seconds=4), layout)
    return folder


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _twin(tmp_path_factory, "official")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _twin(tmp_path_factory, "npz")


@pytest.fixture
def copy(official: Path, tmp_path: Path) -> Path:
    """The official layout, to be spoilt: files are links until they are replaced."""
    folder = tmp_path / "threedhp"
    for path in official.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(official)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    return folder


def _message(folder: Path, cameras: str = "vnect") -> str:
    with pytest.raises(GsamError) as error:
        list(read_takes(folder, cameras))
    return str(error.value)


def _replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _edit_mat(path: Path, edit: Callable[[Content], object]) -> None:
    names = ("annot2", "annot3", "univ_annot3", "cameras", "frames")
    content = {key: value for key, value in loadmat(path).items() if key in names}
    edit(content)
    path.unlink()
    savemat(path, content)


# --- both layouts ----------------------------------------------------------------------------


def test_both_layouts_give_the_same_clips(official: Path, archives: Path) -> None:
    theirs, ours = list(read_takes(archives)), list(read_takes(official))
    assert len(ours) == len(theirs) == 16 * 8 + 6
    for one, other in zip(ours, theirs, strict=True):
        rows = [build_clip_rows(film.take, [View(film.points)]) for film in (one, other)]
        assert rows[0].equals(rows[1]), one.take.sequence


def test_takes_are_single_views_in_their_cameras_frame(official: Path) -> None:
    films = {film.take.sequence: film for film in read_takes(official)}
    first, last = films["S1/Seq1 0"].take, films["TS6/0"].take
    assert (first.action, first.fps, first.split, first.valid) == ("Seq1", 25, "train", None)
    assert films["S1/Seq2 8"].take.fps == 50
    assert (last.action, last.split, last.dataset) == ("outdoor", "test", "mpi_inf_3dhp_twin")
    marked = films["TS1/0"].take.valid
    assert marked is not None and 0 < marked.sum() < len(marked)
    for film in films.values():
        camera = film.take.cameras[0]
        assert film.take.frame == OWN_CAMERA and len(film.take.cameras) == 1
        np.testing.assert_array_equal(camera.R, np.eye(3))
        np.testing.assert_array_equal(camera.t, np.zeros(3))
    sizes = {name: films[f"{name}/0"].take.cameras[0] for name in files.TESTS}
    assert [(c.width, c.height) for c in sizes.values()] == [(2048, 2048)] * 4 + [(1920, 1080)] * 2


def test_joints_are_the_universal_ones_by_name(official: Path) -> None:
    film: FilmedTake = next(iter(read_takes(official)))
    raw = loadmat(official / ANNOT)
    frames = len(film.take.joints)
    for name in ("pelvis", "left_wrist", "right_ankle", "head_top"):
        ours = film.take.joints[:, H36M_17.index(name)]
        row = MPI_INF_3DHP_28.index(name)
        theirs = raw["univ_annot3"][0, 0].reshape(frames, 28, 3)[:, row]
        np.testing.assert_allclose(1000 * ours, theirs, rtol=1e-6)
        points = raw["annot2"][0, 0].reshape(frames, 28, 2)[:, row]
        np.testing.assert_array_equal(film.points[:, H36M_17.index(name)], points)
    hips = film.take.joints[:, H36M_17.indices(["left_hip", "right_hip"])]
    assert (hips[:, 0] != hips[:, 1]).any()


@pytest.mark.parametrize(("name", "count"), [("chest", 5), ("ceiling", 3), ("non_ceiling", 11)])
def test_cameras_come_in_the_authors_sets(official: Path, name: str, count: int) -> None:
    films = [film for film in read_takes(official, name) if film.take.subject == "S3"]
    chosen = [int(film.take.cameras[0].name) for film in films]
    assert chosen == [*files.CAMERA_SETS[name]] * 2 and len(chosen) == 2 * count


def test_other_sets_of_cameras_are_refused(official: Path, archives: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of vnect, chest, non_ceiling, ceiling"):
        read_takes(official, "vnct")
    assert "S1 Seq1: no camera 11, the archive has 0, 1, 2, 4" in _message(archives, "ceiling")


def test_what_is_absent_is_named_with_who_grants_it(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(LicensedDataMissing, match=r"data_train_3dhp.npz.*vcai.mpi-inf.mpg.de"):
        read_takes(tmp_path / "nothing")
    (copy / "S4/Seq2/camera.calibration").unlink()
    (copy / "TS5/annot_data.mat").unlink()
    with pytest.raises(LicensedDataMissing) as error:
        read_takes(copy)
    assert ": S4/Seq2/camera.calibration, TS5/annot_data.mat missing" in str(error.value)


def test_test_sequences_may_lie_as_their_archive_unpacks(copy: Path) -> None:
    (copy / "mpi_inf_3dhp_test_set").mkdir()
    for name in files.TESTS:
        shutil.move(copy / name, copy / "mpi_inf_3dhp_test_set" / name)
    assert [name for name, _ in read_test_sequences(copy)] == list(files.TESTS)


# --- the original's counts -------------------------------------------------------------------


def test_the_originals_annotations_are_cut_to_its_videos(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / MARK).unlink()
    assert f"{ANNOT}: 100 frames, expected the published 6416 or more" in _message(copy)
    shorter = {key: files.Length(90, value.fps) for key, value in files.TRAINING.items()}
    monkeypatch.setattr("gsam.datasets.mpi_inf_3dhp.takes.TRAINING", shorter)
    takes = read_takes(copy)
    first = next(takes).take
    assert (len(first.joints), first.dataset) == (90, "mpi_inf_3dhp")
    with pytest.raises(DataError, match=r"TS1 has 100 frames, .* published 6151 and 603"):
        list(takes)


def test_test_sequences_of_the_published_lengths_are_the_original(tmp_path: Path) -> None:
    for recording in recorded.test_recordings(TwinThreedhpConfig(test_seconds=4)):
        test = files.TESTS[recording.subject]
        rows = np.arange(test.frames) % len(recording.valid)
        view = recording.views[0]
        longer = replace(
            recording,
            valid=np.arange(test.frames) < test.valid,
            activities=recording.activities[rows],
            views=(
                replace(
                    view,
                    points=view.points[rows],
                    metric=view.metric[rows],
                    universal=view.universal[rows],
                ),
            ),
        )
        (tmp_path / recording.subject).mkdir()
        write_test_file(tmp_path / recording.subject / "annot_data.mat", longer)
    found = dict(read_test_sequences(tmp_path))
    assert {name: len(one.points) for name, one in found.items()} == {
        name: test.frames for name, test in files.TESTS.items()
    }
    assert sum(int(one.valid.sum()) for one in found.values() if one.valid is not None) == 2929


def test_published_counts_add_up() -> None:
    assert sum(test.valid for test in files.TESTS.values()) == 2929
    assert {key[0] for key in files.TRAINING} == set(files.SUBJECTS)


# --- faults of training files ----------------------------------------------------------------


def _swap(content: Content) -> None:
    content["annot3"], content["univ_annot3"] = content["univ_annot3"], content["annot3"]


def _scale(factor: float) -> Callable[[Content], None]:
    def edit(content: Content) -> None:
        for key in ("annot3", "univ_annot3"):
            content[key][1, 0] = content[key][1, 0] * factor

    return edit


def _not_a_number(content: Content) -> None:
    content["univ_annot3"][2, 0][7, 3 * MPI_INF_3DHP_28.index("neck")] = np.nan


def _other_poses(content: Content) -> None:
    content["univ_annot3"][4, 0] = content["univ_annot3"][4, 0][::-1].copy()


def _seventeen(content: Content) -> None:
    content["annot2"][3, 0] = content["annot2"][3, 0][:, :34]


def _reorder(content: Content) -> None:
    content["cameras"] = content["cameras"][:, ::-1]


def _gap(content: Content) -> None:
    content["frames"][5:] += 1


def _short_cell(content: Content) -> None:
    content["annot3"][6, 0] = content["annot3"][6, 0][:-3]


def _twelve_cells(content: Content) -> None:
    content["annot2"] = content["annot2"][:12]


def _no_cells(content: Content) -> None:
    content["annot2"] = content["annot2"][0, 0]


def _no_univ(content: Content) -> None:
    del content["univ_annot3"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_swap, "camera 0: univ_annot3 projects onto annot2 and annot3 does not"),
        (_scale(0.001), "camera 1: annot3: the thigh is 0.4.*look like metres"),
        (_scale(0.1), "camera 1: annot3: the thigh is 4.*look like centimetres"),
        (_not_a_number, "camera 2: univ_annot3: joint neck is not finite in frame 7"),
        (_other_poses, "camera 4: univ_annot3 is no rescaled annot3"),
        (_seventeen, r"annot2, camera 3: shape \(100, 34\), expected \(F, 56\).*17 joints"),
        (_reorder, r"cameras are \[13, 12,.*expected 0 to 13"),
        (_gap, "frames goes from 4 to 6 after row 4"),
        (_short_cell, "annot3, camera 6: 97 rows, expected 100"),
        (_twelve_cells, r"annot2: found object \(12, 1\), expected 14 cells"),
        (_no_cells, r"annot2: found float32 \(100, 56\), expected 14 cells"),
        (_no_univ, "variable 'univ_annot3' is missing"),
    ],
)
def test_faults_of_annotations_are_named(
    copy: Path, edit: Callable[[Content], object], message: str
) -> None:
    _edit_mat(copy / ANNOT, edit)
    with pytest.raises(DataError, match=f"{ANNOT}.*{message}"):
        list(read_takes(copy))


def test_annotations_of_another_version_or_cut_short_are_named(copy: Path) -> None:
    data = (copy / ANNOT).read_bytes()
    _replace(copy / ANNOT, data[: len(data) // 2])
    assert f"{ANNOT}: not a readable MATLAB file" in _message(copy)
    _replace(copy / ANNOT, (copy / "TS1/annot_data.mat").read_bytes())
    assert f"{ANNOT}: MATLAB 7.3 file" in _message(copy)


# --- faults of calibrations ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Skeletool", "Skeleton", "begins with 'Skeleton Camera"),
        ("name          3\n", "name          4\n", "expected 0 to 13 in order"),
        ("size        2048 2048", "size        2048", "line 4: size: 1 values, expected 2"),
        ("size        2048 2048", "size        2048 x", "could not convert"),
        ("  radial      0", "  radial      0.1", "camera 0: radial 0.1, expected 0"),
        ("  animated    0", "  lens        0", "line 5: 'lens', expected one of name, sensor"),
        ("0 0 0 1\n  radial", "0 0 1 1\n  radial", r"extrinsic ends with \[0.0, 0.0, 1.0, 1.0\]"),
    ],
)
def test_faults_of_calibrations_are_named(copy: Path, old: str, new: str, message: str) -> None:
    text = (copy / CALIBRATION).read_text()
    assert old in text
    _replace(copy / CALIBRATION, text.replace(old, new, 1).encode())
    with pytest.raises(DataError, match=f"{CALIBRATION}.*{message}"):
        list(read_takes(copy))


def test_a_calibration_without_a_rotation_is_named(copy: Path) -> None:
    lines = (copy / CALIBRATION).read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if "extrinsic" in line)
    word, *values = lines[place].split()
    lines[place] = f"{word} " + " ".join(["2", *values[1:]])
    _replace(copy / CALIBRATION, "\n".join(lines).encode())
    assert f"{CALIBRATION}: camera 0: R is" in _message(copy)


def test_cameras_that_are_exchanged_do_not_fit_the_annotations(copy: Path) -> None:
    text = (copy / CALIBRATION).read_text()
    head, *blocks = text.split("name          ")
    blocks[0], blocks[1] = f"0{blocks[1][1:]}", f"1{blocks[0][1:]}"
    _replace(copy / CALIBRATION, "name          ".join([head, *blocks]).encode())
    message = _message(copy)
    assert f"{ANNOT}: camera 0: annot3 projects " in message
    assert "px away from annot2" in message


def test_a_calibration_is_read_by_words_not_columns(copy: Path) -> None:
    text = (copy / CALIBRATION).read_text()
    _replace(copy / CALIBRATION, " \t".join(text.split(" ")).replace("\n", "\r\n\r\n").encode())
    assert next(read_takes(copy)).take.cameras[0].height == 2048


# --- faults of test files --------------------------------------------------------------------


def _set(key: str, change: Callable[[Any], Any]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        value = change(file[key][()])
        del file[key]
        file[key] = value

    return edit


def _unused_frame(value: Any) -> Any:
    return np.where(value == 1, 2, value)


def _huge(file: h5py.File) -> None:
    del file["annot3"]
    file.create_dataset("annot3", shape=(1 << 40, 1, 17, 3), dtype="f8", chunks=(1, 1, 17, 3))


def _elsewhere(file: h5py.File) -> None:
    del file["annot3"]
    file["annot3"] = h5py.ExternalLink("/etc/passwd", "annot3")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_set("valid_frame", _unused_frame), "valid_frame holds 0, 2, expected 0 and 1"),
        (_set("valid_frame", np.zeros_like), "valid_frame holds 0, expected 0 and 1, some 1"),
        (
            _set("activity_annotation", lambda a: a + 7),
            "activity_annotation holds .*expected 1 to 7",
        ),
        (_set("annot2", lambda a: a[:-1]), "lengths .*expected equal ones"),
        (_set("annot2", lambda a: a[..., ::-1].copy()), "annot3 projects .* px away from annot2"),
        (_set("annot3", lambda a: a[:, 0]), r"annot3: shape \(100, 17, 3\), expected \(T >= 1, 1"),
        (_set("univ_annot3", lambda a: a / 1000), "univ_annot3: the thigh .*look like metres"),
        (_set("univ_annot3", lambda a: a * np.nan), "univ_annot3: joint head_top is not finite"),
        (_huge, "annot3 is of shape .* more than"),
        (_elsewhere, "no dataset 'annot3'"),
    ],
)
def test_faults_of_test_sequences_are_named(
    copy: Path, edit: Callable[[h5py.File], None], message: str
) -> None:
    path = copy / "TS2/annot_data.mat"
    _replace(path, path.read_bytes())
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(DataError, match=f"TS2/annot_data.mat.*{message}"):
        list(read_test_sequences(copy))

"""A take refuses what it is not, and its rows and file names lead back to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.pose_tables import read_take
from gsam.datasets.takes import (
    Take,
    camera_from_row,
    camera_rows,
    file_stem,
    pose_table,
    sequence_row,
)
from gsam.errors import DataError
from gsam.schemas import CAMERAS, OWN_CAMERA, POSES, SEQUENCES, WORLD
from gsam.storage import array_column, read_table, write_table

NOTES = {"dataset": "human36m", "producer": "test"}


def take() -> Take:
    joints = np.random.default_rng(0).normal(size=(5, 17, 3)).astype(np.float32)
    cameras = human36m_cameras()["S1"]
    return Take("human36m", "S1", "Walking", "Walking 1", 50.0, "train", joints, cameras)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": np.zeros((5, 16, 3), np.float32)}, r"float32 \(5, 16, 3\), expected float32"),
        ({"joints": np.zeros((5, 17, 3))}, "joints are float64"),
        ({"joints": np.zeros((0, 17, 3), np.float32)}, r"\(0, 17, 3\)"),
        ({"joints": np.full((5, 17, 3), np.nan, np.float32)}, "frame 0 is not finite"),
        ({"split": "val"}, "split 'val', expected train or test"),
        ({"fps": 0.0}, "fps 0.0"),
        ({"cameras": ()}, "cameras"),
        ({"cameras": human36m_cameras()["S1"][:1] * 2}, "expected distinct names"),
        ({"valid": np.ones(4, bool)}, r"valid is bool \(4,\), expected bool \(5,\)"),
        ({"valid": np.ones(5)}, "valid is float64"),
        ({"frame": OWN_CAMERA}, "4 cameras, expected one in a camera's own frame"),
    ],
)
def test_a_take_refuses_what_it_is_not(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=f"take S1/Walking 1: .*{message}"):
        replace(take(), **change)


def test_rows_of_a_take_keep_everything(tmp_path) -> None:
    one = take()
    write_table(
        tmp_path / "s", pa.Table.from_pylist([sequence_row(one)], SEQUENCES), SEQUENCES, NOTES
    )
    row = read_table(tmp_path / "s", SEQUENCES).to_pylist()[0]
    assert row["sequence"] == "S1/Walking 1" and row["frames"] == 5 and row["action"] == "Walking"
    write_table(tmp_path / "c", pa.Table.from_pylist(camera_rows(one), CAMERAS), CAMERAS, NOTES)
    for found, camera in zip(
        read_table(tmp_path / "c", CAMERAS).to_pylist(), one.cameras, strict=True
    ):
        back = camera_from_row(found)
        assert (back.name, back.width, back.height, back.model) == (
            camera.name,
            camera.width,
            camera.height,
            camera.model,
        )
        np.testing.assert_array_equal(back.K, camera.K)
        np.testing.assert_array_equal(back.R, camera.R)
        np.testing.assert_array_equal(back.t, camera.t)
        assert back.distortion == camera.distortion
    write_table(tmp_path / "p", pose_table(one), POSES, NOTES)
    joints = array_column(read_table(tmp_path / "p", POSES), "joints", (17, 3))
    np.testing.assert_array_equal(joints, one.joints)


def test_validity_and_frame_come_back_from_the_tables(tmp_path) -> None:
    camera = replace(human36m_cameras()["S1"][0], R=np.eye(3), t=np.zeros(3))
    some = np.array([True, False, True, True, False])
    for one in (take(), replace(take(), cameras=(camera,), valid=some, frame=OWN_CAMERA)):
        path = tmp_path / "frames" / f"{file_stem(one.sequence)}.parquet"
        write_table(path, pose_table(one), POSES, NOTES | {"coordinate_frame": one.frame})
        back = read_take(tmp_path, sequence_row(one), camera_rows(one))
        assert back.frame == one.frame and back.frame in (WORLD, OWN_CAMERA)
        np.testing.assert_array_equal(back.joints, one.joints)
        if one.valid is None:
            assert back.valid is None
        else:
            assert back.valid is not None and back.valid.tolist() == one.valid.tolist()


def test_file_names_are_readable() -> None:
    assert file_stem("S1/Directions 1") == "S1__Directions_1"
    assert (
        file_stem("dataset-2/walk-turn-left normal 003") == "dataset-2__walk-turn-left_normal_003"
    )
    assert file_stem("a/../b.c") == "a__%2E%2E__b%2Ec"


@given(st.lists(st.text("aB_ /.%~é\\:", max_size=6), min_size=2, max_size=2, unique=True))
def test_file_names_differ_where_sequences_do_and_are_safe(sequences: list[str]) -> None:
    one, two = map(file_stem, sequences)
    assert one != two
    assert not set(one) & set(" /.\\:") and one.isascii()

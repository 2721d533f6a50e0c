"""Files appear whole or not at all, and the same content is the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.schemas import KEYPOINTS, POSES, metadata_of
from gsam.storage import (
    array_column,
    atomic_directory,
    atomic_path,
    digest,
    list_column,
    read_json,
    read_table,
    write_json,
    write_table,
    write_text,
)

NOTES = {"dataset": "twin", "producer": "test"}


def poses(frames: int = 5) -> dict[str, object]:
    joints = np.random.default_rng(0).normal(size=(frames, 17, 3)).astype(np.float32)
    return {
        "valid": [True] * frames,
        "joints": list_column(joints),
        "sequence": ["S1/Walking"] * frames,
        "frame": list(range(frames)),
    }


def test_a_table_comes_back_with_its_values_and_metadata(tmp_path: Path) -> None:
    columns = poses()
    write_table(tmp_path / "a.parquet", columns, POSES, NOTES)
    table = read_table(tmp_path / "a.parquet", POSES)
    assert table.schema.names == POSES.names
    np.testing.assert_array_equal(
        array_column(table, "joints", (51,)).reshape(-1), columns["joints"].flatten()
    )
    assert array_column(table, "joints", (17, 3)).shape == (5, 17, 3)
    assert metadata_of(table)["producer"] == "test"
    assert metadata_of(table)["schema"] == "poses"
    assert "pandas" not in metadata_of(table)


def test_the_same_table_is_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", poses(), POSES, NOTES)
    code = (
        "import sys; sys.path[:0] = ['.', 'tests/unit']\n"
        "from test_storage import *\n"
        "columns = dict(reversed(poses().items()))\n"
        f"write_table({str(tmp_path / 'b.parquet')!r}, columns, POSES, NOTES)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_some_columns_can_be_read_alone(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", poses(), POSES, NOTES)
    assert read_table(tmp_path / "a.parquet", POSES, ["joints"]).schema.names == ["joints"]


def test_a_table_that_breaks_its_schema_is_not_written(tmp_path: Path) -> None:
    columns = poses() | {"joints": list_column(np.zeros((5, 16, 3)))}
    with pytest.raises(DataError, match=r"a\.parquet: column 'joints'.*48 values.*expected 51"):
        write_table(tmp_path / "a.parquet", columns, POSES, NOTES)
    with pytest.raises(DataError, match="lacks 'producer'"):
        write_table(tmp_path / "a.parquet", poses(), POSES, {"dataset": "twin"})
    with pytest.raises(DataError, match="column 'frame' expected int32"):
        write_table(tmp_path / "a.parquet", poses() | {"frame": ["x"] * 5}, POSES, NOTES)
    with pytest.raises(DataError, match="different lengths"):
        write_table(tmp_path / "a.parquet", poses() | {"frame": [1]}, POSES, NOTES)
    assert list(tmp_path.iterdir()) == []


def test_truncated_foreign_and_absent_tables_are_data_errors(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", poses(200), POSES, NOTES)
    whole = (tmp_path / "a.parquet").read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.parquet").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.parquet: not a readable Parquet file of poses"):
            read_table(tmp_path / "cut.parquet", POSES)
    with pytest.raises(DataError, match=r"none\.parquet: no such file, expected the poses table"):
        read_table(tmp_path / "none.parquet", POSES)
    with pytest.raises(DataError, match="holds the table 'poses', expected 'keypoints'"):
        read_table(tmp_path / "a.parquet", KEYPOINTS)


def test_ragged_rows_keep_their_own_lengths() -> None:
    column = list_column([np.zeros((2, 3)), np.ones((1, 3)), np.zeros((0, 3))])
    assert [len(row) for row in column.to_pylist()] == [6, 3, 0]
    with pytest.raises(DataError, match="rows of other lengths than 3"):
        array_column(pa.table({"x": column}), "x", (3,))
    assert len(list_column([])) == 0


def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with (
        pytest.raises(KeyboardInterrupt),
        atomic_path(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_temporary_name_keeps_the_extension(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "new" / "a.npz") as temporary:
        assert temporary.suffix == ".npz"
        np.savez(temporary, x=np.zeros(2))
    assert np.load(tmp_path / "new" / "a.npz")["x"].shape == (2,)


@pytest.mark.parametrize("before", ["nothing", "folder", "file", "link"])
def test_a_folder_is_swapped_in_whole(tmp_path: Path, before: str) -> None:
    target = tmp_path / "out"
    if before == "folder":
        (target / "deep").mkdir(parents=True)
        (target / "deep" / "stale").write_text("x")
    elif before == "file":
        target.write_text("x")
    elif before == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    with atomic_directory(target) as folder:
        write_text(folder / "sub" / "a.txt", "new")
    assert [p.relative_to(target).as_posix() for p in sorted(target.rglob("*"))] == [
        "sub",
        "sub/a.txt",
    ]
    assert not target.is_symlink()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "out") as folder:
        write_text(folder / "a.txt", "old")
    with pytest.raises(DataError), atomic_directory(tmp_path / "out") as folder:
        write_text(folder / "a.txt", "half")
        raise DataError("stop")
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_removed_while_it_was_being_filled_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with atomic_directory(tmp_path / "out") as folder:
        (tmp_path / "out").rmdir()
        write_text(folder / "a.txt", "new")
    assert os.listdir(tmp_path / "out") == ["a.txt"]


def test_json_is_sorted_and_refuses_what_json_cannot_hold(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1.5, "a": [1, 2]})
    text = (tmp_path / "a.json").read_text()
    assert text.index('"a"') < text.index('"b"') and text.endswith("}\n")
    assert read_json(tmp_path / "a.json") == {"a": [1, 2], "b": 1.5}
    for bad in (float("nan"), float("inf")):
        with pytest.raises(DataError, match=r"b\.json.*finite"):
            write_json(tmp_path / "b.json", {"x": [bad]})
    assert not (tmp_path / "b.json").exists()
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json: not valid JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match=r"c\.json: no such file"):
        read_json(tmp_path / "c.json")


def test_a_digest_depends_on_contents_and_names_only(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_text(tmp_path / name / "b.txt", "b")
        write_text(tmp_path / name / "a.txt", "a")
    os.utime(tmp_path / "two" / "a.txt", (0, 0))
    assert digest(tmp_path / "one") == digest([tmp_path / "two"])
    os.rename(tmp_path / "two" / "a.txt", tmp_path / "two" / "c.txt")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")
    with pytest.raises(DataError, match="no such file or folder"):
        digest(tmp_path / "none")


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), max_size=5), max_size=5))
def test_list_columns_hold_any_rows(rows: list[list[float]]) -> None:
    column = list_column([np.asarray(row, np.float32) for row in rows])
    assert column.to_pylist() == rows

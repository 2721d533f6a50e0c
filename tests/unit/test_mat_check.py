"""MATLAB files of every kind that readers ask for pass the walk; those that lie do not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from gsam.datasets.mat import load_mat
from gsam.datasets.mat_check import check_mat
from gsam.errors import DataError


def cells(*values: Any) -> np.ndarray:
    held = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        held[0, place] = value
    return held


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        *(np.eye(3), np.float32([[1, 2]]), np.uint8([[7]]), np.array([[True, False]])),
        *(np.zeros((0, 3)), np.array([[1 + 2j]]), "text", "Ä€😀", "", np.zeros((2, 3, 4, 5), "i2")),
        *(cells(np.eye(2), "a", cells(1.0)), {"a": {"b": np.eye(2), "c": "d"}, "e": cells()}),
    ],
    ids=repr,
)
def test_what_scipy_writes_passes(value: Any, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"other": 1.0, "a": value}, do_compression=packed)
    check_mat(path, ["a", "other"])
    assert set(load_mat(path, ["a"])) >= {"a"}


def test_a_variable_that_nobody_asks_for_may_be_of_any_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"sparse": csc_matrix(np.eye(3)), "a": np.eye(3)})
    np.testing.assert_array_equal(load_mat(path, ["a"])["a"], np.eye(3))
    with pytest.raises(DataError, match=r"a\.mat: damaged MATLAB file \(class 5, expected numbers"):
        load_mat(path, ["sparse"])


def test_counts_and_types_are_held_to_the_bytes_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"a": np.eye(3)})
    good = path.read_bytes()
    sizes = good.index(b"\5\0\0\0\10\0\0\0\3\0\0\0\3\0\0\0") + 8
    numbers = good.index(b"\x09\0\0\0\x48\0\0\0", sizes)
    for at, change in (
        (sizes, b"\xff\xff\xff\x7f"),
        (sizes, b"\xff\xff\xff\xff"),
        (numbers, b"\x63"),
        (numbers + 4, b"\x40"),
    ):
        path.write_bytes(good[:at] + change + good[at + len(change) :])
        with pytest.raises(DataError, match=r"a\.mat: damaged MATLAB file"):
            check_mat(path, ["a"])

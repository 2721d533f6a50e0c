"""CDF and HDF5 files that nobody vouches for: right arrays, or one message."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from gsam.datasets import cdf
from gsam.datasets.cdf import read_cdf
from gsam.datasets.hdf5 import open_hdf5, read_floats
from gsam.errors import DataError
from gsam.twin.cdf_file import save_cdf


@pytest.mark.parametrize("encoding", [1, 6])
@pytest.mark.parametrize("majority", ["row_major", "column_major"])
@pytest.mark.parametrize("packed", [(0, 0), (6, 0), (0, 6)])
@pytest.mark.parametrize(("kind", "dtype"), [(44, np.float32), (45, np.float64)])
def test_what_the_library_of_the_format_reads_is_read(
    tmp_path, encoding, majority, packed, kind, dtype
) -> None:
    cdflib = pytest.importorskip("cdflib")
    path = tmp_path / "a.cdf"
    spec = {"Encoding": encoding, "Majority": majority, "Compressed": packed[0]}
    file = cdflib.cdfwrite.CDF(path, cdf_spec=spec)
    values = np.random.default_rng(0).normal(size=(3, 7, 4)).astype(dtype)
    for name in ("Other", "Pose"):
        variable = {"Variable": name, "Data_Type": kind, "Num_Elements": 1, "Rec_Vary": True}
        variable |= {"Dim_Sizes": [7, 4], "Compress": packed[1]}
        file.write_var(variable, var_data=values + (name == "Pose"))
    file.close()
    found = read_cdf(path, "Pose")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, cdflib.CDF(path)["Pose"])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.cdf"
    save_cdf(path, np.arange(12.0).reshape(4, 3))
    return path


def test_what_is_missing_is_named(good: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"good\.cdf: no variable 'Angles', .* variables: Pose"):
        read_cdf(good, "Angles")
    with pytest.raises(DataError, match=r"none\.cdf: cannot be read.*No such file"):
        read_cdf(tmp_path / "none.cdf", "Pose")
    (tmp_path / "text.cdf").write_text("hello there")
    with pytest.raises(DataError, match=r"starts with 68656c6c6f207468, expected a CDF 3"):
        read_cdf(tmp_path / "text.cdf", "Pose")


def test_damage_is_an_answer_wherever_it_is(good: Path) -> None:
    whole = good.read_bytes()
    for length in range(0, len(whole), 5):
        good.write_bytes(whole[:length])
        # The last bytes may be of records that poses do not need.
        if length < len(whole) - 200:
            with pytest.raises(DataError):
                read_cdf(good, "Pose")
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(whole)
        for place in rng.integers(8, len(whole), 4):
            damaged[place] = rng.choice([0, 1, 127, 255])
        good.write_bytes(damaged)
        try:
            assert read_cdf(good, "Pose").size <= cdf.MAX_BYTES
        except DataError:
            refused += 1
    assert refused > 100


def test_a_file_that_unpacks_to_more_than_any_real_one_is_refused(good, monkeypatch) -> None:
    monkeypatch.setattr(cdf, "MAX_BYTES", 1 << 20)
    head = bytes.fromhex("cdf30001cccc0001") + bytes(32)
    good.write_bytes(head + gzip.compress(bytes(2 << 20)))
    with pytest.raises(DataError, match="unpacks to more than the 1048576 bytes"):
        read_cdf(good, "Pose")
    good.write_bytes(bytes(2 << 20))
    with pytest.raises(DataError, match="more than 1048576 bytes"):
        read_cdf(good, "Pose")


def hdf5(path: Path, key: str = "poses", **options: object) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset(key, **options)
    return path


def test_hdf5_arrays_are_floats_of_this_file_and_of_a_bearable_size(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    cases: list[tuple[dict, str]] = [
        ({"key": "other", "data": np.ones(3)}, "no dataset 'poses', .* among its keys: other"),
        ({"data": np.ones(3, int)}, "poses holds int64, expected floats"),
        ({"shape": (1 << 40,), "dtype": "f4", "chunks": (1024,)}, "more than 1000 bytes"),
        ({"shape": (2,), "dtype": "f4", "chunks": (1024,), "maxshape": (None,)}, "more than 1000"),
        ({"shape": (2,), "dtype": "f4", "external": [("b", 0, 8)]}, "lies in other files"),
    ]
    for options, message in cases:
        hdf5(path, **options)
        with pytest.raises(DataError, match=message), open_hdf5(path) as file:
            read_floats(file, "poses", str(path), max_bytes=1000)
    with h5py.File(path, "w") as file:
        file["poses"] = h5py.ExternalLink("/etc/passwd", "poses")
    with pytest.raises(DataError, match="no dataset 'poses'"), open_hdf5(path) as file:
        read_floats(file, "poses", str(path))


def test_what_is_no_hdf5_file_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with pytest.raises(DataError, match=r"a\.h5: no such file"), open_hdf5(path):
        pass
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    with pytest.raises(DataError, match=r"a\.h5: not a readable HDF5 file"), open_hdf5(path):
        pass

"""Pickles of arrays are read, and no pickle runs anything."""

import collections
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gsam.errors import DataError
from gsam.unpickle import load_npz, load_object_npz, load_pickle, safe_load_bytes

PROTOCOLS = [0, 1, 2, 3, 4, 5]


def load(payload: bytes) -> Any:
    return safe_load_bytes(payload, "file.pkl")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_scalars_and_containers_come_back(protocol: int) -> None:
    content = {
        "S1": {"Walking 1": [np.arange(12, dtype=np.float32).reshape(2, 3, 2), None]},
        "scalars": [np.int64(3), np.float32(0.5), np.bool_(True)],
        "ordered": collections.OrderedDict(a=1, b=(2, "x")),
        "default": collections.defaultdict(list, a=[1]),
        "set": {1, 2},
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i2"),
        "text": np.array(["ab", "c"]),
        "objects": np.array([[1, "x"], [None, np.zeros(2)]], dtype=object),
        "empty": np.zeros((0, 17, 2), np.float32),
    }
    found = load(pickle.dumps(content, protocol))
    np.testing.assert_array_equal(found["S1"]["Walking 1"][0], content["S1"]["Walking 1"][0])
    assert found["S1"]["Walking 1"][1] is None
    assert found["scalars"] == [3, 0.5, True]
    assert isinstance(found["scalars"][0], np.int64)
    assert found["ordered"] == {"a": 1, "b": (2, "x")} and found["default"] == {"a": [1]}
    assert found["set"] == {1, 2}
    for key in ("fortran", "big endian", "text", "empty"):
        np.testing.assert_array_equal(found[key], content[key])
        assert type(found[key]) is np.ndarray and found[key].flags.writeable
    assert found["big endian"].dtype == ">i2"
    assert found["objects"].shape == (2, 2) and found["objects"][0, 1] == "x"
    np.testing.assert_array_equal(found["objects"][1, 1], np.zeros(2))


@given(
    hnp.arrays(hnp.integer_dtypes() | hnp.floating_dtypes(), hnp.array_shapes(max_dims=4)),
    st.sampled_from(PROTOCOLS),
)
def test_any_plain_array_comes_back_bit_for_bit(array: np.ndarray, protocol: int) -> None:
    found = load(pickle.dumps({"a": array}, protocol))["a"]
    assert found.dtype == array.dtype and found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_old_spellings_are_read_like_new_ones() -> None:
    payload = pickle.dumps([np.arange(3.0), np.int64(1)], 2)
    old = payload.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(load(old)[0], np.arange(3.0))
    assert load(old)[1] == 1


def test_a_python_2_pickle_with_latin_1_bytes_is_read() -> None:
    data = struct.pack("<3d", 1.0, -2.5, 3.25)
    payload = (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01bt"
        b"R(K\x01K\x03\x85cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x18" + data + b"tbs."
    )
    np.testing.assert_array_equal(load(payload)["a"], [1.0, -2.5, 3.25])


@pytest.mark.parametrize("module", [b"scipy.sparse._csc", b"scipy.sparse.csc"])
def test_a_sparse_matrix_comes_back_as_the_current_class(module: bytes) -> None:
    matrix = scipy.sparse.csc_matrix(np.array([[0, 2.0], [3, 0], [0, 0]]))
    payload = pickle.dumps(matrix, 2).replace(b"scipy.sparse._csc", module)
    np.testing.assert_array_equal(load(payload).toarray(), matrix.toarray())


def test_a_sparse_matrix_that_points_outside_itself_is_refused() -> None:
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    matrix.indices[1] = 1000
    with pytest.raises(DataError, match=r"file\.pkl"):
        load(pickle.dumps(matrix, 2))


def chumpy(name: str, state: dict[str, Any], module: str = "chumpy.ch") -> bytes:
    """A pickled chumpy node, written without the library."""
    inner = pickle.dumps(state, 2)[2:-1]
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81" + inner + b"b."


def test_a_chumpy_array_is_its_array_and_an_expression_is_never_evaluated() -> None:
    values = np.arange(4.0)
    np.testing.assert_array_equal(load(chumpy("Ch", {"x": values, "label": None})), values)
    selection = {"a": values, "idxs": np.array([3, 1]), "preferred_shape": (2, 1)}
    found = load(chumpy("Select", selection, "chumpy.reordering"))
    np.testing.assert_array_equal(found, [[3.0], [1.0]])
    node = load(chumpy("add", {"a": values, "b": values}, "chumpy.ch_ops"))
    with pytest.raises(DataError, match="chumpy expression is not evaluated"):
        np.asarray(node)


class Reduce:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"S1": [x]}, lambda x: [np.zeros(2), x]])
def test_a_hostile_pickle_names_what_it_wanted_and_runs_nothing(
    tmp_path: Path, protocol: int, wrap: Any
) -> None:
    marker = tmp_path / "marker"
    hostile = {
        os.system: r"(posix|nt)\.system",
        eval: r"(builtins|__builtin__)\.eval",
        exec: r"(builtins|__builtin__)\.exec",
        getattr: r"(builtins|__builtin__)\.getattr",
        __import__: r"(builtins|__builtin__)\.__import__",
    }
    for function, name in hostile.items():
        argument = f"touch {marker}" if function is os.system else f"open({str(marker)!r}, 'w')"
        payload = pickle.dumps(wrap(Reduce(function, argument)), protocol)
        with pytest.raises(DataError, match=rf"file\.pkl: refused, the pickle names {name}") as e:
            load(payload)
        assert "\n" not in str(e.value)
    assert not marker.exists()


def test_nested_calls_and_gadgets_are_refused(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    shell = Reduce(os.system, f"touch {marker}")
    gadgets: list[Any] = [
        Reduce(np.array, [shell]),
        Reduce(np.load, str(marker)),
        Reduce(np.lib.format.read_array, shell),
        Reduce(getattr, np.ndarray, "tofile"),
        Reduce(pickle.loads, pickle.dumps(shell)),
        collections.OrderedDict(a=shell),
        collections.defaultdict(Reduce, a=1),
        Reduce(scipy.sparse.csr_matrix, [[1.0]]),
    ]
    for gadget in gadgets:
        with pytest.raises(DataError, match="refused, the pickle names"):
            load(pickle.dumps(gadget, 4))
    dotted = b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93\x8c\x02id\x85R."
    with pytest.raises(DataError, match=r"names numpy\.f2py\.os\.system"):
        load(dotted)
    with pytest.raises(DataError, match="names joblib"):
        load(b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81.")
    assert not marker.exists()


def dtype_trick(name: str, state: bytes) -> bytes:
    """An array whose dtype was given `state`, filled with plain bytes."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nU" + bytes([len(name)]) + name.encode() + b"\x89\x88\x87R"
        b"(" + state + b"tb\x89U\x08AAAAAAAAtb."
    )


def test_bytes_never_pass_as_objects_or_records() -> None:
    plain = b"K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
    assert load(dtype_trick("f8", plain)).shape == (1,)
    # The flags (last number) would tell the real numpy.dtype that its objects are plain memory.
    with pytest.raises(DataError, match="array of objects"):
        load(dtype_trick("O8", plain))
    with pytest.raises(DataError, match="dtype 'V8'"):
        load(dtype_trick("V8", plain))
    with pytest.raises(DataError, match="byte order"):
        load(dtype_trick("f8", plain.replace(b"U\x01<", b"U\x01X")))
    with pytest.raises(DataError, match=r"file\.pkl"):
        load(dtype_trick("f4", plain))


@pytest.mark.parametrize(
    "payload",
    [
        # Setting the state of a function, of a class, attributes by a slot state.
        b"\x80\x02c_codecs\nencode\n}U\x01aK\x01sb.",
        b"\x80\x02c_codecs\nencode\nN}U\x0c__defaults__K\x01s\x86b.",
        b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb.",
        # Encodings other than latin1 are Python functions that can be registered.
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00zlib_\x86R.",
        # Calling what may only be named, reconstructing anything else.
        b"\x80\x02cnumpy\nndarray\nK\x05\x85R.",
        b"\x80\x02ccopy_reg\n_reconstructor\nc_codecs\nencode\nNN\x87R.",
        # An array that never gets its state; a shape that is none; an array inside itself.
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02Pid\n.",
        b"",
        b"garbage",
    ],
)
def test_odd_pickles_end_in_one_line(payload: bytes) -> None:
    with pytest.raises(DataError, match=r"^file\.pkl: ") as error:
        load(payload)
    assert "\n" not in str(error.value)


def test_deep_nesting_and_cycles_end_in_an_answer() -> None:
    with pytest.raises(DataError, match=r"file\.pkl"):
        load(b"\x80\x02" + b"(" * 5000 + b"t" * 5000 + b".")
    cycle: list[Any] = [1]
    cycle.append(cycle)
    with pytest.raises(DataError, match="holds itself"):
        load(pickle.dumps(cycle))


def test_ten_lists_that_refer_to_each_other_are_not_walked_through() -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(12):
        laughs = [laughs] * 10
    with pytest.raises(DataError, match="refers to more than"):
        load(pickle.dumps(laughs))


def test_a_small_pickle_cannot_ask_for_gigabytes() -> None:
    assert load(b"\x80\x02K\x01r\xff\xff\xff\xff.") == 1
    for opcode in (b"\x8e", b"\x8d", b"\x96", b"\x95"):
        with pytest.raises(DataError, match=r"file\.pkl"):
            load(b"\x80\x05" + opcode + struct.pack("<Q", 1 << 60) + b"abc.")


def test_truncations_are_data_errors() -> None:
    payload = pickle.dumps({"a": np.arange(100.0), "b": [np.int64(3), "x"]}, 2)
    for size in range(0, len(payload), 7):
        with pytest.raises(DataError):
            load(payload[:size])


@settings(max_examples=300)
@given(st.binary(max_size=4), st.integers(0, 10_000))
def test_a_damaged_pickle_is_read_or_is_a_data_error(junk: bytes, place: int) -> None:
    payload = pickle.dumps({"a": np.arange(9.0), "b": [np.int64(3), "x"]}, 2)
    place %= len(payload)
    try:
        load(payload[:place] + junk + payload[place + len(junk) :])
    except DataError as error:
        assert "\n" not in str(error)


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_an_archive_gives_objects_and_plain_arrays(tmp_path: Path) -> None:
    content = {"S1": {"Walking": np.ones((2, 17, 3), np.float32)}}
    path = save(
        tmp_path / "a.npz", positions_3d=content, plain=np.arange(3), many=np.array([{}, 1], object)
    )
    found = load_object_npz(path, "positions_3d")
    np.testing.assert_array_equal(found["S1"]["Walking"], content["S1"]["Walking"])
    np.testing.assert_array_equal(load_object_npz(path, "plain"), np.arange(3))
    assert load_object_npz(path, "many").shape == (2,)
    assert sorted(load_npz(path)) == ["many", "plain", "positions_3d"]


def test_bad_archives_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=np.arange(1000.0), y={"a": np.arange(1000.0)})
    with pytest.raises(DataError, match=r"a\.npz: key 'z' is missing, found \['x', 'y'\]"):
        load_object_npz(path, "z")
    with pytest.raises(DataError, match=r"a\.npz: decompresses to \d+ bytes, expected at most 99"):
        load_object_npz(path, "x", max_bytes=99)
    with pytest.raises(DataError, match=r"none\.npz: cannot be read"):
        load_object_npz(tmp_path / "none.npz", "x")
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.npz: not a readable npz archive"):
            load_object_npz(tmp_path / "cut.npz", "x")
    damaged = bytearray(whole)
    damaged[60:90] = b"\xff" * 30
    (tmp_path / "bad.npz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"bad\.npz"):
        load_npz(tmp_path / "bad.npz")


@pytest.mark.parametrize("name", ["../evil.npy", "/etc/evil.npy", "a/../../b.npy", "C:\\x.npy"])
def test_members_that_lead_out_of_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(DataError, match="leads out of the archive"):
        load_npz(tmp_path / "a.npz")


def test_a_hostile_object_inside_an_archive_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=np.array(Reduce(os.system, f"touch {tmp_path}/m"), object))
    with pytest.raises(DataError, match=r"a\.npz\[x\]: refused, the pickle names posix\.system"):
        load_object_npz(path, "x")
    assert not (tmp_path / "m").exists()


def test_a_header_that_promises_more_than_there_is_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(DataError, match=r"a\.npz\[x\]: ends before its 8000000000000 bytes"):
        load_object_npz(tmp_path / "a.npz", "x")


def test_a_pickle_file_is_read_with_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": 1}))
    assert load_pickle(tmp_path / "a.pkl") == {"x": 1}
    with pytest.raises(DataError, match=r"a\.pkl: \d+ bytes, expected at most 3"):
        load_pickle(tmp_path / "a.pkl", max_bytes=3)
    with pytest.raises(DataError, match=r"b\.pkl: cannot be read"):
        load_pickle(tmp_path / "b.pkl")

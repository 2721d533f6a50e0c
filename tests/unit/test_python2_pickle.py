"""Pickles as Python 2 wrote them: only its opcodes and names, and everything comes back."""

import pickletools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gsam.errors import DataError
from gsam.twin.video.python2_pickle import dumps
from gsam.unpickle import safe_load_bytes

PLAIN = st.recursive(
    st.text(st.characters(max_codepoint=255))
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats(allow_nan=False)
    | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=8,
)
NUMBERS = hnp.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", "<i4", "|u1", "|b1"]),
    hnp.array_shapes(min_dims=0, min_side=0),
)


def back(value: Any) -> Any:
    return safe_load_bytes(dumps(value), "test")


@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    assert back(value) == value


@given(NUMBERS)
def test_arrays_come_back(array: np.ndarray) -> None:
    found = np.asarray(back(array))
    assert found.dtype == array.dtype and found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_long_lists_and_strings_come_back() -> None:
    value = {"rows": list(range(2500)), "text": "é" * 300}
    assert back(value) == value


def test_arrays_of_any_order_in_memory_come_back() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    for view in (array.T, array[:, ::2], array.astype(">f8"), np.asfortranarray(array)):
        assert np.array_equal(back(view), view)


def test_only_what_python_2_knew_is_written() -> None:
    written = dumps({"genders": ["m", "f"], "poses": [np.zeros((2, 72))], "name": "é"})
    steps = [(opcode, argument) for opcode, argument, _ in pickletools.genops(written)]
    assert max(opcode.proto for opcode, _ in steps) == 2
    names = {argument for opcode, argument in steps if opcode.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    # Texts are its `str`, which takes an encoding to read, never Unicode.
    assert not any("UNICODE" in opcode.name for opcode, _ in steps)
    assert b"U\x01m" in written and b"U\x01\xe9" in written


@pytest.mark.parametrize("value", [None, {1, 2}, np.array(["a"]), np.array([None]), 1j])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"python2_pickle: an? .*: expected"):
        dumps(value)


@pytest.mark.parametrize("value", ["žluťoučký", 2**31])
def test_what_its_types_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match="expected Latin-1 texts and integers of 32 bits"):
        dumps([value])

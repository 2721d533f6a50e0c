"""Pickles byte by byte as Python 2 and the NumPy of its time wrote them, protocol 2.

Today's `pickle` writes texts as Unicode, bytes as a call of `codecs`, and NumPy's new module names.
3DPW's files have none of those: texts and array data are Python 2's `str`, which a reader has to
decode as Latin-1. The bytes depend on the content alone: nothing is shared between values, so no
memo is kept.
"""

import pickle as opcodes
import struct
from typing import Any

import numpy as np

from gsam.errors import DataError

LARGEST_BATCH = 1000
"""Items that Python 2 appends at once."""


def dumps(value: Any) -> bytes:
    """A pickle of dicts, lists, texts (Latin-1), integers, floats and arrays of numbers.

    Raises:
        DataError: the value holds anything else, a text outside Latin-1, or an integer of more than
            32 bits.
    """
    try:
        return opcodes.PROTO + b"\x02" + b"".join(_parts(value)) + opcodes.STOP
    except (UnicodeEncodeError, struct.error) as error:
        raise DataError(
            f"python2_pickle: {error}: expected Latin-1 texts and integers of 32 bits"
        ) from error


def _parts(value: Any) -> list[bytes]:
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, dict):
        pairs = [[*_parts(key), *_parts(item)] for key, item in value.items()]
        return [opcodes.EMPTY_DICT, *_batches(pairs, opcodes.SETITEMS)]
    if isinstance(value, list):
        return [opcodes.EMPTY_LIST, *_batches([_parts(v) for v in value], opcodes.APPENDS)]
    if isinstance(value, str | bytes):
        return [_string(value)]
    if isinstance(value, bool):
        return [opcodes.NEWTRUE if value else opcodes.NEWFALSE]
    if isinstance(value, int):
        return [opcodes.BININT + struct.pack("<i", value)]
    if isinstance(value, float):
        return [opcodes.BINFLOAT + struct.pack(">d", value)]
    raise DataError(f"python2_pickle: a {type(value).__name__}: expected plain data and arrays")


def _batches(items: list[list[bytes]], fill: bytes) -> list[bytes]:
    parts: list[bytes] = []
    for first in range(0, len(items), LARGEST_BATCH):
        some = [part for item in items[first : first + LARGEST_BATCH] for part in item]
        parts += [opcodes.MARK, *some, fill]
    return parts


def _string(value: str | bytes) -> bytes:
    """Python 2's `str`."""
    data = value.encode("latin-1") if isinstance(value, str) else value
    if len(data) < 256:
        return opcodes.SHORT_BINSTRING + bytes([len(data)]) + data
    return opcodes.BINSTRING + struct.pack("<i", len(data)) + data


def _name(module: str, name: str) -> bytes:
    return opcodes.GLOBAL + f"{module}\n{name}\n".encode()


def _array(array: np.ndarray) -> list[bytes]:
    """`_reconstruct(ndarray, (0,), "b")` and its state (1, shape, dtype, False, data)."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"python2_pickle: an array of {array.dtype}: expected numbers")
    kind = array.dtype.newbyteorder("<")
    zero = opcodes.BININT1 + b"\x00"
    shape = [part for size in array.shape for part in _parts(int(size))]
    return [
        _name("numpy.core.multiarray", "_reconstruct"),
        _name("numpy", "ndarray") + zero + opcodes.TUPLE1 + _string("b"),
        opcodes.TUPLE3 + opcodes.REDUCE,
        opcodes.MARK + opcodes.BININT1 + b"\x01",
        opcodes.MARK,
        *shape,
        opcodes.TUPLE,
        *_dtype(kind),
        opcodes.NEWFALSE,
        _string(np.ascontiguousarray(array, kind).tobytes()),
        opcodes.TUPLE + opcodes.BUILD,
    ]


def _dtype(kind: np.dtype) -> list[bytes]:
    """`dtype("f8", 0, 1)` and its state (3, "<", None, None, None, -1, -1, 0)."""
    order = "|" if kind.itemsize == 1 else "<"
    return [
        _name("numpy", "dtype") + _string(f"{kind.kind}{kind.itemsize}"),
        *_parts(0),
        *_parts(1),
        opcodes.TUPLE3 + opcodes.REDUCE + opcodes.MARK,
        *_parts(3),
        _string(order) + 3 * opcodes.NONE,
        *_parts(-1),
        *_parts(-1),
        *_parts(0),
        opcodes.TUPLE + opcodes.BUILD,
    ]

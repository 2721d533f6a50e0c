"""The one place that opens pickles: community files of arrays, read without letting them run code.

A pickle is a program that may name any function of any module. Here it finds only the names of
`gsam.pickle_names`; every other name stops the load before anything is called or imported.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import tokenize
import zipfile
import zlib
from typing import IO, Any, ClassVar

import numpy as np
from numpy.lib import format as npy_format

from gsam.bounded_stream import BoundedStream
from gsam.errors import DataError
from gsam.pickle_names import ALLOWED, ChumpyNode, Refused, checked_texts
from gsam.pickle_values import plain_value

__all__ = [
    "BROKEN_HEADER",
    "MAX_BYTES",
    "as_array",
    "load_npz",
    "load_object_npz",
    "load_pickle",
    "safe_load_bytes",
]

MAX_BYTES = 4 << 30
"""What a file may decompress to unless told otherwise: ten times the largest community file."""

BROKEN_HEADER = (EOFError, MemoryError, SyntaxError, TypeError, ValueError, tokenize.TokenError)
"""What NumPy raises for a damaged header of an array."""

_BROKEN_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    *BROKEN_HEADER,
)


class _Unpickler(pickle._Unpickler):
    """Answers allowed names only; nothing is imported, ever.

    The pure Python implementation, because a pickle of ten bytes makes the memo table of the one
    in C take gigabytes. Files hold few and large objects, so it costs nothing.
    """

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "chumpy":
            return ChumpyNode
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise Refused(f"names {module}.{name}, which is not on the list") from None

    def _load_bytearray8(self: Any) -> None:
        # Python's own makes room for as many bytes as the file claims to hold.
        (size,) = struct.unpack("<Q", self.read(8))
        content = bytearray(self.read(size))
        if len(content) < size:
            raise EOFError("ends within a bytearray")
        self.append(content)

    dispatch: ClassVar[Any] = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: _load_bytearray8,
    }


def _load(stream: IO[bytes], where: str, encoding: str) -> Any:
    try:
        value = _Unpickler(BoundedStream(stream), encoding=encoding).load()
        return plain_value(value)
    except Refused as error:
        raise DataError(
            f"{where}: refused, the pickle {error}; expected only arrays and containers"
        ) from error
    except _BROKEN_ZIP + _BROKEN_PICKLE as error:
        raise DataError(f"{where}: not a readable pickle of arrays ({_one_line(error)})") from error


def as_array(value: Any, where: str) -> np.ndarray[Any, Any]:
    """What a file holds, as an array; DataError that begins with `where` for what cannot be one."""
    try:
        return np.asarray(value)
    except (OverflowError, TypeError, ValueError) as error:
        found = type(value).__name__
        raise DataError(f"{where}: found a {found} that is no array, expected numbers") from error


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def safe_load_bytes(payload: bytes, where: str, encoding: str = "latin1") -> Any:
    """Read a pickle held in memory; `where` names its origin in messages.

    Arrays come back as `numpy.ndarray`, ordered dictionaries as `dict`, chumpy arrays as arrays.
    Raises DataError for a pickle that is broken or names anything that is not on the list.
    """
    return _load(io.BytesIO(payload), where, encoding)


def load_pickle(
    path: str | os.PathLike[str], encoding: str = "latin1", max_bytes: int = MAX_BYTES
) -> Any:
    """Read a pickle file of at most `max_bytes`; Python-2 texts are decoded by `encoding`.

    Raises DataError as `safe_load_bytes` does, and for a file that is absent or too large.
    """
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > max_bytes:
                raise DataError(f"{path}: {size} bytes, expected at most {max_bytes}")
            return _load(stream, str(path), encoding)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({_one_line(error)})") from error


def load_npz(
    path: str | os.PathLike[str], keys: list[str] | None = None, max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """Read all arrays of an npz archive, or those named, by key.

    Members of plain numbers never touch pickle; members of objects go through the allow-list, and
    one without axes comes back as the object itself. Raises DataError that names the file and the
    member: for archives that are absent, truncated, decompress to more than `max_bytes` or hold
    paths that lead out of them, for missing keys, and for hostile or broken pickles.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            _check_members(path, list(members.values()), max_bytes)
            missing = sorted(set(keys or ()) - set(members))
            if missing:
                raise DataError(f"{path}: key {missing[0]!r} is missing, found {sorted(members)}")
            wanted = members if keys is None else keys
            return {key: _load_member(archive, members[key], f"{path}[{key}]") for key in wanted}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({_one_line(error)})") from error
    except _BROKEN_ZIP as error:
        raise DataError(f"{path}: not a readable npz archive ({_one_line(error)})") from error


def load_object_npz(path: str | os.PathLike[str], key: str, max_bytes: int = MAX_BYTES) -> Any:
    """Read one member of an npz archive as `load_npz` does: the object, or a plain array."""
    return load_npz(path, [key], max_bytes)[key]


def _check_members(
    path: str | os.PathLike[str], members: list[zipfile.ZipInfo], max_bytes: int
) -> None:
    for info in members:
        parts = re.split(r"[/\\]", info.filename)
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise DataError(f"{path}: member {info.filename!r} leads out of the archive")
    # A member yields no more than its declared size, so the sum bounds what will be read.
    total = sum(info.file_size for info in members)
    if total > max_bytes:
        raise DataError(f"{path}: decompresses to {total} bytes, expected at most {max_bytes}")


def _load_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> Any:
    with archive.open(info) as stream:
        version = npy_format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = npy_format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = npy_format.read_array_header_2_0(stream)
        if dtype.hasobject:
            value = _load(stream, where, "latin1")
            if not isinstance(value, np.ndarray) or value.shape != shape:
                raise DataError(f"{where}: holds no array of shape {shape} as its header says")
            return value.item() if value.shape == () else value
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if size > info.file_size:
            raise DataError(f"{where}: ends before its {size} bytes of {dtype} {shape}")
    with archive.open(info) as stream:
        return checked_texts(npy_format.read_array(stream, allow_pickle=False))

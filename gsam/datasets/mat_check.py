"""Whether a MATLAB 5 file is what SciPy's reader takes for granted, checked before it is asked.

SciPy's reader trusts what a file says of types, counts and sizes: other files make it read memory
that is not its own, which ends the process, or allocate without bound. Every element that will be
read is walked through here and held to the bytes that are there. Source: MATLAB MAT-File Format
(MathWorks), chapter 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO

from gsam.errors import DataError

__all__ = ["MAX_BYTES", "check_mat"]

MAX_BYTES = 2 << 30
"""Of what a file may unpack to."""

_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Types of numbers and their bytes."""
_TEXTS = {1: 1, 2: 1, 4: 2, 16: 1, 17: 2, 18: 4}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
_COMPLEX = 0x800
_DEEPEST, _MOST_AXES, _MOST_FIELDS = 20, 32, 1000


def check_mat(path: Path, names: Collection[str]) -> None:
    """Walk through the variables called `names`, of numbers, texts, cells and structs.

    Raises DataError, naming the file and the offset in its variable, for one that is damaged,
    unpacks to more than `MAX_BYTES`, or holds other kinds (objects, functions, sparse matrices);
    OSError for a file that cannot be read.
    """
    with path.open("rb") as stream:
        order = _byte_order(stream.read(_HEADER), path)
        left = path.stat().st_size - _HEADER
        budget = MAX_BYTES
        while left > 0:
            tag = stream.read(8)
            if len(tag) < 8:
                raise DataError(f"{path}: not a readable MATLAB file (it ends within a tag)")
            kind, size = struct.unpack(f"{order}II", tag)
            left -= 8 + size
            if left < 0 or kind not in (_MATRIX, _COMPRESSED):
                raise DataError(
                    f"{path}: not a readable MATLAB file (a tag {kind} of {size} bytes)"
                )
            if kind == _COMPRESSED:
                content = _unpacked(stream, size, budget, path)
                budget -= len(content)
                content = _matrix_in(content, order, path)
            else:
                content = stream.read(size)
            _Walk(content, order, str(path)).variable(names)


def _byte_order(header: bytes, path: Path) -> str:
    """As `struct` spells it."""
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    version = struct.unpack_from(f"{order}H", header, 124)[0] >> 8 if order else 0
    if version == 2:
        raise DataError(f"{path}: MATLAB 7.3 file, expected version 5 (save -v7)")
    if order is None or version != 1:
        raise DataError(f"{path}: not a readable MATLAB file (its header is no version 5's)")
    return order


def _unpacked(stream: IO[bytes], size: int, budget: int, path: Path) -> bytes:
    unpack, pieces = zlib.decompressobj(), []
    while size > 0 and (packed := stream.read(min(size, 1 << 16))):
        size -= len(packed)
        while packed and not unpack.eof:
            pieces.append(unpack.decompress(packed, 1 << 20))
            packed = unpack.unconsumed_tail
            budget -= len(pieces[-1])
            if budget < 0:
                raise DataError(f"{path}: unpacks to more than {MAX_BYTES} bytes, refused")
    if not unpack.eof:
        raise DataError(f"{path}: not a readable MATLAB file (a compressed variable is cut short)")
    return b"".join(pieces)


def _matrix_in(content: bytes, order: str, path: Path) -> bytes:
    kind, size = struct.unpack_from(f"{order}II", content) if len(content) >= 8 else (0, 0)
    if kind != _MATRIX or size != len(content) - 8:
        raise DataError(f"{path}: not a readable MATLAB file (a variable packed in another way)")
    return content[8:]


class _Walk:
    """A variable's bytes and how far they were walked through."""

    def __init__(self, content: bytes, order: str, where: str) -> None:
        self.content = content
        self.where = where
        self.at = 0
        self._two = struct.Struct(f"{order}II")
        self._order = order

    def variable(self, names: Collection[str]) -> None:
        """The whole variable if it is one of `names`; else no more than its name."""
        kind, flags, dimensions, name = self._head(len(self.content))
        if name.decode("latin1") in names:
            self._content(kind, flags, dimensions, len(self.content), 0)

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self.where}: damaged MATLAB file ({problem}, byte {self.at})")

    def _element(self, end: int) -> tuple[int, int, int]:
        """Type, first byte and size of the element here; the walk goes on behind it."""
        at = self.at
        if at + 8 > end:
            raise self._error("it ends within a tag")
        kind, size = self._two.unpack_from(self.content, at)
        if kind >> 16:
            # Up to four bytes stand in the tag itself.
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise self._error(f"a small element of {size} bytes")
            self.at = at + 8
            return kind, at + 4, size
        self.at = at + 8 + size + -size % 8
        # The padding of a variable's last element may be missing.
        if at + 8 + size > end:
            raise self._error(f"an element of {size} bytes ends outside")
        return kind, at + 8, size

    def _head(self, end: int) -> tuple[int, int, tuple[int, ...], bytes]:
        """Class, flags, sizes of the axes, and name of a matrix."""
        kind, start, size = self._element(end)
        if kind != _UINT32 or size != 8:
            raise self._error("no array flags")
        flags = struct.unpack_from(f"{self._order}I", self.content, start)[0]
        kind, start, size = self._element(end)
        if kind != _INT32 or size % 4 or not 8 <= size <= 4 * _MOST_AXES:
            raise self._error("no sizes of axes")
        count = size // 4
        dimensions = struct.unpack_from(f"{self._order}{count}i", self.content, start)
        if min(dimensions) < 0:
            raise self._error(f"axes of {dimensions}")
        kind, start, size = self._element(end)
        if kind != _INT8:
            raise self._error("no name")
        return flags & 0xFF, flags, dimensions, self.content[start : start + size]

    def _matrix(self, end: int, depth: int) -> None:
        kind, start, size = self._element(end)
        if kind != _MATRIX:
            raise self._error(f"type {kind} where a matrix should be")
        if size == 0:
            return
        after, self.at = self.at, start
        kind, flags, dimensions, _ = self._head(start + size)
        self._content(kind, flags, dimensions, start + size, depth)
        if self.at > after:
            raise self._error("a matrix is longer than its tag says")
        self.at = after

    def _content(
        self, kind: int, flags: int, dimensions: tuple[int, ...], end: int, depth: int
    ) -> None:
        count = math.prod(dimensions)
        if depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} cells in each other")
        if kind == _CELL:
            self._cells(count, end, depth)
        elif kind == _STRUCT:
            fields = self._fields(end)
            if not fields and count > 1:
                # They take no bytes in the file, and some in memory.
                raise self._error(f"{count} structs without fields")
            self._cells(count * fields, end, depth)
        elif kind == _CHAR:
            self._numbers(count, end, _TEXTS)
        elif kind in _NUMBERS:
            for _ in range(2 if flags & _COMPLEX else 1):
                self._numbers(count, end, _WIDTHS)
        else:
            raise self._error(f"class {kind}, expected numbers, texts, cells and structs")

    def _cells(self, count: int, end: int, depth: int) -> None:
        # Each takes a tag of eight bytes at the least.
        if count > (end - self.at) // 8:
            raise self._error(f"{count} cells in {end - self.at} bytes")
        for _ in range(count):
            self._matrix(end, depth + 1)

    def _fields(self, end: int) -> int:
        kind, start, size = self._element(end)
        length = struct.unpack_from(f"{self._order}i", self.content, start)[0] if size == 4 else 0
        if kind != _INT32 or length < 1:
            raise self._error("no length of field names")
        kind, start, size = self._element(end)
        if kind != _INT8 or size % length or size // length > _MOST_FIELDS:
            raise self._error(f"field names of {size} bytes")
        names = [self.content[at : at + length] for at in range(start, start + size, length)]
        if any(b"\0" not in name for name in names):
            raise self._error("a field's name without an end")
        return len(names)

    def _numbers(self, count: int, end: int, widths: dict[int, int]) -> None:
        kind, _, size = self._element(end)
        width = widths.get(kind)
        # UTF-8 takes up to four bytes for a character.
        exact = kind != 16
        if width is None or (size != count * width if exact else not count <= size <= 4 * count):
            raise self._error(f"{size} bytes of type {kind} for {count} values")

"""One variable of a CDF file, NASA's Common Data Format, which Human3.6M's poses come in.

Only what such a file needs: version 3, single file, arrays of floats, plain or gzip. Files are
nobody's we know, so every offset and size is held to the file before anything is allocated.
Source: CDF Internal Format Description 3.9 (NASA GSFC).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["read_cdf"]

MAX_BYTES = 64 << 20
"""Of a file, and of what it unpacks to: a take of two minutes is 5 MB."""

_MAGIC = bytes.fromhex("cdf30001")
_PLAIN, _PACKED = bytes.fromhex("0000ffff"), bytes.fromhex("cccc0001")
_CDR, _GDR, _RVDR, _VXR, _VVR, _ZVDR, _CVVR = 1, 2, 3, 6, 7, 8, 13
_NAME_BYTES = 256
_FLOATS = {21: "f4", 44: "f4", 22: "f8", 45: "f8"}
_ORDERS = {**dict.fromkeys((1, 2, 5, 7, 9, 11, 12, 18), ">"), **dict.fromkeys((4, 6, 13, 17), "<")}
"""Byte order of an encoding; VAX and VMS have floats of their own."""


def read_cdf(path: Path, variable: str) -> NDArray[np.floating[Any]]:
    """All records of a variable of floats: (records, *its dimensions), in the file's precision.

    Raises DataError, naming the file and what is wrong there, for a file that is absent, no CDF of
    version 3, damaged, larger than any real one, or without the variable.
    """
    try:
        content = _unpacked(_bytes_of(path))
        return _Cdf(content).variable(variable)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot be read, expected a CDF file ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"more than {MAX_BYTES} bytes, no CDF file of poses is that large")
    if content[:4] != _MAGIC or content[4:8] not in (_PLAIN, _PACKED):
        raise DataError(f"starts with {content[:8].hex() or 'nothing'}, expected a CDF 3 file")
    return content


def _unpacked(content: bytes) -> bytes:
    """The plain form of a file that is compressed as a whole."""
    if content[4:8] == _PLAIN:
        return content
    return _MAGIC + _PLAIN + _inflated(content[40:], MAX_BYTES)


def _inflated(packed: bytes, limit: int) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(packed, limit)
    except zlib.error as error:
        raise DataError(f"compressed in another way than gzip, or damaged ({error})") from None
    if unpack.unconsumed_tail:
        raise DataError(f"unpacks to more than the {limit} bytes expected, refused")
    return plain


class _Cdf:
    """The records of an uncompressed file: big-endian numbers at offsets."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._expect(8, _CDR)
        self.row_major = bool(self._int(8 + 32, 4) & 1)
        encoding = self._int(8 + 28, 4)
        if encoding not in _ORDERS:
            raise DataError(f"numbers in encoding {encoding}, expected IEEE floats")
        self.order = _ORDERS[encoding]
        self.gdr = self._expect(self._int(8 + 12, 8), _GDR)

    def _int(self, at: int, size: int) -> int:
        return int.from_bytes(self._slice(at, size), "big", signed=True)

    def _slice(self, at: int, size: int) -> bytes:
        if at < 0 or size < 0 or at + size > len(self.content):
            raise DataError(f"truncated or damaged: {size} bytes wanted at offset {at}")
        return self.content[at : at + size]

    def _expect(self, at: int, *kinds: int) -> int:
        """The offset of a record, once it is one of these kinds."""
        if self._int(at + 8, 4) not in kinds:
            raise DataError(f"damaged: no record of kind {kinds} at offset {at}")
        return at

    def variable(self, name: str) -> NDArray[np.floating[Any]]:
        found = dict(self._variables())
        if name not in found:
            listed = ", ".join(sorted(found)[:8]) or "none"
            raise DataError(f"no variable {name!r}, expected it among its variables: {listed}")
        at = found[name]
        kind, records = self._int(at + 20, 4), self._int(at + 24, 4) + 1
        if kind not in _FLOATS:
            raise DataError(f"{name} has data type {kind}, expected floats")
        dtype = np.dtype(self.order + _FLOATS[kind])
        shape = self._shape(at)
        size = math.prod(shape) * dtype.itemsize
        if records < 1 or size < 1 or records * size > MAX_BYTES:
            raise DataError(f"{name} has {records} records of {shape}, no pose file has")
        values = np.frombuffer(self._data(at, records, size), dtype)
        array = values.astype(dtype.newbyteorder("=")).reshape(records, *shape)
        if self.row_major:
            return array
        turned = array.reshape(records, *reversed(shape))
        return np.ascontiguousarray(turned.transpose(0, *range(len(shape), 0, -1)))

    def _variables(self) -> Iterator[tuple[str, int]]:
        """Name and offset of every variable: the list of r variables, then that of z variables."""
        for head, count in ((12, 44), (20, 60)):
            at = self._int(self.gdr + head, 8)
            # A chain that leads back into itself ends with the count.
            for _ in range(min(self._int(self.gdr + count, 4), 1000)):
                self._expect(at, _RVDR, _ZVDR)
                name = self._slice(at + 84, _NAME_BYTES).rstrip(b"\0 ")
                yield name.decode("latin-1"), at
                at = self._int(at + 12, 8)

    def _shape(self, at: int) -> tuple[int, ...]:
        """Sizes of the dimensions along which a variable's values vary."""
        start = at + 84 + _NAME_BYTES
        if self._int(at + 8, 4) == _ZVDR:
            number, sizes_at = self._int(start, 4), start + 4
            varies_at = sizes_at + 4 * number
        else:
            number, sizes_at, varies_at = self._int(self.gdr + 56, 4), self.gdr + 84, start
        if not 0 <= number <= 10:
            raise DataError(f"damaged: a variable of {number} dimensions")
        sizes = [self._int(sizes_at + 4 * k, 4) for k in range(number)]
        varies = [self._int(varies_at + 4 * k, 4) for k in range(number)]
        if min(sizes, default=1) < 1:
            raise DataError(f"damaged: dimensions of {sizes}")
        return tuple(size for size, varying in zip(sizes, varies, strict=True) if varying)

    def _data(self, at: int, records: int, size: int) -> bytearray:
        """The values of all records, `size` bytes each."""
        total, filled = bytearray(records * size), np.zeros(records, bool)
        for first, last, block in self._blocks(self._int(at + 28, 8)):
            if not 0 <= first <= last < records or filled[first : last + 1].any():
                # Blocks may be longer than the records that were written.
                raise DataError(f"damaged: a block of the records {first} to {last} of {records}")
            wanted = (last + 1 - first) * size
            values = self._values(block, wanted)
            total[first * size : first * size + wanted] = values[:wanted]
            filled[first : last + 1] = True
        if not filled.all():
            raise DataError(f"record {int(np.argmin(filled))} of {records} is not in the file")
        return total

    def _values(self, block: int, wanted: int) -> bytes:
        if self._int(block + 8, 4) == _VVR:
            return self._slice(block + 12, wanted)
        self._expect(block, _CVVR)
        plain = _inflated(self._slice(block + 24, self._int(block + 16, 8)), MAX_BYTES)
        if len(plain) < wanted:
            raise DataError(f"damaged: a block unpacks to {len(plain)} bytes, expected {wanted}")
        return plain

    def _blocks(self, head: int) -> Iterator[tuple[int, int, int]]:
        """First record, last record and offset of every block of data, at any depth."""
        waiting, seen = [head], set()
        while waiting:
            at = waiting.pop()
            if at in seen:
                raise DataError("damaged: its index of records leads back into itself")
            seen.add(self._expect(at, _VXR))
            size, used = self._int(at + 20, 4), self._int(at + 24, 4)
            if not 0 <= used <= size <= len(self.content) // 16:
                raise DataError(f"damaged: {used} entries in an index of {size}")
            for k in range(used):
                first, last = (self._int(at + 28 + 4 * (k + side * size), 4) for side in (0, 1))
                place = self._int(at + 28 + 8 * (size + k), 8)
                if self._int(place + 8, 4) == _VXR:
                    waiting.append(place)
                else:
                    yield first, last, place
            following = self._int(at + 12, 8)
            if following:
                waiting.append(following)

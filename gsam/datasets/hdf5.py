"""One array of numbers out of an HDF5 file that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["open_hdf5", "read_floats", "read_numbers"]

MAX_BYTES = 256 << 20
"""Of one array: the longest take that any dataset has is a tenth of it."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """The `h5py.File`, for reading; what h5py raises inside the block becomes a DataError.

    Raises DataError, naming the file, for one that is absent or no HDF5 file.
    """
    import h5py

    if not path.is_file():
        raise DataError(f"{path}: no such file, expected an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError) as error:
        raise DataError(f"{path}: not a readable HDF5 file ({_first_line(error)})") from None
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: damaged HDF5 file ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def read_floats(
    file: Any, key: str, where: str, max_bytes: int = MAX_BYTES
) -> NDArray[np.floating[Any]]:
    """As `read_numbers`, but integers and flags are refused as well."""
    return _read(file, key, where, max_bytes, "f", "floats")


def read_numbers(file: Any, key: str, where: str, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """The dataset `key` of an open file (or group), whatever its shape, in its own precision.

    Raises DataError that begins with `where` when it is absent, no array of numbers, larger than
    `max_bytes`, or kept in another file (which a link could make any file of the machine).
    """
    return _read(file, key, where, max_bytes, "fiub", "numbers")


def _read(
    file: Any, key: str, where: str, max_bytes: int, kinds: str, expected: str
) -> NDArray[Any]:
    import h5py

    link = file.get(key, getlink=True)
    found = file.get(key) if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset):
        keys = ", ".join(sorted(file)[:8]) or "none"
        raise DataError(f"{where}: no dataset {key!r}, expected it among its keys: {keys}")
    if found.dtype.kind not in kinds or found.shape is None:
        raise DataError(f"{where}: {key} holds {found.dtype}, expected {expected}")
    # A chunk is unpacked whole, however little of it the array covers.
    largest = max(math.prod(found.shape), math.prod(found.chunks or (0,)))
    if largest * found.dtype.itemsize > max_bytes:
        raise DataError(f"{where}: {key} is of shape {found.shape}, more than {max_bytes} bytes")
    if found.external or found.is_virtual:
        raise DataError(f"{where}: {key} lies in other files, expected it in this one")
    array: NDArray[Any] = found[()]
    return array

"""MATLAB 5 files, read by SciPy once they were found to hold what they claim."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from gsam.datasets.mat_check import check_mat
from gsam.errors import DataError

__all__ = ["load_mat"]


def load_mat(path: Path, keys: list[str], **options: Any) -> dict[str, Any]:
    """Named variables of a MATLAB 5 file by SciPy's reader, after a walk through them.

    Raises DataError for a file that is absent, broken, too large, of version 7.3, or lacks a key.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        check_mat(path, keys)
        content: dict[str, Any] = loadmat(path, variable_names=keys, **options)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file, expected a MATLAB file") from error
    except (
        MatReadError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        TypeError,
        ValueError,
        zlib.error,
    ) as error:
        detail = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise DataError(f"{path}: not a readable MATLAB file ({detail})") from error
    absent = [key for key in keys if key not in content]
    if absent:
        raise DataError(f"{path}: variable {absent[0]!r} is missing, expected {', '.join(keys)}")
    return content

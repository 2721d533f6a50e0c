"""Arrays out of the files in which Human3.6M is handed out: CDF, MATLAB's re-save of it, HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.cdf import read_cdf
from gsam.datasets.hdf5 import open_hdf5, read_floats
from gsam.datasets.mat import load_mat
from gsam.errors import DataError
from gsam.skeletons import H36M_32, MPII_16

__all__ = ["read_detections", "read_positions"]


def read_positions(path: Path, axes: int) -> NDArray[np.floating[Any]]:
    """Positions (T, 32, axes) of a take's file in the file's unit: millimetres, or pixels.

    Raises DataError, naming the file, for one that cannot be read or whose array is not (T, 32 *
    axes).
    """
    width = H36M_32.size * axes
    if path.suffix == ".cdf":
        values: Any = read_cdf(path, "Pose")
    elif path.suffix == ".mat":
        values = _cell(load_mat(path, ["data"])["data"], path)
    else:
        with open_hdf5(path) as file:
            # One column per frame.
            values = read_floats(file, "3D_positions", str(path)).T
    if values.ndim < 2 or values.shape[-1] != width or values.size != values.shape[-2] * width:
        raise DataError(
            f"{path}: an array of {values.shape}, expected (1, T, {width}) or (T, {width}): "
            f"{H36M_32.size} joints"
        )
    shaped: NDArray[np.floating[Any]] = values.reshape(-1, H36M_32.size, axes)
    return shaped


def _cell(value: NDArray[Any], path: Path) -> NDArray[Any]:
    """The array in MATLAB's 1 x 1 cell (or the array itself)."""
    if value.dtype == object and value.size == 1:
        value = value.item()
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise DataError(f"{path}: data is no array of floats, expected one in a 1 x 1 cell")
    return value


def read_detections(path: Path) -> NDArray[np.floating[Any]]:
    """Joints (T, 16, 2) px in MPII's order that a stacked hourglass found in one video.

    Raises DataError, naming the file, for one that cannot be read or is of another shape.
    """
    with open_hdf5(path) as file:
        values = read_floats(file, "poses", str(path))
    if values.ndim != 3 or values.shape[1:] != (MPII_16.size, 2):
        raise DataError(f"{path}: shape {values.shape}, expected (T, {MPII_16.size}, 2)")
    return values

"""The official annotation files: `annot.mat` of training, `annot_data.mat` of test sequences.

The first is MATLAB 5 with a cell per camera, 28 joints; the second MATLAB 7.3 (HDF5), whose axes
h5py shows reversed, 17 joints. Both hold pixels (annot2), the person's own size (annot3) and the
universal one (univ_annot3), which is what is learnt and scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.hdf5 import open_hdf5, read_numbers
from gsam.datasets.mat import load_mat
from gsam.datasets.mpi_inf_3dhp.checks import (
    check_finite,
    check_length,
    check_millimetres,
    check_projection,
    check_universal,
    number_array,
)
from gsam.datasets.mpi_inf_3dhp.files import ACTIVITIES, NUM_CAMERAS
from gsam.errors import DataError
from gsam.skeletons import MPI_INF_3DHP_17, MPI_INF_3DHP_28, Skeleton

__all__ = ["Annotations", "read_test_annotations", "read_training_annotations"]

_KEYS = {"annot2": 2, "annot3": 3, "univ_annot3": 3}
"""The arrays of joints and the numbers of each joint."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """What one camera's file says of T frames.

    points (T, J, 2) px and universal (T, J, 3) mm in the camera's frame, as the file holds them, of
    the joints of `skeleton`; valid (T,) and activities (T,), 1 to 7, of test sequences alone.
    """

    skeleton: Skeleton
    points: NDArray[Any]
    universal: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    activities: NDArray[np.int64] | None = None


def read_training_annotations(
    path: Path, calibration: Sequence[Camera], cameras: Sequence[int], usable: int | None = None
) -> Iterator[tuple[int, Annotations]]:
    """The chosen cameras' annotations of one training sequence, cut to its `usable` frames.

    Args:
        path: `annot.mat`.
        calibration: the sequence's fourteen cameras.
        cameras: numbers, in the order wanted.
        usable: published number of frames; None where none is (a twin): all.

    Raises:
        DataError: naming file, key, cell and frame, for a file that is absent or broken; cells of
            another number, order, shape or length; numbers that are not finite or no millimetres;
            annotations that do not fit the camera or one another.
    """
    content = load_mat(path, [*_KEYS, "cameras", "frames"])
    _check_numbers(content, path)
    cells = {key: _cells(content.pop(key), axes, f"{path}: {key}") for key, axes in _KEYS.items()}
    lengths = {key: [len(cell) for cell in found] for key, found in cells.items()}
    rows = np.asarray(content["frames"]).size
    for key, found in lengths.items():
        wrong = next((i for i, length in enumerate(found) if length != rows), None)
        if wrong is not None:
            raise DataError(
                f"{path}: {key}, camera {wrong}: {found[wrong]} rows, expected {rows} as frames has"
            )
    usable = rows if usable is None else usable
    check_length(rows, usable, str(path))
    for number in cameras:
        arrays = {
            key: found[number][:usable].reshape(usable, MPI_INF_3DHP_28.size, _KEYS[key])
            for key, found in cells.items()
        }
        where = f"{path}: camera {number}"
        for key, array in arrays.items():
            check_finite(array, MPI_INF_3DHP_28, f"{where}: {key}")
        _check(arrays, MPI_INF_3DHP_28, calibration[number], where)
        yield (
            number,
            Annotations(MPI_INF_3DHP_28, arrays["annot2"], arrays["univ_annot3"]),
        )


def _check_numbers(content: Mapping[str, Any], path: Path) -> None:
    """The numbers of cameras are those of their cells, the rows' frames follow one another."""
    cameras = number_array(content["cameras"], f"{path}: cameras").ravel()
    if cameras.tolist() != list(range(NUM_CAMERAS)):
        raise DataError(
            f"{path}: cameras are {cameras[:20].tolist()}, expected 0 to {NUM_CAMERAS - 1} in the "
            "order of the cells"
        )
    frames = number_array(content["frames"], f"{path}: frames").ravel().astype(np.float64)
    if frames.size == 0:
        raise DataError(f"{path}: frames is empty, expected the numbers of the rows")
    steps = np.diff(frames)
    if (steps != 1).any():
        row = int(np.argmax(steps != 1))
        raise DataError(
            f"{path}: frames goes from {frames[row]:g} to {frames[row + 1]:g} after row {row}, "
            "expected consecutive numbers"
        )


def _cells(value: Any, axes: int, where: str) -> list[NDArray[Any]]:
    """The cameras' arrays (F, 28 * axes) of a cell array."""
    if not isinstance(value, np.ndarray) or value.dtype != object or value.size != NUM_CAMERAS:
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value)
        raise DataError(f"{where}: found {found}, expected {NUM_CAMERAS} cells, one per camera")
    width = MPI_INF_3DHP_28.size * axes
    cells = []
    for number, cell in enumerate(value.ravel().tolist()):
        array = number_array(cell, f"{where}, camera {number}")
        if array.ndim != 2 or array.shape[1] != width:
            hint = ""
            if array.ndim == 2 and array.shape[1] == MPI_INF_3DHP_17.size * axes:
                hint = "; this width is that of 17 joints"
            raise DataError(
                f"{where}, camera {number}: shape {array.shape}, expected (F, {width}): "
                f"{MPI_INF_3DHP_28.size} joints of {axes} numbers{hint}"
            )
        cells.append(array)
    return cells


def read_test_annotations(path: Path, camera: Camera) -> Annotations:
    """The annotations of one test sequence, whatever their length, all checked.

    Raises:
        DataError: naming file, key and frame, as `read_training_annotations` does; flags that are
            not 0 or 1, activities that are not 1 to 7, no valid frame.
    """
    arrays = {}
    with open_hdf5(path) as file:
        for key, axes in _KEYS.items():
            where = f"{path}: {key}"
            array = number_array(read_numbers(file, key, str(path)), where)
            arrays[key] = _test_joints(array, axes, where)
        flags, activities = (
            read_numbers(file, key, str(path)).ravel()
            for key in ("valid_frame", "activity_annotation")
        )
    lengths = {key: len(array) for key, array in arrays.items()}
    lengths |= {"valid_frame": flags.size, "activity_annotation": activities.size}
    if len(set(lengths.values())) != 1:
        raise DataError(f"{path}: lengths {lengths}, expected equal ones")
    if not np.isin(flags, (0, 1)).all() or not flags.any():
        raise DataError(f"{path}: valid_frame holds {_few(flags)}, expected 0 and 1, some 1")
    valid = flags.astype(bool)
    if not np.isin(activities[valid], list(ACTIVITIES)).all():
        raise DataError(
            f"{path}: activity_annotation holds {_few(activities)}, expected 1 to {len(ACTIVITIES)}"
        )
    for key, array in arrays.items():
        check_finite(array, MPI_INF_3DHP_17, f"{path}: {key}")
    scored = {key: array[valid] for key, array in arrays.items()}
    _check(scored, MPI_INF_3DHP_17, camera, f"{path}: valid frames")
    return Annotations(
        MPI_INF_3DHP_17,
        arrays["annot2"],
        arrays["univ_annot3"],
        valid,
        np.where(valid, activities, 0).astype(np.int64),
    )


def _few(values: NDArray[Any]) -> str:
    found = np.unique(values)
    return ", ".join(f"{value:g}" for value in found[:8]) + (", ..." if len(found) > 8 else "")


def _test_joints(array: NDArray[Any], axes: int, where: str) -> NDArray[Any]:
    """(T, 1, 17, axes) as (T, 17, axes)."""
    expected = (1, MPI_INF_3DHP_17.size, axes)
    if array.ndim != 4 or array.shape[1:] != expected or len(array) == 0:
        text = ", ".join(map(str, expected))
        raise DataError(f"{where}: shape {array.shape}, expected (T >= 1, {text})")
    return array[:, 0]


def _check(
    arrays: Mapping[str, NDArray[Any]], skeleton: Skeleton, camera: Camera, where: str
) -> None:
    """What holds for every camera's joints."""
    for key in ("annot3", "univ_annot3"):
        check_millimetres(arrays[key], skeleton, f"{where}: {key}")
    points, metric, universal = (arrays[key] for key in _KEYS)
    check_projection(camera, points, metric, universal, where)
    check_universal(metric, universal, skeleton, where)

"""P-STMO's two archives of MPI-INF-3DHP: 17 joints of eight cameras, universal size, pickled dicts.

`data_train_3dhp.npz`: data = {"S1 Seq1": [{"0": {"data_2d", "data_3d"}, ...}, fps], ...};
`data_test_3dhp.npz`: data = {"TS1": {"data_2d", "data_3d", "valid"}, ...}. Source: P-STMO's
preparation scripts. The archives have neither calibration nor activities.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.mpi_inf_3dhp.annotations import Annotations
from gsam.datasets.mpi_inf_3dhp.cameras import test_camera
from gsam.datasets.mpi_inf_3dhp.checks import (
    check_finite,
    check_millimetres,
    check_pixels,
    number_array,
    projects,
)
from gsam.datasets.mpi_inf_3dhp.files import TESTS, TRAINING
from gsam.errors import DataError
from gsam.skeletons import MPI_INF_3DHP_17
from gsam.unpickle import load_object_npz

__all__ = ["read_test_archive", "read_training_archive"]

log = logging.getLogger(__name__)

_FASTEST = 1e4
"""Frames per second, beyond what any camera has."""


def read_training_archive(
    path: Path, cameras: Sequence[int], usable: Mapping[tuple[str, str], int] | None = None
) -> Iterator[tuple[str, str, int, Annotations]]:
    """Subject, sequence, camera and its annotations, in the order of `TRAINING` and `cameras`.

    `usable` frames of each sequence are kept (None: all).

    Raises DataError, naming file, sequence and camera, for an archive that cannot be read or is
    laid out otherwise; sequences or cameras that it lacks, another frame rate than the published
    one, and arrays that are not what the layout says.
    """
    names = {f"{subject} {sequence}": (subject, sequence) for subject, sequence in TRAINING}
    content = _dictionary(path, list(names))
    for name, (subject, sequence) in names.items():
        where = f"{path}: {name}"
        views, fps = _views_and_rate(content.pop(name), where)
        published = TRAINING[subject, sequence].fps
        if fps != published:
            raise DataError(f"{where}: {fps:g} frames per second, expected {published}")
        lacking = [number for number in cameras if str(number) not in views]
        if lacking:
            raise DataError(f"{where}: no camera {lacking[0]}, the archive has {_keys(views)}")
        for number in cameras:
            points, universal = _joints(views[str(number)], f"{where}, camera {number}")
            check_millimetres(universal, MPI_INF_3DHP_17, f"{where}, camera {number}: data_3d")
            kept = slice(None if usable is None else usable[subject, sequence])
            if number == cameras[0] and kept.stop is not None and len(points) < kept.stop:
                log.warning("%s: %d frames, the original has %d", where, len(points), kept.stop)
            yield (
                subject,
                sequence,
                number,
                Annotations(MPI_INF_3DHP_17, points[kept], universal[kept]),
            )


def read_test_archive(path: Path) -> Iterator[tuple[str, Annotations]]:
    """Name and annotations of every test sequence, in the order of `TESTS`.

    Raises DataError as `read_training_archive` does, for flags that are not 0 or 1, and for joints
    that fall on the points, as those of universal height do not.
    """
    content = _dictionary(path, list(TESTS))
    views = {name: _joints(content[name], f"{path}: {name}") for name in TESTS}
    if all(projects(test_camera(name), *pair[::-1]) for name, pair in views.items()):
        raise DataError(
            f"{path}: data_3d projects onto data_2d in every test sequence, so it is of the "
            "people's own size (annot3); expected universal height (univ_annot3), which does not"
        )
    for name, (points, universal) in views.items():
        where = f"{path}: {name}"
        flags = number_array(content[name].get("valid"), f"{where}: valid").ravel()
        if len(flags) != len(points) or not np.isin(flags, (0, 1)).all() or not flags.any():
            raise DataError(
                f"{where}: valid has {len(flags)} values, expected {len(points)} of 0 and 1, some 1"
            )
        valid = flags.astype(bool)
        check_millimetres(universal[valid], MPI_INF_3DHP_17, f"{where}: data_3d")
        yield name, Annotations(MPI_INF_3DHP_17, points, universal, valid)


def _dictionary(path: Path, expected: Sequence[str]) -> dict[str, Any]:
    value = load_object_npz(path, "data")
    if not isinstance(value, dict):
        raise DataError(f"{path}: data is {type(value).__name__}, expected a dictionary")
    if set(value) != set(expected):
        raise DataError(f"{path}: data has {_keys(value)}, expected {', '.join(expected)}")
    return value


def _keys(value: dict[Any, Any]) -> str:
    """Some keys of a dictionary, to show; other things than texts by their type."""
    names = [key if isinstance(key, str) else type(key).__name__ for key in value]
    return ", ".join(sorted(names)[:20]) or "no key"


def _views_and_rate(value: Any, where: str) -> tuple[dict[Any, Any], float]:
    """The dictionary of cameras and the frames per second of a training sequence."""
    listed = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim)
    items = list(value) if listed else []
    rate = items[1] if len(items) == 2 else None
    if isinstance(rate, np.ndarray) and rate.size == 1:
        rate = rate.item()
    if isinstance(rate, int | float) and 0 < rate < _FASTEST and isinstance(items[0], dict):
        return items[0], float(rate)
    raise DataError(f"{where}: expected [dictionary of cameras, frames per second]")


def _joints(value: Any, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The points (T, 17, 2) and universal joints (T, 17, 3) of a view."""
    if not isinstance(value, dict):
        raise DataError(f"{where}: {type(value).__name__}, expected a dictionary of data_2d, ...")
    arrays = []
    for key, axes in (("data_2d", 2), ("data_3d", 3)):
        array = number_array(value.get(key), f"{where}: {key}")
        expected = (MPI_INF_3DHP_17.size, axes)
        if array.ndim != 3 or array.shape[1:] != expected or len(array) == 0:
            raise DataError(f"{where}: {key} of shape {array.shape}, expected (T, 17, {axes})")
        check_finite(array, MPI_INF_3DHP_17, f"{where}: {key}")
        arrays.append(array)
    check_pixels(arrays[0], f"{where}: data_2d")
    if len(arrays[0]) != len(arrays[1]):
        found = [len(array) for array in arrays]
        raise DataError(f"{where}: data_2d and data_3d have {found} frames, expected equally many")
    return arrays[0], arrays[1]

"""MPII in HRNet's form: `annot/{train,valid}.json` and `gt_valid.mat`, which PCKh is scored by.

Coordinates are 1-based, as in the original; they leave here 0-based. A missing joint is [-1, -1] or
[0, 0]. Source: deep-high-resolution-net.pytorch lib/dataset/mpii.py, guides/formats.md 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.mat import load_mat
from gsam.errors import DataError
from gsam.skeletons import MPII_16
from gsam.storage import read_json

__all__ = ["HEAD_SHARE", "JsonPerson", "ValidTruth", "read_hrnet_json", "read_valid_truth"]

HEAD_SHARE = 0.6
"""Head size = this share of the head box's diagonal (MPII's own evaluation code)."""

_NAMES = [
    "rank",
    "rkne",
    "rhip",
    "lhip",
    "lkne",
    "lank",
    "pelv",
    "thor",
    "neck",
    "head",
    "rwri",
    "relb",
    "rsho",
    "lsho",
    "lelb",
    "lwri",
]
"""What `gt_valid.mat` calls the joints of MPII_16."""


@dataclass(frozen=True, eq=False)
class JsonPerson:
    """One entry: file name; 0-based points (16, 2), 0 where missing; labelled (16,) bool; 0-based
    centre (2,) or None; scale (height / 200 px)."""

    file: str
    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    centre: NDArray[np.float64] | None
    scale: float


@dataclass(frozen=True, eq=False)
class ValidTruth:
    """`gt_valid.mat` for N people in the order of valid.json, joints in the order of MPII_16.

    points (N, 16, 2) 0-based pixels; labelled (N, 16) bool; head_sizes (N,) px.
    """

    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    head_sizes: NDArray[np.float64]


def read_hrnet_json(path: Path) -> list[JsonPerson]:
    """All people of a file, in its order.

    Raises DataError that names the file, the entry and the field.
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: holds no list of people, expected HRNet's MPII annotations")
    return [_person(entry, f"{path}: [{i}]") for i, entry in enumerate(entries)]


def _person(entry: Any, where: str) -> JsonPerson:
    if not isinstance(entry, dict):
        raise DataError(f"{where}: a {type(entry).__name__}, expected a person's fields")
    file = entry.get("image")
    if not isinstance(file, str) or not file or PurePosixPath(file).name != file:
        raise DataError(f"{where}: image is {file!r}, expected a file's name")
    joints = _array(entry, "joints", (MPII_16.size, 2), where)
    flags = _array(entry, "joints_vis", (MPII_16.size,), where)
    labelled = (flags > 0) & ~((joints == -1) | (joints == 0)).all(axis=1)
    centre = _array(entry, "center", (2,), where)
    scale = float(_array(entry, "scale", (), where))
    return JsonPerson(
        file=file,
        points=np.where(labelled[:, None], joints - 1, 0.0),
        labelled=labelled,
        centre=centre - 1 if centre[0] != -1 and scale > 0 else None,
        scale=scale,
    )


def _array(
    entry: dict[str, Any], field: str, shape: tuple[int, ...], where: str
) -> NDArray[np.float64]:
    try:
        array = np.asarray(entry.get(field), np.float64)
    except (OverflowError, TypeError, ValueError):
        array = np.empty(())
        array[...] = np.nan
    if array.shape != shape or not np.isfinite(array).all():
        text = str(entry.get(field))[:60]
        raise DataError(f"{where}: {field} is {text}, expected finite numbers of shape {shape}")
    return array


def read_valid_truth(path: Path) -> ValidTruth:
    """The joints and head boxes that PCKh of the validation people is computed from.

    Raises DataError that names the file and the variable.
    """
    keys = ["dataset_joints", "jnt_missing", "pos_gt_src", "headboxes_src"]
    content = load_mat(path, keys)
    names = [str(np.squeeze(name)) for name in np.ravel(content["dataset_joints"])]
    names = [name.strip("[]' ") for name in names]
    if sorted(names) != sorted(_NAMES):
        raise DataError(f"{path}: dataset_joints are {names}, expected {_NAMES}")
    order = [names.index(name) for name in _NAMES]
    missing = np.asarray(content["jnt_missing"])
    people = missing.shape[-1]
    shapes = {
        "jnt_missing": (MPII_16.size, people),
        "pos_gt_src": (MPII_16.size, 2, people),
        "headboxes_src": (2, 2, people),
    }
    for key, shape in shapes.items():
        value = np.asarray(content[key])
        # SciPy and MATLAB drop the last axis of a file with one person.
        if value.dtype.kind not in "buif" or value.size != np.prod(shape):
            raise DataError(f"{path}: {key} is {value.dtype} {value.shape}, expected {shape}")
        content[key] = value.reshape(shape).astype(np.float64)
    corners = content["headboxes_src"]
    heads = HEAD_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)
    labelled = content["jnt_missing"][order].T == 0
    points = np.moveaxis(content["pos_gt_src"], -1, 0)[:, order] - 1
    if not (np.isfinite(heads) & (heads > 0)).all() or not np.isfinite(points[labelled]).all():
        raise DataError(f"{path}: head boxes or joints are not finite, expected boxes with a size")
    return ValidTruth(np.where(labelled[..., None], points, 0.0), labelled, heads)

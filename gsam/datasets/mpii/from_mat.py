"""MPII's original annotations, `mpii_human_pose_v1_u12_1.mat`: MATLAB structs with all their gaps.

`RELEASE.annolist(i)` names an image and its people `annorect(j)`; people without labels lack
fields or leave them empty, a single person or point is a struct instead of an array of them,
`is_visible` is empty, a text or a number, points come in any order by `id`, missing ones not at
all, and coordinates are 1-based. Everything leaves here 0-based. Source: guides/formats.md 4.1,
http://human-pose.mpi-inf.mpg.de.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.mat import load_mat
from gsam.errors import DataError
from gsam.skeletons import MPII_16

__all__ = ["MatImage", "MatPerson", "read_mat"]


@dataclass(frozen=True, eq=False)
class MatPerson:
    """One annotated person, 0-based pixels.

    points (16, 2) float64 with 0 where unlabelled; visibility (16,) uint8: 0 unlabelled, 1 hidden,
    3 visible; centre (2,), scale (height / 200 px) and head box x1, y1, x2, y2 (4,) are None where
    the file has none.
    """

    points: NDArray[np.float64]
    visibility: NDArray[np.uint8]
    centre: NDArray[np.float64] | None
    scale: float | None
    head_box: NDArray[np.float64] | None


@dataclass(frozen=True)
class MatImage:
    """One image: its file's name, whether its labels are public (`img_train`), its people."""

    file: str
    train: bool
    people: tuple[MatPerson, ...]


def read_mat(path: Path) -> list[MatImage]:
    """Every image of the file, in its order; people of test images have no points.

    Raises DataError, naming file, image, person and field, for a file that is no MATLAB 5 file or
    lacks RELEASE, and for values that cannot be what the field says.
    """
    release = load_mat(path, ["RELEASE"], struct_as_record=False, squeeze_me=True)["RELEASE"]
    entries = _items(_field(release, "annolist"))
    flags = np.atleast_1d(np.asarray(_field(release, "img_train"))).ravel()
    if not entries or flags.dtype.kind not in "buif" or len(flags) != len(entries):
        raise DataError(
            f"{path}: RELEASE has {len(entries)} entries in annolist and {flags.size} in "
            "img_train, expected equally many and at least one"
        )
    return [
        _image(entry, bool(flag), f"{path}: annolist({i + 1})")
        for i, (entry, flag) in enumerate(zip(entries, flags, strict=True))
    ]


def _field(struct: Any, name: str) -> Any:
    """A struct's field; None where the struct, the field or its content is absent."""
    if isinstance(struct, np.ndarray) and struct.size == 1:
        struct = struct.item()
    value = getattr(struct, name, None) if hasattr(struct, "_fieldnames") else None
    return None if isinstance(value, np.ndarray) and value.size == 0 else value


def _items(value: Any) -> list[Any]:
    """A struct array as a list: it is a struct when it has one element, empty when it has none."""
    items = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
    return [item for item in items if hasattr(item, "_fieldnames")]


def _number(struct: Any, name: str, where: str) -> float | None:
    value = _field(struct, name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(np.asarray(value).reshape(()))
    except (TypeError, ValueError):
        raise DataError(f"{where}.{name} is {str(value)[:60]!r}, expected one number") from None
    if not np.isfinite(number):
        raise DataError(f"{where}.{name} is {number}, expected a finite number")
    return number


def _image(entry: Any, train: bool, where: str) -> MatImage:
    name = _field(_field(entry, "image"), "name")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise DataError(f"{where}.image.name is {name!r}, expected a file's name")
    people = [
        _person(rectangle, f"{where}.annorect({j + 1})")
        for j, rectangle in enumerate(_items(_field(entry, "annorect")))
    ]
    return MatImage(name, train, tuple(people))


def _person(rectangle: Any, where: str) -> MatPerson:
    points = np.zeros((MPII_16.size, 2))
    visibility = np.zeros(MPII_16.size, np.uint8)
    for k, point in enumerate(_items(_field(_field(rectangle, "annopoints"), "point"))):
        spot = f"{where}.annopoints.point({k + 1})"
        joint, x, y = (_number(point, name, spot) for name in ("id", "x", "y"))
        if joint is None or x is None or y is None:
            raise DataError(f"{spot}: id, x, y are {joint}, {x}, {y}, expected three numbers")
        if joint not in range(MPII_16.size):
            raise DataError(f"{spot}.id is {joint:g}, expected 0 to {MPII_16.size - 1}")
        points[int(joint)] = x - 1, y - 1
        visible = _number(point, "is_visible", spot)
        # Nothing said (the head's two points): seen, as they were clicked on the picture.
        visibility[int(joint)] = 1 if visible == 0 else 3
    centre = [_number(_field(rectangle, "objpos"), name, f"{where}.objpos") for name in "xy"]
    corners = [_number(rectangle, name, where) for name in ("x1", "y1", "x2", "y2")]
    scale = _number(rectangle, "scale", where)
    return MatPerson(
        points,
        visibility,
        None if None in centre else np.array(centre, float) - 1,
        scale if scale is not None and scale > 0 else None,
        None if None in corners else np.array(corners, float) - 1,
    )

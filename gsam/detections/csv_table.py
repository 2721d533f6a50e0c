"""A CSV file with a row for each person of each frame, its joints by name in the header.

Columns: `frame` (from 0), `<joint>_x`, `<joint>_y` (px), and where there are any `<joint>_score`,
`person` (a track's name), and `<joint>_x3d`, `<joint>_y3d`, `<joint>_z3d` (truth in the camera's
frame). The joints are those of one set of `gsam.skeletons`, by its names, in any order. An empty
cell is a joint that was not found. A row without any joint says that the frame is there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.configs import nearest
from gsam.detections.people import Detected, Person, absent
from gsam.errors import DataError
from gsam.joint_sets import JOINT_SETS
from gsam.skeletons import SKELETONS, Skeleton

__all__ = ["read_csv"]

MAX_BYTES = 512 << 20
_AXES = {"x", "y", "score", "x3d", "y3d", "z3d"}


def read_csv(path: Path) -> Detected:
    """The people of such a file; DataError, naming the line and column, for one that is not."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path}: over {MAX_BYTES >> 20} MiB, expected one recording")
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.reader(stream)
            header = [name.strip() for name in next(rows, [])]
            skeleton = _joint_set(header, path)
            columns = {name: column for column, name in enumerate(header)}
            people = [
                _person(row, columns, skeleton, f"{path}: line {line}")
                for line, row in enumerate(rows, 2)
                if row
            ]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV file in UTF-8 ({error})") from error
    if not people:
        raise DataError(f"{path}: no row below the header, expected one for each frame")
    found = [one for one in people if np.isfinite(one.points).any()]
    numbers = sorted({one.frame for one in people})
    whole = range(numbers[0], numbers[-1] + 1)
    return Detected(
        "CSV", found, skeleton.name, frames=whole if len(numbers) == len(whole) else None
    )


def _joint_set(header: Sequence[str], path: Path) -> Skeleton:
    """The set whose names the header has; every column is accounted for."""
    if "frame" not in header or len(set(header)) != len(header):
        raise DataError(f"{path}: expected a header with different names, one of them frame")
    named = [name.rpartition("_") for name in header if name not in ("frame", "person")]
    odd = [f"{joint}_{axis}" for joint, _, axis in named if axis not in _AXES]
    joints = {joint for joint, _, _ in named}
    found = [one for one in SKELETONS.values() if set(one.joints) == joints]
    if odd or not found:
        every = sorted({joint for one in SKELETONS.values() for joint in one.joints})
        strange = [joint for joint in sorted(joints) if joint not in every]
        detail = f"; {strange[0]!r}: {nearest(strange[0], every)}" if strange else ""
        raise DataError(
            f"{path}: the header's {len(joints)} joints are no joint set, expected the names of "
            f"one of {', '.join(JOINT_SETS)}{detail[:200]}"
        )
    skeleton = found[0]
    for axes in (("x", "y"), ("score",), ("x3d", "y3d", "z3d")):
        given = [f"{j}_{a}" in header for j in skeleton.joints for a in axes]
        if any(given) != all(given) or (axes == ("x", "y") and not any(given)):
            raise DataError(f"{path}: columns {', '.join(axes)} are there for some joints only")
    return skeleton


def _person(
    row: Sequence[str], columns: Mapping[str, int], skeleton: Skeleton, where: str
) -> Person:
    if len(row) != len(columns):
        raise DataError(f"{where}: {len(row)} cells, expected {len(columns)}")
    frame = row[columns["frame"]].strip()
    if not frame.isdecimal() or len(frame) > 9:
        raise DataError(f"{where}: frame is {frame[:20]!r}, expected a whole number from 0")

    def block(axes: Sequence[str]) -> NDArray[np.float64]:
        names = [[f"{joint}_{axis}" for axis in axes] for joint in skeleton.joints]
        cells = [_number(row[columns[name]], where, name) for own in names for name in own]
        return np.array(cells).reshape(skeleton.size, len(axes))

    scored, truth = f"{skeleton.joints[0]}_score", f"{skeleton.joints[0]}_x3d"
    scores = np.full(skeleton.size, math.nan)
    if scored in columns:
        scores = np.nan_to_num(block(["score"])[:, 0], nan=0.0)
    return Person(
        int(frame),
        absent(block(["x", "y"]), scores),
        scores,
        row[columns["person"]].strip() or None if "person" in columns else None,
        joints3d=block(["x3d", "y3d", "z3d"]) if truth in columns else None,
    )


def _number(cell: str, where: str, name: str) -> float:
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        raise DataError(f"{where}, {name}: {cell[:20]!r}, expected a number") from None

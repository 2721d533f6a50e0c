"""What annotations of MPI-INF-3DHP must be before anything is made of them.

Each check names the file and what it found. Arrays are millimetres in a camera's frame and pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.errors import DataError
from gsam.skeletons import Skeleton

__all__ = [
    "MM_PER_M",
    "check_finite",
    "check_length",
    "check_millimetres",
    "check_pixels",
    "check_projection",
    "check_universal",
    "number_array",
    "projects",
]

MM_PER_M = 1000.0
_THIGH_MM = (200.0, 800.0)
_SAMPLES = 16
"""Frames, evenly spaced, on which a file's arrays are held against one another."""
_TOLERANCE_PX = 10.0
"""Median over joints and frames: annotations agree within 2 px with the training calibration, and
the test sequences' focal lengths are known to 0.3 percent."""
_LARGEST = 1e7
_SCREEN = 8.0
"""Numbers that are all below it are screen coordinates, those of -1 to 1, not pixels."""
_RESCALED = 0.2
"""Share of a pose's size by which a rescaled metric pose may differ from the universal one."""


def number_array(value: Any, where: str) -> NDArray[Any]:
    """The value, if it is an array of numbers; DataError that begins with `where` otherwise."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise DataError(f"{where}: found {kind}, expected an array of numbers")
    # NumPy subtracts no flags.
    return value.astype(np.uint8) if value.dtype.kind == "b" else value


def check_length(found: int, usable: int, where: str) -> None:
    """Annotations may be longer than the usable video, never shorter."""
    if found < usable:
        raise DataError(f"{where}: {found} frames, expected the published {usable} or more")


def check_finite(array: NDArray[Any], skeleton: Skeleton, where: str) -> None:
    """Every number of (T, J, C) must be one, of millimetres or pixels that there can be."""
    broken = ~(np.abs(array) < _LARGEST)
    if broken.any():
        frame, joint, axis = (int(i) for i in np.argwhere(broken)[0])
        value = array[frame, joint, axis]
        found = f"{value:g}" if np.isfinite(value) else "not finite"
        raise DataError(
            f"{where}: joint {skeleton.joints[joint]} is {found} in frame {frame}, expected "
            f"numbers below {_LARGEST:g}"
        )


def check_millimetres(joints: NDArray[Any], skeleton: Skeleton, where: str) -> None:
    """The thigh's length tells millimetres from metres and centimetres."""
    knee, hip = skeleton.indices(["right_knee", "right_hip"])
    thigh = float(np.median(np.linalg.norm(joints[:, knee] - joints[:, hip], axis=-1)))
    low, high = _THIGH_MM
    if low <= thigh <= high:
        return
    unit = {1000.0: "; these look like metres", 10.0: "; these look like centimetres"}
    guess = next((text for by, text in unit.items() if low <= by * thigh <= high), "")
    raise DataError(
        f"{where}: the thigh is {thigh:.4g} long, expected millimetres ({low:g} to {high:g}){guess}"
    )


def check_pixels(points: NDArray[Any], where: str) -> None:
    """Pixels, not screen coordinates of -1 to 1."""
    largest = float(np.abs(points).max())
    if largest <= _SCREEN:
        raise DataError(
            f"{where}: no number is above {largest:.3g}, expected pixels; these look like "
            "normalised screen coordinates"
        )


def check_projection(
    camera: Camera,
    points: NDArray[Any],
    metric: NDArray[Any],
    universal: NDArray[Any],
    where: str,
) -> None:
    """annot3 (T, J, 3) falls on annot2 (T, J, 2) through the camera; if it does not, how far off,
    and whether univ_annot3 does."""
    chosen = _sample(len(points))
    distance = _pixels_apart(camera, metric[chosen], points[chosen])
    if distance <= _TOLERANCE_PX:
        return
    if projects(camera, universal, points):
        raise DataError(
            f"{where}: univ_annot3 projects onto annot2 and annot3 does not ({distance:.0f} px "
            "off), expected it the other way round: are they exchanged?"
        )
    raise DataError(
        f"{where}: annot3 projects {distance:.0f} px away from annot2 (median), expected at most "
        f"{_TOLERANCE_PX:g}: another camera's calibration or annotations?"
    )


def projects(camera: Camera, joints: NDArray[Any], points: NDArray[Any]) -> bool:
    """Whether joints (T, J, 3) fall on points (T, J, 2) through the camera."""
    chosen = _sample(len(points))
    return _pixels_apart(camera, joints[chosen], points[chosen]) <= _TOLERANCE_PX


def _pixels_apart(camera: Camera, joints: NDArray[Any], points: NDArray[Any]) -> float:
    apart = np.linalg.norm(camera.project(joints / MM_PER_M) - points, axis=-1)
    # Not finite: a joint beside the camera, which no projection brings near its point.
    return float(np.median(np.where(np.isfinite(apart), apart, np.inf)))


def check_universal(
    metric: NDArray[Any], universal: NDArray[Any], skeleton: Skeleton, where: str
) -> None:
    """univ_annot3 (T, J, 3) is annot3 brought to another height: rescaled about the root."""
    chosen = _sample(len(metric))
    ours, theirs = (
        array[chosen].astype(np.float64) - array[chosen][:, [skeleton.root]]
        for array in (metric, universal)
    )
    if np.array_equal(ours, theirs):
        raise DataError(f"{where}: univ_annot3 is annot3 itself, expected it at universal height")
    scale = float(np.sum(ours * theirs) / (np.sum(ours * ours) + 1e-12))
    apart = float(np.linalg.norm(theirs - scale * ours) / (np.linalg.norm(theirs) + 1e-12))
    if apart > _RESCALED or scale <= 0:
        raise DataError(
            f"{where}: univ_annot3 is no rescaled annot3 (they differ by {100 * apart:.0f} % of "
            "its size after rescaling), expected the same poses at universal height"
        )


def _sample(frames: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, frames - 1, min(frames, _SAMPLES)).astype(np.int64))

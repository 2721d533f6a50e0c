"""The joints of one take as a file of Human3.6M holds them: checked, in metres, Human3.6M-17."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.skeletons import H36M_17, H36M_32, convert

__all__ = ["PER_METRE", "world_joints"]

PER_METRE = {"metres": 1.0, "millimetres": 1000.0}
"""Units of files: the community's are in metres, the originals in millimetres."""

_THIGH_M = (0.2, 0.8)


def world_joints(value: Any, where: str, unit: str = "metres") -> NDArray[np.float32]:
    """Joints (T, 17, 3) float32, metres, of what a file holds: (T, 32 or 17, 3) floats in `unit`.

    Raises DataError that begins with `where` for another shape, no frames, values that are not
    finite, and thighs that are not of a person in that unit.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise DataError(f"{where}: found {kind}, expected an array of floats")
    if value.ndim != 3 or value.shape[1] not in (17, 32) or value.shape[2] != 3:
        raise DataError(f"{where}: shape {value.shape}, expected (T, 32, 3) or (T, 17, 3)")
    if len(value) == 0:
        raise DataError(f"{where}: no frames, expected at least one")
    source = H36M_17 if value.shape[1] == 17 else H36M_32
    scaled = convert(value, source, H36M_17)
    if unit != "metres":
        # As the community's conversion does, which so gives the same floats.
        scaled = scaled / PER_METRE[unit]
    joints = scaled.astype(np.float32)
    if not np.isfinite(joints).all():
        frame, joint = np.argwhere(~np.isfinite(joints).all(axis=-1))[0]
        raise DataError(f"{where}: joint {H36M_17.joints[joint]} is not finite in frame {frame}")
    _check_unit(joints, where, unit)
    return joints


def _check_unit(joints: NDArray[np.float32], where: str, unit: str) -> None:
    knee, hip = H36M_17.index("right_knee"), H36M_17.index("right_hip")
    thigh = float(np.median(np.linalg.norm(joints[:, knee] - joints[:, hip], axis=-1)))
    low, high = _THIGH_M
    if low <= thigh <= high:
        return
    scale = PER_METRE[unit]
    (other, per_metre), *_ = (item for item in PER_METRE.items() if item[0] != unit)
    likely = low <= thigh * scale / per_metre <= high
    guess = f"; these look like {other}" if likely else ""
    raise DataError(
        f"{where}: the thigh is {thigh * scale:.4g} long, expected {unit} "
        f"({low * scale:g} to {high * scale:g}){guess}"
    )

"""Errors of posed body meshes as PARE measures them on 3DPW.

Joints are regressed from the vertices by Human3.6M's regressor, counted from the pelvis of the same
regression, and 14 of them scored. Vertices are compared as they are, without translation. Source:
PARE, pare/utils/eval_utils.py and pare/core/trainer.py (validation_step). Everything is float64;
inputs that do not match or are not finite raise DataError.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.metrics import pose
from gsam.skeletons import H36M_17

__all__ = [
    "ANGLE_JOINTS",
    "LSP_14",
    "joint_angle_errors",
    "mpjpe",
    "pa_mpjpe",
    "scored_joints",
    "vertex_errors",
]

Array = npt.NDArray[np.float64]

LSP_14 = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    *("thorax", "head_top"),
)
"""The 14 joints that count, in LSP's order; LSP's neck is Human3.6M's thorax."""
ANGLE_JOINTS = (0, 1, 2, 4, 5, 16, 17, 18, 19)
"""SMPL's pelvis, hips, knees, shoulders and elbows, whose angles 3DPW's challenge compares."""


def scored_joints(regressed: npt.ArrayLike, joints: Sequence[str] = LSP_14) -> Array:
    """Joints (..., K, 3) counted from the pelvis, of all 17 regressed ones (..., 17, 3).

    `regressed` is in the order of `H36M_17` (right leg first; the published regressor's rows have
    the left leg first), in one unit and any frame; `joints` are names of that set.

    Raises:
        DataError: another shape.
    """
    points = np.asarray(regressed, dtype=np.float64)
    if points.shape[-2:] != (H36M_17.size, 3):
        raise DataError(f"joints of shape {points.shape}: expected (..., {H36M_17.size}, 3)")
    rows = H36M_17.indices(joints)
    return points[..., rows, :] - points[..., [H36M_17.root], :]


def mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """MPJPE (...) of each mesh's 14 scored joints, of regressed joints (..., 17, 3)."""
    return pose.per_frame_mpjpe(scored_joints(pred), scored_joints(target))


def pa_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """As `mpjpe` after the best similarity (no reflection) of the 14 joints of each mesh."""
    return pose.per_frame_pa_mpjpe(scored_joints(pred), scored_joints(target))


def vertex_errors(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """PVE (...): mean distance of the vertices (..., V, 3) of each mesh, neither of them centred.

    Both meshes must carry no translation: they then agree in the origin of the body's file.
    """
    return pose.per_frame_mpjpe(pred, target)


def joint_angle_errors(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Mean angle (...), radians, between rotations (..., 24, 3, 3) of `ANGLE_JOINTS`.

    Rotations are relative to the parents as PARE compares them, the pelvis' in the camera frame.
    The angle is taken from sine and cosine: the arc cosine alone is blind near 0 and pi.

    Raises:
        DataError: shapes that do not match, or values that are not finite.
    """
    p, t = np.asarray(pred, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if p.shape != t.shape or p.shape[-3:] != (24, 3, 3):
        raise DataError(f"rotations of shapes {p.shape} and {t.shape}: expected (..., 24, 3, 3)")
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise DataError("a rotation is not finite: expected matrices of numbers")
    chosen = list(ANGLE_JOINTS)
    between = p[..., chosen, :, :] @ np.swapaxes(t[..., chosen, :, :], -1, -2)
    cosine = (np.trace(between, axis1=-2, axis2=-1) - 1) / 2
    skew = between - np.swapaxes(between, -1, -2)
    sine = np.sqrt(np.square(skew).sum(axis=(-2, -1)) / 8)
    return np.asarray(np.arctan2(sine, cosine).mean(axis=-1))

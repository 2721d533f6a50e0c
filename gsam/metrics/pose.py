"""Pose errors on NumPy arrays: MPJPE and its aligned variants, and the velocity error.

Arrays are (..., J, C) with joints next to last, usually (T, J, 3); results are in the unit of the
input. Everything is computed in float64, all frames at once. Inputs that do not match or are not
finite raise DataError. When all joints of a pose coincide, the least-squares optimum is still
defined and is what these functions return: a coinciding prediction is aligned to the centroid of
the target, a coinciding target is met exactly.
"""

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError

Array = npt.NDArray[np.float64]

ALIGNMENTS = ("none", "scale", "procrustes")
# A pose whose spread is below this share of its distance from the origin has no shape left, only
# rounding errors; it is treated as a single point.
_COINCIDE = 1e-12


def _checked(pred: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Array, Array]:
    """Both poses in float64; DataError unless they have one shape (..., J, C) and are finite."""
    p, t = np.asarray(pred, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if p.shape != t.shape or p.ndim < 2 or 0 in p.shape[-2:]:
        raise DataError(
            f"prediction of shape {p.shape} against target of shape {t.shape}: "
            "expected equal shapes (..., J, C)"
        )
    for name, values in (("prediction", p), ("target", t)):
        if not np.isfinite(values).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
            raise DataError(f"{name} at index {where} is not finite: expected a number")
    return p, t


def _mean(per_frame: Array) -> float:
    if per_frame.size == 0:
        raise DataError("no frame to average over: expected at least one")
    return float(per_frame.mean())


def _joint_errors(pred: Array, target: Array) -> Array:
    return np.asarray(np.sqrt(np.square(pred - target).sum(axis=-1)))


def _align_scale(pred: Array, target: Array) -> Array:
    """The prediction times the scale that fits the target best, without centring."""
    power = np.sum(pred * pred, axis=(-2, -1), keepdims=True)
    product = np.sum(pred * target, axis=(-2, -1), keepdims=True)
    return pred * np.divide(product, power, out=np.zeros_like(power), where=power > 0)


def _centred(points: Array) -> tuple[Array, Array, Array]:
    """Centroid, unit-norm deviations and their norm; zero deviations where all joints coincide."""
    centroid = points.mean(axis=-2, keepdims=True)
    deviations = points - centroid
    norm = np.sqrt(np.square(deviations).sum(axis=(-2, -1), keepdims=True))
    floor = _COINCIDE * np.abs(points).max(axis=(-2, -1), keepdims=True)
    norm = np.where(norm > floor, norm, 0.0)
    unit = np.divide(deviations, norm, out=np.zeros_like(deviations), where=norm > 0)
    return centroid, unit, norm


def _align_procrustes(pred: Array, target: Array) -> Array:
    """The prediction moved by the similarity (no reflection) that fits the target best.

    Umeyama, "Least-squares estimation of transformation parameters" (1991), eqs. 39-43.
    """
    _, p, p_norm = _centred(pred)
    t_centroid, t, t_norm = _centred(target)
    u, s, vt = np.linalg.svd(np.swapaxes(p, -1, -2) @ t)
    # Where the best orthogonal map is a reflection, the weakest direction is turned around.
    sign = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[..., None]
    s[..., -1:] *= sign
    u[..., -1] *= sign
    scale = t_norm * s.sum(axis=-1)[..., None, None]
    scale = np.where(p_norm > 0, scale, 0.0)
    return scale * (p @ (u @ vt)) + t_centroid


def _aligned(pred: Array, target: Array, alignment: str) -> Array:
    if alignment == "none":
        return pred
    if alignment == "scale":
        return _align_scale(pred, target)
    if alignment == "procrustes":
        return _align_procrustes(pred, target)
    raise DataError(f"alignment {alignment!r}: expected one of {', '.join(ALIGNMENTS)}")


def align(pred: npt.ArrayLike, target: npt.ArrayLike, alignment: str) -> Array:
    """The prediction (..., J, C) aligned pose by pose to the target.

    "none" changes nothing; "scale" multiplies by <t, p> / <p, p> (N-MPJPE); "procrustes" applies
    the best rotation (never a reflection), uniform scale and translation (PA-MPJPE).
    """
    return _aligned(*_checked(pred, target), alignment)


def joint_errors(pred: npt.ArrayLike, target: npt.ArrayLike, alignment: str = "none") -> Array:
    """Euclidean error (..., J) of every joint after aligning every pose, see :func:`align`."""
    p, t = _checked(pred, target)
    return _joint_errors(_aligned(p, t, alignment), t)


def per_frame_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Mean joint error of every pose: (..., J, C) -> (...)."""
    return np.asarray(joint_errors(pred, target).mean(axis=-1))


def per_frame_pa_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Mean joint error of every pose after similarity Procrustes: (..., J, C) -> (...)."""
    return np.asarray(joint_errors(pred, target, "procrustes").mean(axis=-1))


def per_frame_n_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Mean joint error of every pose after the best scale: (..., J, C) -> (...)."""
    return np.asarray(joint_errors(pred, target, "scale").mean(axis=-1))


def mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Protocol 1: mean per-joint position error over all poses. DataError when there are none."""
    return _mean(per_frame_mpjpe(pred, target))


def pa_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Protocol 2: MPJPE after aligning every pose by a similarity. DataError without poses."""
    return _mean(per_frame_pa_mpjpe(pred, target))


def n_mpjpe(pred: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Protocol 3: MPJPE after scaling every pose. DataError when there are none."""
    return _mean(per_frame_n_mpjpe(pred, target))


def mpjve(
    pred: npt.ArrayLike, target: npt.ArrayLike, numbers: npt.ArrayLike | None = None
) -> float:
    """Mean per-joint velocity error of one clip (T, J, C), in units per frame.

    Mean norm of the difference between the first differences of prediction and target along
    axis 0, which must therefore hold the frames of one sequence and one camera. `numbers` (T,)
    are the frames' own numbers where some were left out: pairs across a gap do not count. A clip
    without two frames in a row has no velocity and gives 0.
    """
    p, t = _checked(pred, target)
    if p.ndim < 3 or len(p) == 0:
        raise DataError(f"clip of shape {p.shape}: expected (T >= 1, J, C)")
    frames = np.arange(len(p)) if numbers is None else np.asarray(numbers)
    if frames.shape != (len(p),):
        raise DataError(f"frame numbers of shape {frames.shape}: expected ({len(p)},)")
    follows = np.diff(frames) == 1
    if not follows.any():
        return 0.0
    return _mean(_joint_errors(np.diff(p, axis=0)[follows], np.diff(t, axis=0)[follows]))

"""From clips to the two averages of the field: the mean of the action means and the frame mean.

Confusing the two is the field's oldest trap, so both are always computed and always named.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.metrics import pck, pose
from gsam.metrics.protocol import ACTION_MEAN, FRAME_MEAN
from gsam.metrics.rules import HUMAN36M_RULES, ScoringRules
from gsam.skeletons import H36M_17, Skeleton

MM_PER_M = 1000.0
METRICS = ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "mpjve_mm", "pck150", "auc")
ALL_JOINT_METRICS = ("pck150_all17", "auc_all17")
"""By the rules that ask for them: many papers' PCK and AUC on MPI-INF-3DHP are over all joints."""


@dataclass(frozen=True)
class ClipScore:
    """Mean errors of one sequence seen by one camera, with what is needed to pool them."""

    sequence: str
    subject: str
    action: str
    camera: str
    frames: int
    values: Mapping[str, float]


def score_clip(
    pred: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    sequence: str,
    subject: str,
    action: str,
    camera: str,
    skeleton: Skeleton = H36M_17,
    numbers: npt.ArrayLike | None = None,
    rules: ScoringRules = HUMAN36M_RULES,
) -> ClipScore:
    """Score one clip: prediction and target (T, J, 3) in metres, root-relative, camera frame.

    The predicted root counts as predicted unless `rules` subtract it. PCK and AUC use the 14
    official MPI-INF-3DHP joints; the other metrics use all J. `numbers` are as for `pose.mpjve`.
    Raises DataError when the clip is empty, has another shape or is not finite.
    """
    where = f"{sequence} camera {camera}"
    shape = np.shape(target)
    if len(shape) != 3 or shape[0] == 0 or shape[1:] != (skeleton.size, 3):
        raise DataError(f"{where}: target of shape {shape}: expected (T >= 1, {skeleton.size}, 3)")
    try:
        if rules.own_root:
            pred = _about_root(pred, skeleton)
        errors = pose.joint_errors(pred, target) * MM_PER_M
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    official = errors[:, pck.official_joints(skeleton)]
    values = {
        "mpjpe_mm": float(errors.mean()),
        "pa_mpjpe_mm": pose.pa_mpjpe(pred, target) * MM_PER_M,
        "n_mpjpe_mm": pose.n_mpjpe(pred, target) * MM_PER_M,
        "mpjve_mm": pose.mpjve(pred, target, numbers) * MM_PER_M,
        "pck150": pck.pck(official),
        "auc": pck.auc(official),
    }
    if rules.all_joints:
        everywhere = (pck.pck(errors), pck.auc(errors))
        values |= dict(zip(ALL_JOINT_METRICS, everywhere, strict=True))
    return ClipScore(sequence, subject, action, camera, shape[0], values)


def _about_root(points: npt.ArrayLike, skeleton: Skeleton) -> npt.NDArray[np.float64]:
    array = np.asarray(points, np.float64)
    if array.ndim != 3 or array.shape[1] != skeleton.size:
        raise DataError(f"prediction of shape {array.shape}: expected (T, {skeleton.size}, 3)")
    return array - array[:, [skeleton.root]]


def frame_weighted(scores: Sequence[ClipScore]) -> dict[str, float]:
    """Mean of every metric over clips, weighted by their frames; independent of their order.

    The velocity error has one difference fewer than frames but is weighted by frames, as in the
    reference evaluation. Raises DataError when there is no frame or the metrics differ.
    """
    frames = sum(score.frames for score in scores)
    if not scores or min(score.frames for score in scores) < 1:
        raise DataError("no frame to average over: expected clips of at least one frame")
    names = list(scores[0].values)
    for score in scores:
        if set(score.values) != set(names):
            raise DataError(
                f"clip {score.sequence} camera {score.camera} has metrics {sorted(score.values)}: "
                f"expected {sorted(names)}"
            )
    # fsum rounds once, so the result does not depend on the order in which clips were scored.
    return {n: math.fsum(s.frames * s.values[n] for s in scores) / frames for n in names}


def aggregate(scores: Sequence[ClipScore]) -> dict[str, Any]:
    """Pool clips into {"per_action": {action: {metric}}, "action_mean": ..., "frame_mean": ...}.

    Inside an action all frames of all takes, subjects and cameras count alike; "action_mean" is
    the unweighted mean of the actions (the published "Avg"), "frame_mean" the mean over all
    frames. For a per-subject table pass that subject's clips. Actions come out sorted by name.
    """
    groups: dict[str, list[ClipScore]] = {}
    for score in scores:
        groups.setdefault(score.action, []).append(score)
    per_action = {action: frame_weighted(groups[action]) for action in sorted(groups)}
    overall = frame_weighted(scores)
    means = {n: math.fsum(a[n] for a in per_action.values()) / len(per_action) for n in overall}
    return {"per_action": per_action, ACTION_MEAN: means, FRAME_MEAN: overall}

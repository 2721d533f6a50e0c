"""Other bodies for training takes: one actor's skeleton must not become what a lifter expects of
everyone.

A collection like Bandai-Namco's is retargeted to a single skeleton. Trained on it alone, a lifter
learns its bone lengths by heart, and its error on takes of the same skeleton flatters it. So the
bones of each training take are scaled, each kind by its own factor, left as right. Test takes are
never changed: what is measured is measured on the skeleton that was recorded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.skeletons import H36M_17

_KINDS = {
    "leg": ("right_knee", "right_ankle", "left_knee", "left_ankle"),
    "arm": ("right_elbow", "right_wrist", "left_elbow", "left_wrist"),
    "trunk": ("spine", "thorax"),
    "head": ("nose", "head_top"),
    "hips": ("right_hip", "left_hip"),
    "shoulders": ("right_shoulder", "left_shoulder"),
}
"""Bones of one factor, each by its lower joint."""

# Human3.6M's S1, S5 and S8 on average: half-width of the hips per leg, thorax to shoulder per arm.
_HIPS_PER_LEG = 0.149
_SHOULDERS_PER_ARM = 0.291


def vary_bones(
    recorded: NDArray[np.floating], variation: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Joints (T, 17, 3) of another body that moves the same way; metres in, metres out.

    Each kind of bone is scaled by exp(N(0, variation)). Hips and shoulders, which many rigs have
    far too narrow, are moved a uniformly drawn part of the way to Human3.6M's proportions as well.
    The path of the pelvis is scaled with the legs, so that feet stay on the floor and do not slide.
    Zero variation changes nothing.
    """
    joints: NDArray[np.float64] = np.asarray(recorded, np.float64)
    if variation == 0:
        return joints
    factors = {kind: float(np.exp(rng.normal(0, variation))) for kind in _KINDS}
    towards = rng.uniform(0, 1, 2)
    legs, arms = _lengths(joints, "leg"), _lengths(joints, "arm")
    hips = _HIPS_PER_LEG * 2 * legs / _lengths(joints, "hips")
    shoulders = _SHOULDERS_PER_ARM * 2 * arms / _lengths(joints, "shoulders")
    factors["hips"] *= 1 + towards[0] * (hips - 1)
    factors["shoulders"] *= 1 + towards[1] * (shoulders - 1)
    scale = {child: factors[kind] for kind, children in _KINDS.items() for child in children}
    varied = joints.copy()
    varied[:, H36M_17.root] *= factors["leg"]
    for parent, child in H36M_17.bones:
        bone = joints[:, child] - joints[:, parent]
        varied[:, child] = varied[:, parent] + scale[H36M_17.joints[child]] * bone
    return varied


def _lengths(joints: NDArray[np.float64], kind: str) -> float:
    """Mean length of the bones of one kind."""
    ends = H36M_17.indices(_KINDS[kind])
    bones = joints[:, ends] - joints[:, [H36M_17.parents[end] for end in ends]]
    return float(np.linalg.norm(bones, axis=-1).mean())

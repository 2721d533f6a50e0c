"""Whether joints are a person's, told from the motion itself: sides, joint order, axes, pace.

No file says that its left and right are swapped, or that it was thinned out to ten frames a second;
a body does: knees bend forwards, noses point forwards, people walk forwards and at a certain pace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.skeletons import H36M_17, SKELETONS, Skeleton, convert

__all__ = ["bone_fault", "pace_fault", "side_fault", "spread", "up_fault"]

Floats = NDArray[np.floating]

_BONES_M = {
    "right_hip": (0.06, 0.25),
    "left_hip": (0.06, 0.25),
    "right_knee": (0.28, 0.65),
    "left_knee": (0.28, 0.65),
    "right_ankle": (0.28, 0.65),
    "left_ankle": (0.28, 0.65),
    "thorax": (0.14, 0.50),
    "nose": (0.04, 0.30),
    "right_elbow": (0.16, 0.45),
    "left_elbow": (0.16, 0.45),
    "right_wrist": (0.14, 0.42),
    "left_wrist": (0.14, 0.42),
}
"""Length in metres of the bone that ends in a joint, of people small and tall."""

_AHEAD_M = 0.02
"""How far in front of or behind the neck the nose must lie to tell a direction."""
_BENT = 0.1
"""The sine of a knee's angle from which on it tells a direction."""
_FEW = 5
_WALKING_M_S = (0.35, 2.2)
"""Mean speed of the ankles of people who walk: real walks are at 0.8 to 1.6 m/s."""


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` numbers below `count`, evenly spread, the first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def bone_fault(joints: Floats) -> str:
    """What bones (of joints (T, 17, 3), metres, H36M-17) say of the joints' order; "" if fine."""
    wrong = _impossible(joints)
    if not wrong:
        return ""
    name, length = wrong[0]
    low, high = _BONES_M[name]
    parent = H36M_17.joints[H36M_17.parents[H36M_17.index(name)]]
    return (
        f"{len(wrong)} bones are not a person's, e.g. {parent} to {name} {1000 * length:.0f} mm, "
        f"expected {1000 * low:.0f} to {1000 * high:.0f}{_other_order(joints, H36M_17)}"
    )


def _impossible(joints: Floats) -> list[tuple[str, float]]:
    """(name, metres) of the bones whose median length is not a person's."""
    found = []
    for name, (low, high) in _BONES_M.items():
        child = H36M_17.index(name)
        bones = joints[:, child] - joints[:, H36M_17.parents[child]]
        length = float(np.median(np.linalg.norm(bones, axis=-1)))
        if not low <= length <= high:
            found.append((name, length))
    return found


def _other_order(joints: Floats, stated: Skeleton) -> str:
    for other in SKELETONS.values():
        if other.size == stated.size and other != stated:
            read = convert(joints, other, H36M_17)
            if not _impossible(read):
                return f"; they fit the joint order of {other.name}"
    return ""


def side_fault(joints: Floats, nose: bool = True) -> str:
    """Which of left and right are swapped in joints (T, 17, 3): "" where nothing is.

    Args:
        joints: Human3.6M-17, metres, any frame with right-handed axes.
        nose: whether the set's `nose` lies at the front of the head.
    """
    at = {name: joints[:, row] for row, name in enumerate(H36M_17.joints)}
    up = _unit(at["thorax"] - at["pelvis"])
    hips = _unit(np.cross(up, at["right_hip"] - at["left_hip"]))
    shoulders = _unit(np.cross(up, at["right_shoulder"] - at["left_shoulder"]))
    legs = _backwards(np.concatenate([_flexion(at, side) for side in ("left", "right")]), _BENT)
    ahead = _along(at["nose"] - at["thorax"], shoulders)
    face = _backwards(ahead, _AHEAD_M) if nose else None
    opposed = float((_along(hips, shoulders) < 0).mean()) > 0.7
    if opposed:
        arms = face if face is not None else legs is False
        return f"left and right {'arms' if arms else 'legs'} swapped"
    if (face and legs is not False) or (face is None and legs):
        return "left and right swapped"
    return ""


def _flexion(at: dict[str, Floats], side: str) -> Floats:
    """By the sine of the angle, how far a knee is bent the way that knees bend.

    A knee is a hinge about the line through the hips, however the thigh is held.
    """
    thigh = _unit(at[f"{side}_knee"] - at[f"{side}_hip"])
    shin = _unit(at[f"{side}_ankle"] - at[f"{side}_knee"])
    return _along(np.cross(thigh, shin), _unit(at["left_hip"] - at["right_hip"]))


def _backwards(offsets: Floats, clear_from: float) -> bool | None:
    """Whether what should be positive is negative; None where it is neither clearly."""
    clear = offsets[np.abs(offsets) > clear_from]
    return None if len(clear) < _FEW else bool((clear > 0).mean() < 0.3)


def _along(vectors: Floats, directions: Floats) -> Floats:
    return np.asarray((vectors * directions).sum(axis=-1))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def up_fault(joints: Floats, axis: int = 2, sign: int = 1) -> str:
    """Whether people who stand in joints (T, 17, 3) stand along an axis: "" if so."""
    feet = joints[:, H36M_17.indices(["left_ankle", "right_ankle"])].mean(axis=1)
    body = (joints[:, H36M_17.index("head_top")] - feet).mean(axis=0)
    found = int(np.abs(body).argmax())
    if found == axis and body[axis] * sign > 0:
        return ""
    shown = f"{'-' if body[found] < 0 else '+'}{'xyz'[found]}"
    return f"people stand along {shown}, expected {'+' if sign > 0 else '-'}{'xyz'[axis]}"


def pace_fault(joints: Floats, fps: float) -> str:
    """Whether people who walk in joints (T, 17, 3) do so at a human pace if `fps` holds: "" then.

    Frames must be consecutive.
    """
    if len(joints) < _FEW:
        return ""
    ankles = joints[:, H36M_17.indices(["left_ankle", "right_ankle"])]
    speed = fps * float(np.linalg.norm(np.diff(ankles, axis=0), axis=-1).mean())
    low, high = _WALKING_M_S
    if low <= speed <= high:
        return ""
    return (
        f"walking at {speed:.1f} m/s if there are {fps:g} frames a second, expected {low:g} to "
        f"{high:g}: likely another frame rate"
    )

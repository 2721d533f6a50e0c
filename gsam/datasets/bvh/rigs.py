"""Skeletons of motion-capture files and where Human3.6M's 17 joints lie on each.

A rig is recognised by its joint names. Where it has no such joint (a crown, a nose), a point fixed
to one stands for it: the joint's world rotation times an offset in the rig's units. Sides were
verified by geometry (`LeftShoulder` is the shoulder joint in CMU's files and the clavicle in the
others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.bvh.kinematics import forward, local_motion, resample, rotate
from gsam.datasets.bvh.parser import Motion
from gsam.errors import DataError
from gsam.skeletons import H36M_17

Point = tuple[str, tuple[float, float, float]]

_THIGH_M = (0.2, 0.8)
_MAX_SECONDS = 7200
"""A file of few frames and a long frame time becomes hundreds of times as many."""
_WIDE_M = 0.001
_FAR_M = 10_000
"""Further away, float32 holds no millimetres."""


@dataclass(frozen=True)
class Rig:
    """One family of files: unit in metres, up axis, and per Human3.6M-17 joint the mean of
    points."""

    name: str
    unit_m: float
    up: str
    points: dict[str, tuple[Point, ...]]
    marks: tuple[str, ...] = ()

    @property
    def joints(self) -> tuple[str, ...]:
        """Joints that a file must have to be read as this rig."""
        used = [joint for points in self.points.values() for joint, _ in points]
        return tuple(dict.fromkeys([*used, *self.marks]))


def _rig(name: str, unit_m: float, up: str, limbs: str, middle: dict[str, Any], *marks: str) -> Rig:
    """`limbs` names hip, knee, ankle, shoulder, elbow and wrist with {Side} or {S} for the side."""
    parts = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    points: dict[str, tuple[Point, ...]] = {}
    for side in ("left", "right"):
        named = limbs.format(Side=side.title(), S=side[0].upper()).split()
        points |= {
            f"{side}_{part}": _points(joint) for part, joint in zip(parts, named, strict=True)
        }
    points["pelvis"] = points["left_hip"] + points["right_hip"]
    points |= {joint: _points(source) for joint, source in middle.items()}
    return Rig(name, unit_m, up, {joint: points[joint] for joint in H36M_17.joints}, marks)


def _points(source: str | list[str] | Point) -> tuple[Point, ...]:
    if isinstance(source, tuple):
        return (source,)
    return tuple(
        (joint, (0.0, 0.0, 0.0)) for joint in ([source] if isinstance(source, str) else source)
    )


RIGS = (
    _rig(
        "bandai-namco",
        0.01,
        "y",
        "UpperLeg_{S} LowerLeg_{S} Foot_{S} UpperArm_{S} LowerArm_{S} Hand_{S}",
        {
            "spine": ["Spine", "Chest"],
            "thorax": "Neck",
            # The files end at the head joint; these offsets give Human3.6M's proportions.
            "nose": ("Head", (2.0, 6.7, 0.0)),
            "head_top": ("Head", (10.0, 1.0, 0.0)),
        },
        "joint_Root",
    ),
    _rig(
        "cmu",
        0.0254 / 0.45,
        "y",
        "{Side}Hip {Side}Knee {Side}Ankle {Side}Shoulder {Side}Elbow {Side}Wrist",
        {"spine": "Chest", "thorax": "Neck", "nose": "Head", "head_top": "Head end"},
    ),
    _rig(
        "fair1",
        0.04,
        "z",
        "{Side}UpLeg {Side}Leg {Side}Foot {Side}Arm {Side}ForeArm {Side}Hand",
        {"spine": "Spine3", "thorax": "Neck", "nose": "Head", "head_top": "Head end"},
        "LeftHandEnd",
    ),
    _rig(
        "rokoko",
        0.01,
        "y",
        "{Side}UpLeg {Side}Leg {Side}Foot {Side}Arm {Side}ForeArm {Side}Hand",
        {"spine": "Spine1", "thorax": "Neck", "nose": "Head", "head_top": "Head end"},
        "LeftInHandIndex",
    ),
)
"""Known rigs; names that two of them share are told apart by joints of the hands."""


def find_rig(motion: Motion) -> Rig:
    """The rig whose joints a file has.

    Raises DataError that names the joints missing from the most similar rig, and the known rigs.
    """
    lacking = {rig.name: [j for j in rig.joints if j not in motion.names] for rig in RIGS}
    for rig in RIGS:
        if not lacking[rig.name]:
            return rig
    near = min(RIGS, key=lambda rig: len(lacking[rig.name]) / len(rig.joints)).name
    raise DataError(
        f"{motion.path}: unknown rig, lacks {', '.join(lacking[near][:6])} of {near}; expected one "
        f"of the rigs {', '.join(rig.name for rig in RIGS)}"
    )


def human36m_joints(motion: Motion, fps: float) -> NDArray[np.float32]:
    """Joints (T, 17, 3) of Human3.6M-17 at `fps`: world metres, z up, as the file places them.

    Raises DataError for an unknown rig, or one whose thigh is not of human length in its units.
    """
    rig = find_rig(motion)
    seconds = len(motion.values) * motion.frame_time
    if seconds > _MAX_SECONDS:
        raise DataError(
            f"{motion.path}: {seconds:.0f} s, expected at most {_MAX_SECONDS} in a take"
        )
    keep = _with_ancestors(motion, [motion.names.index(joint) for joint in rig.joints])
    row = {motion.names[joint]: index for index, joint in enumerate(keep)}
    rotations, positions = forward(resample(local_motion(motion, keep), motion.frame_time, fps))
    joints = np.zeros((positions.shape[1], H36M_17.size, 3))
    for index, points in enumerate(rig.points.values()):
        for joint, offset in points:
            at = positions[row[joint]]
            if any(offset):
                at = at + rotate(rotations[row[joint]], np.array(offset))
            joints[:, index] += at / len(points)
    if rig.up == "y":
        joints = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1)
    joints *= rig.unit_m
    _check_metres(joints, motion.path, rig)
    return joints.astype(np.float32)


def _with_ancestors(motion: Motion, joints: list[int]) -> list[int]:
    keep: set[int] = set()
    for joint in joints:
        while joint >= 0 and joint not in keep:
            keep.add(joint)
            joint = motion.parents[joint]
    return sorted(keep)


def _check_metres(joints: NDArray[np.float64], path: str, rig: Rig) -> None:
    hip, knee = H36M_17.index("left_hip"), H36M_17.index("left_knee")
    thigh = float(np.median(np.linalg.norm(joints[:, hip] - joints[:, knee], axis=-1)))
    if not _THIGH_M[0] <= thigh <= _THIGH_M[1]:
        raise DataError(
            f"{path}: the thigh is {thigh:.4g} m with {rig.name}'s unit of {rig.unit_m:.4g} m, "
            f"expected {_THIGH_M[0]} to {_THIGH_M[1]}"
        )
    far = float(np.abs(joints).max())
    if far > _FAR_M:
        raise DataError(f"{path}: joints {far:.4g} m from the origin, expected up to {_FAR_M} m")
    for name in ("hip", "shoulder"):
        left, right = (H36M_17.index(f"{side}_{name}") for side in ("left", "right"))
        if np.median(np.linalg.norm(joints[:, left] - joints[:, right], axis=-1)) < _WIDE_M:
            raise DataError(f"{path}: both {name} joints are in one place, expected a person's")

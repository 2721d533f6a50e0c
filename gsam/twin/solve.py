"""From a motion's goals to joint rotations: trunk forward, legs and arms by inverse kinematics."""

from dataclasses import dataclass

import numpy as np

from gsam.twin import figure as f
from gsam.twin.blocks import Array, apply, soft_max, soft_min, turn, unit
from gsam.twin.figure import Figure
from gsam.twin.ground import ankle_offset, foot_rotation, pelvis_height
from gsam.twin.ik import bend, frame_apply, steady
from gsam.twin.performance import Arm, Motion

SPINE_SHARE = (0.35, 0.35, 0.30)
# Half-axes (forward, sideways) of the trunk and the radius of the head that hands keep out of,
# metres.
TRUNK = (0.165, 0.205)
HEAD_RADIUS = 0.12
# Wrists stay this far above the floor, metres.
WRIST_HEIGHT = 0.06


@dataclass
class Pose:
    """Global rotations (T, 24, 3, 3) and positions (T, 24, 3) of the joints, person axes in the
    world.
    """

    turn: Array
    at: Array


def solve(figure: Figure, motion: Motion) -> Pose:
    """Pose the body: feet are met exactly, wrists as far as the arm reaches."""
    frames = len(motion.yaw)
    pose = Pose(np.empty((frames, 24, 3, 3)), np.empty((frames, 24, 3)))
    pose.turn[:, 0] = turn("z", motion.yaw) @ turn("y", motion.pitch) @ turn("x", motion.roll)
    ankles = ankle_offset(figure, motion)
    pose.at[:, 0] = motion.pelvis
    pose.at[:, 0, 2] = pelvis_height(figure, motion, pose.turn[:, 0], ankles)
    _trunk(figure, motion, pose)
    for side in (0, 1):
        _leg(figure, motion, pose, ankles[:, side], side)
    for side in (0, 1):
        _arm(figure, motion.arms[side], pose, side)
    return pose


def local_rotations(figure: Figure, pose: Pose) -> Array:
    """Rotations (T, 24, 3, 3) relative to the parents in SMPL's axes; the root also turns y up into
    z up.
    """
    change = f.TO_PERSON
    parents = np.array(figure.parents[1:])
    local = np.empty_like(pose.turn)
    local[:, 0] = pose.turn[:, 0] @ change
    relative = np.swapaxes(pose.turn[:, parents], -1, -2) @ pose.turn[:, 1:]
    local[:, 1:] = change.T @ relative @ change
    return local


def _child(figure: Figure, pose: Pose, joint: int, rotation: Array | None = None) -> None:
    """Place `joint` on its parent, with `rotation` (T, 3, 3) relative to it or none."""
    parent = figure.parents[joint]
    pose.at[:, joint] = pose.at[:, parent] + pose.turn[:, parent] @ figure.bone(joint)
    turned = pose.turn[:, parent]
    pose.turn[:, joint] = turned if rotation is None else turned @ rotation


def _trunk(figure: Figure, motion: Motion, pose: Pose) -> None:
    for share, joint in zip(SPINE_SHARE, f.SPINE, strict=True):
        flex, side, twist = (share * motion.spine).T
        _child(figure, pose, joint, turn("z", twist) @ turn("y", flex) @ turn("x", side))
    nod, look, tilt = (0.5 * motion.head).T
    rotation = turn("z", look) @ turn("y", nod) @ turn("x", tilt)
    _child(figure, pose, f.NECK, rotation)
    _child(figure, pose, f.HEAD, rotation)


def _leg(figure: Figure, motion: Motion, pose: Pose, ankle: Array, side: int) -> None:
    hip, knee, foot, toe = (group[side] for group in (f.HIPS, f.KNEES, f.ANKLES, f.TOES))
    _child(figure, pose, hip)
    outwards = 1.0 if side == 0 else -1.0
    heading = motion.foot_yaw[:, side] + outwards * motion.knee_out[:, side]
    pole = np.stack([np.cos(heading), np.sin(heading), np.full(len(heading), 0.3)], axis=-1)
    legs = bend(
        pose.at[:, hip], ankle, pole, figure.bone(knee), figure.bone(foot), np.eye(3)[0], 0.0
    )
    pose.turn[:, hip], pose.turn[:, knee] = legs.upper, legs.lower
    pose.at[:, knee], pose.at[:, foot] = legs.middle, legs.end
    pose.turn[:, foot] = foot_rotation(motion, side)
    # Toes stay flatter on the floor than the foot that rolls over them.
    rise = np.minimum(motion.foot_pitch[:, side], 0.0)
    _child(figure, pose, toe, turn("y", 0.9 * rise))


def _arm(figure: Figure, arm: Arm, pose: Pose, side: int) -> None:
    collar, shoulder, elbow, wrist, hand = (
        group[side] for group in (f.COLLARS, f.SHOULDERS, f.ELBOWS, f.WRISTS, f.HANDS)
    )
    outwards = np.array([1.0, 1.0 if side == 0 else -1.0, 1.0])
    chest = pose.turn[:, f.SPINE[-1]]
    goal = _goal(figure, arm, pose, side)
    _child(figure, pose, collar, _collar(figure, arm, goal, side))
    _child(figure, pose, shoulder)
    middle = _between_shoulders(figure, pose)
    point = frame_apply(chest, goal * outwards, middle)
    point[:, 2] = soft_max(point[:, 2], WRIST_HEIGHT, 0.02)
    bones = bend(
        pose.at[:, shoulder],
        point,
        steady(pose.at[:, shoulder], point, apply(chest, arm.pole * outwards)),
        figure.bone(elbow),
        figure.bone(wrist),
        -np.eye(3)[0],
        0.04,
    )
    pose.turn[:, shoulder], pose.turn[:, elbow] = bones.upper, bones.lower
    pose.at[:, elbow], pose.at[:, wrist] = bones.middle, bones.end
    sign = outwards[1]
    flexion, deviation, roll = arm.hand.T
    # Half of the forearm's roll shows at the elbow joint, the rest at the wrist, as in a forearm.
    pose.turn[:, elbow] = bones.lower @ turn("y", 0.5 * roll)
    rotation = turn("y", 0.5 * roll) @ turn("x", -sign * flexion) @ turn("z", -sign * deviation)
    pose.turn[:, wrist] = pose.turn[:, elbow] @ rotation
    _child(figure, pose, hand)


def _between_shoulders(figure: Figure, pose: Pose) -> Array:
    """The origin (T, 3) of wrist targets: between the shoulders, carried by the chest alone."""
    top = f.SPINE[-1]
    offset = 0.5 * (figure.joints[f.SHOULDERS[0]] + figure.joints[f.SHOULDERS[1]])
    return pose.at[:, top] + pose.turn[:, top] @ (offset - figure.joints[top])


def _goal(figure: Figure, arm: Arm, pose: Pose, side: int) -> Array:
    """Wrist target (T, 3) in the chest's axes with y outwards, after all reaches and kept out of
    the body.
    """
    outwards = np.array([1.0, 1.0 if side == 0 else -1.0, 1.0])
    chest = pose.turn[:, f.SPINE[-1]]
    middle = _between_shoulders(figure, pose)
    scale = figure.arm_scale
    goal = scale * arm.target
    head = apply(np.swapaxes(chest, -1, -2), pose.at[:, f.HEAD] - middle) * outwards
    for reach in arm.reaches:
        axes, origin = _anchor(pose, reach.anchor, side)
        point = frame_apply(axes, scale * reach.local * outwards, origin)
        there = apply(np.swapaxes(chest, -1, -2), point - middle) * outwards
        goal = goal + reach.weight[:, None] * (there - goal)
    # A hand that passes close to its shoulder would whip the arm round; it goes by in front.
    shoulder = np.array([0.0, abs(float(figure.joints[f.SHOULDERS[side], 1])), 0.0])
    distance = np.linalg.norm(goal - shoulder, axis=-1) / scale
    goal[:, 0] += 0.18 * scale * np.exp(-((distance / 0.15) ** 4))
    return _outside(goal, head, scale)


def _anchor(pose: Pose, anchor: str, side: int) -> tuple[Array, Array]:
    """Axes (T, 3, 3) and origin (T, 3) of a reach in the world."""
    if anchor == "floor":
        ahead = pose.turn[:, 0, :, 0]
        below = pose.at[:, 0] * np.array([1.0, 1.0, 0.0])
        return turn("z", np.arctan2(ahead[:, 1], ahead[:, 0])), below
    joint = {"head": f.HEAD, "pelvis": 0, "knee": f.KNEES[side]}[anchor]
    return pose.turn[:, f.HEAD if anchor == "head" else 0], pose.at[:, joint]


def _outside(goal: Array, head: Array, scale: float) -> Array:
    """Push wrists smoothly out of the trunk (an elliptic column below the shoulders) and the head
    (a ball).
    """
    x, y, z = goal.T
    ratio = np.sqrt((x / TRUNK[0]) ** 2 + (y / TRUNK[1]) ** 2) / scale
    push = soft_max(ratio, 1.0, 0.1) / np.maximum(ratio, 1e-3)
    below = 0.5 * (1.0 - np.tanh((z + 0.05) / 0.08))
    factor = 1.0 + below * (np.minimum(push, 3.0) - 1.0)
    goal = np.stack([x * factor, y * factor, z], axis=-1)
    centre = head + np.array([0.02, 0.0, 0.07])
    away = goal - centre
    distance = np.linalg.norm(away, axis=-1, keepdims=True)
    return centre + unit(away) * soft_max(distance, HEAD_RADIUS * scale, 0.02)


def _collar(figure: Figure, arm: Arm, goal: Array, side: int) -> Array:
    """The collar follows the arm: up to 25 degrees up with a raised arm, 12 forward or back with
    the reach.
    """
    half = abs(float(figure.joints[f.SHOULDERS[0], 1]))
    direction = unit(goal - np.array([0.0, half, 0.0]))
    lift = arm.shrug + 0.44 * soft_max(direction[:, 2] + 0.1, 0.0, 0.2) / 1.1
    forward = 0.21 * soft_min(soft_max(direction[:, 0], -1.0, 0.1), 1.0, 0.1)
    sign = 1.0 if side == 0 else -1.0
    return turn("z", -sign * forward) @ turn("x", sign * lift)

"""A penalty on joint angles that no person reaches: elbows and knees bent the wrong way, limbs and
trunk twisted beyond their range.

Of the rotation R of a joint relative to its parent, the twist is the turn about the bone below it
and the swing is what moves that bone. A frame (bone, forward, hinge) of the rest pose (T-pose, y
up, facing +z) gives three angles: bending `forward` about the hinge, bending to the side, twist.
Within the limits, which leave a margin around recorded motion, nothing is penalised; beyond, the
squared excess is. Shoulders and hips are left out: they swing so far that their twist says little.

Bogo et al. 2016 (SMPLify, eq. 4) penalise exp(angle) of elbows and knees, which pulls at every pose
and knows no twist; here valid poses are free.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsam.skeletons import SMPL_24

SMALL = 1e-12
FREE = 360.0
X, Y, Z = np.eye(3)


class Limit(NamedTuple):
    """One joint of the left or the middle: rest directions of its bone and of where bending takes
    the bone, then degrees (least, most) of bending forward, to the side, of the twist."""

    bone: np.ndarray
    forward: np.ndarray
    bend: tuple[float, float] = (-FREE, FREE)
    side: tuple[float, float] = (-FREE, FREE)
    twist: tuple[float, float] = (-FREE, FREE)


# Elbow and knee: anatomy's 0..145 degrees and a little more, because fitted poses of real people
# share their bending between neighbouring joints; forearms turn 85 degrees either way.
LIMITS = {
    "left_elbow": Limit(X, Z, (-10, 160), (-45, 45), (-100, 100)),
    "left_knee": Limit(-Y, -Z, (-10, 160), (-25, 25), (-40, 40)),
    "left_wrist": Limit(X, Z, twist=(-60, 60)),
    "spine1": Limit(Y, Z, twist=(-35, 35)),
    "spine2": Limit(Y, Z, twist=(-35, 35)),
    "spine3": Limit(Y, Z, twist=(-35, 35)),
    "neck": Limit(Y, Z, twist=(-55, 55)),
    "head": Limit(Y, Z, twist=(-55, 55)),
}


class _Table(NamedTuple):
    """`LIMITS` of both sides: joints (J,), frames (J, 3, 3) with columns bone, forward, hinge, and
    least and most (J, 3) radians."""

    joints: list[int]
    frames: Tensor
    least: Tensor
    most: Tensor


def joint_angle_prior(rotations: Tensor) -> Tensor:
    """Sum over the joints of the squared angles beyond the limits, rad^2.

    Args:
        rotations: (B, 24, 3, 3), SMPL's, relative to the parents; the root's does not count.

    Returns:
        (B,), 0 for poses within the limits; differentiable, finite derivatives everywhere.
    """
    table = _Table(_TABLE.joints, *(tensor.to(rotations) for tensor in _TABLE[1:]))
    turn = table.frames.mT @ rotations[:, table.joints] @ table.frames
    along, forward, side = turn[..., 0].unbind(-1)
    sine = (forward.square() + side.square() + SMALL).sqrt()
    swing = torch.atan2(sine, along)
    ahead, aside, twist = swing * forward / sine, swing * side / sine, _twist(turn)
    # Far up the direction of the swing says little and its size still does, so its size is what
    # may not pass the most that a joint bends.
    above = torch.stack((swing, aside, twist), dim=-1) - table.most
    below = table.least - torch.stack((ahead, aside, twist), dim=-1)
    return (above.clamp_min(0) + below.clamp_min(0)).square().sum(dim=(1, 2))


def _twist(turn: Tensor) -> Tensor:
    """Angle (...) of the turn about the first axis in rotations (..., 3, 3), swing taken off.

    With a quaternion (w, x, y, z) it is 2 atan2(x, w), and the entries below are 4 x w and
    2 (w^2 - x^2). Where a swing by half a turn leaves it undefined, it is 0.
    """
    sine, cosine = turn[..., 2, 1] - turn[..., 1, 2], turn[..., 1, 1] + turn[..., 2, 2]
    undefined = sine.square() + cosine.square() < SMALL
    return torch.atan2(sine.masked_fill(undefined, 0), cosine.masked_fill(undefined, 1))


def _table() -> _Table:
    """The right side mirrors the left: x of the directions, and sides and twists, turn around."""
    joints, frames, ranges = [], [], []
    for name, limit in LIMITS.items():
        for joint in dict.fromkeys((name, SMPL_24.partner(name))):
            mirrored = joint != name
            flip = np.array([-1, 1, 1]) if mirrored else np.ones(3)
            bone, forward = limit.bone * flip, limit.forward * flip
            joints.append(SMPL_24.index(joint))
            frames.append(np.stack((bone, forward, np.cross(bone, forward)), axis=1))
            free = [limit.side, limit.twist]
            ranges.append(
                [limit.bend, *((-high, -low) if mirrored else (low, high) for low, high in free)]
            )
    limits = np.deg2rad(np.array(ranges, np.float64))
    least, most = torch.from_numpy(limits).unbind(-1)
    return _Table(joints, torch.from_numpy(np.stack(frames)), least, most)


_TABLE = _table()

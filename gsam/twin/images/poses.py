"""Poses for stills: frames of the fifteen actions, the same disturbed, and poses drawn uniformly
within the joints' ranges.

The mix (60, 25 and 15 %) spans 12 dimensions of pose where the actions alone span 8, and most
pictures still show something that people do.
"""

import numpy as np
import torch

from gsam.body.smpl import SmplBody
from gsam.twin import figure as f
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import Array, turn
from gsam.twin.figure import Figure
from gsam.twin.performance import Actor, Style, clock
from gsam.twin.solve import local_rotations, solve

ACTION_SHARE, DISTURBED_SHARE = 0.60, 0.25
# How much of a random pose a disturbed one carries.
DISTURBANCE = 0.25
# Frames of a take from which poses are picked: 5 s, several gestures or steps.
TAKE_FRAMES = 250
POSES_PER_TAKE = 12
# Spread (radians) of the lean of a body whose pose was drawn within the ranges.
LEAN = 0.25
# Degrees (low, high) about the parent's x, y and z of the left or middle joints; the right side
# mirrors y and z. A rotation is Rz Ry Rx. Toes, hands and twists that hardly move stay small.
RANGES: dict[int, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    1: ((-115, 20), (-35, 40), (-25, 40)),
    3: ((-15, 35), (-15, 15), (-12, 12)),
    4: ((0, 140), (-5, 5), (-3, 3)),
    6: ((-12, 25), (-15, 15), (-12, 12)),
    7: ((-20, 45), (-10, 10), (-15, 15)),
    9: ((-10, 20), (-15, 15), (-10, 10)),
    10: ((-30, 15), (0, 0), (0, 0)),
    12: ((-25, 30), (-30, 30), (-18, 18)),
    13: ((-5, 5), (-15, 12), (-10, 20)),
    15: ((-25, 25), (-35, 35), (-15, 15)),
    16: ((-60, 60), (-110, 30), (-85, 75)),
    18: ((-75, 65), (-145, 0), (-3, 3)),
    20: ((-5, 5), (-25, 20), (-55, 55)),
    22: ((0, 0), (0, 0), (-40, 10)),
}
# Left joint -> its partner on the right.
PARTNERS = {left: left + 1 for left in (1, 4, 7, 10, 13, 16, 18, 20, 22)}


def draw_poses(rng: np.random.Generator, body: SmplBody, count: int) -> Array:
    """Local rotations (count, 24, 3, 3) in SMPL's axes; the root also turns y up into z up.

    Poses that come from actions are taken from short takes, each of another body and action.
    """
    kinds = rng.uniform(size=count)
    acted = kinds < ACTION_SHARE + DISTURBED_SHARE
    rotations = np.empty((count, 24, 3, 3))
    rotations[acted] = _action_poses(rng, body, int(acted.sum()))
    disturbed = acted & (kinds >= ACTION_SHARE)
    rotations[disturbed] = _disturb(rng, rotations[disturbed])
    rotations[~acted] = within_ranges(rng, int((~acted).sum()))
    return rotations


def _action_poses(rng: np.random.Generator, body: SmplBody, count: int) -> Array:
    takes = [_perform(rng, body) for _ in range(count // POSES_PER_TAKE + 1)]
    chosen = rng.integers(len(takes), size=count)
    frames = rng.integers(TAKE_FRAMES, size=count)
    picked = [takes[take][frame] for take, frame in zip(chosen, frames, strict=True)]
    return np.stack(picked) if picked else np.empty((0, 24, 3, 3))


def _perform(rng: np.random.Generator, body: SmplBody) -> Array:
    """A short take of a random action by a random body, as local rotations (T, 24, 3, 3)."""
    betas = torch.from_numpy(draw_shape(rng).astype(np.float32))[None]
    rest = body.rest_joints(betas)[0].numpy()
    lowest = float((body.v_template[:, 1] + body.shapedirs[:, 1] @ betas[0]).min())
    figure = Figure.from_rest(rest, lowest, body.parents)
    style = Style(
        energy=rng.uniform(0.8, 1.6),
        slump=rng.uniform(-0.06, 0.18),
        stance=rng.uniform(0.17, 0.32),
        toe_out=rng.uniform(0.05, 0.35),
        cadence=rng.uniform(0.85, 1.15),
        elbow_out=rng.uniform(-0.2, 0.4),
        right_handed=0.5,
    )
    actor = Actor(
        rng=rng,
        t=clock(TAKE_FRAMES),
        figure=figure,
        style=style,
        side=int(rng.integers(2)),
        place=np.zeros(2),
        facing=rng.uniform(-np.pi, np.pi),
    )
    action = list(ACTIONS.values())[rng.integers(len(ACTIONS))]
    return local_rotations(figure, solve(figure, action(actor)))


def draw_shape(rng: np.random.Generator) -> Array:
    """Shape coefficients (10,) of an adult: standard normal, within two standard deviations."""
    return np.clip(rng.normal(size=10), -2.0, 2.0)


def within_ranges(rng: np.random.Generator, count: int, share: float = 1.0) -> Array:
    """Poses (count, 24, 3, 3) drawn within `RANGES`, denser in their middle (Beta(2, 2)).

    All angles are scaled by `share`. The body stands more or less upright and faces anywhere.
    """
    rotations = np.broadcast_to(np.eye(3), (count, 24, 3, 3)).copy()
    for joint, ranges in RANGES.items():
        low, high = np.radians(np.array(ranges, dtype=float)).T
        signs = {joint: 1.0} | ({PARTNERS[joint]: -1.0} if joint in PARTNERS else {})
        for drawn, sign in signs.items():
            angles = share * (low + (high - low) * rng.beta(2.0, 2.0, (count, 3)))
            x, y, z = (angles * np.array([1.0, sign, sign])).T
            rotations[:, drawn] = turn("z", z) @ turn("y", y) @ turn("x", x)
    lean, tilt = rng.normal(0.0, LEAN, (2, count))
    yaw = rng.uniform(-np.pi, np.pi, count)
    upright = turn("z", yaw) @ turn("y", lean) @ turn("x", tilt)
    rotations[:, 0] = upright @ f.TO_PERSON
    return rotations


def _disturb(rng: np.random.Generator, rotations: Array) -> Array:
    """Compose every joint but the root with a part of a random pose."""
    disturbed = rotations.copy()
    disturbed[:, 1:] = rotations[:, 1:] @ within_ranges(rng, len(rotations), DISTURBANCE)[:, 1:]
    return disturbed

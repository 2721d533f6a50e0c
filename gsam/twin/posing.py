"""Posing: a library of key poses, some on one knee, held for a while and changed with steps."""

from dataclasses import dataclass

import numpy as np

from gsam.twin import arms
from gsam.twin import figure as f
from gsam.twin.arms import Rest
from gsam.twin.blocks import Array, min_jerk
from gsam.twin.figure import Figure
from gsam.twin.ground import STRAIGHT
from gsam.twin.performance import Actor, Arm, Motion
from gsam.twin.steps import Feet, assemble, footprints

# Knee joint above the floor when kneeling, metres; pitch of the foot whose toes are tucked under.
KNEE_RADIUS = 0.065
TUCKED = -1.15


@dataclass(frozen=True)
class Key:
    """One pose. stagger: how far the left foot is ahead and width between the feet, metres; drop:
    lower pelvis, metres.

    lean, bend, side, twist: pelvis pitch and spine, radians; lead, other: postures of the leading
    and the other arm (chest axes); kneel: the knee of the other side is on the floor.
    """

    stagger: float
    width: float
    drop: float
    lean: float
    bend: float
    side: float
    twist: float
    lead: Rest
    other: Rest
    kneel: bool = False


ASIDE = Rest((0.02, 0.68, 0.06), (0.0, 0.1, -1.0))
AKIMBO = Rest((0.06, 0.21, -0.36), (-0.4, 1.0, 0.0))
DOWN = Rest((0.05, 0.24, -0.49), (-0.8, 0.5, 0.0))
OVERHEAD = Rest((0.10, 0.32, 0.46), (0.2, 0.8, 0.0))
AHEAD = Rest((0.49, 0.16, 0.0), (0.0, 0.6, -0.8))
PULLED_BACK = Rest((-0.15, 0.40, -0.30), (-0.8, 0.5, 0.0))
BEFORE_FACE = Rest((0.20, 0.06, -0.02), (0.2, 0.4, -0.9))
BEHIND_HEAD = Rest((-0.06, 0.16, 0.16), (0.2, 1.0, 0.2))
RAISED = Rest((0.12, 0.45, 0.40), (-0.2, 0.3, -0.9))
REACHING_UP = Rest((0.45, 0.30, 0.25), (0.0, 0.4, -0.9))
TO_KNEES = Rest((0.30, 0.16, -0.45), (-0.3, 0.7, -0.4))
# stagger, width, drop, lean, bend, side, twist, leading arm, other arm
KEYS = (
    Key(0.0, 0.35, 0.00, 0.00, 0.00, 0.00, 0.0, ASIDE, ASIDE),
    Key(0.1, 0.25, 0.00, 0.00, -0.10, 0.00, 0.2, AKIMBO, AKIMBO),
    Key(0.0, 0.45, 0.05, 0.00, -0.05, 0.10, 0.0, OVERHEAD, OVERHEAD),
    Key(0.45, 0.20, 0.22, 0.25, 0.05, 0.00, 0.3, AHEAD, PULLED_BACK),
    Key(0.0, 0.30, 0.40, 0.45, 0.25, 0.00, 0.0, AHEAD, AHEAD),
    Key(0.2, 0.22, 0.00, 0.05, 0.05, 0.00, -0.2, BEFORE_FACE, arms.FOLDED),
    Key(0.0, 0.30, 0.00, 0.00, -0.15, 0.25, 0.0, BEHIND_HEAD, BEHIND_HEAD),
    Key(-0.1, 0.50, 0.12, 0.10, 0.00, -0.30, 0.1, RAISED, AKIMBO),
    Key(0.0, 0.24, 0.00, 0.75, 0.55, 0.00, 0.0, TO_KNEES, TO_KNEES),
    Key(0.0, 0.22, 0.00, 0.05, 0.10, 0.00, 0.0, arms.FOLDED, arms.FOLDED),
    Key(0.0, 0.20, 0.00, 0.10, 0.10, 0.00, 0.3, arms.BELLY, DOWN, kneel=True),
    Key(0.0, 0.20, 0.00, 0.05, -0.05, 0.15, -0.2, REACHING_UP, AKIMBO, kneel=True),
)


def kneeling(figure: Figure, front: int) -> tuple[float, Array]:
    """Pelvis height above the floor and how far the feet (2,) are ahead of it, for one knee down.

    The knee lies under the hip at `KNEE_RADIUS`, the shank goes back to an ankle that stands over
    tucked toes; the front foot stands flat so that its shank is upright. Metres.
    """
    thigh, shank = figure.length(f.KNEES[0]), figure.length(f.ANKLES[0])
    hip = figure.bone(f.HIPS[0])
    height = KNEE_RADIUS + STRAIGHT * thigh - hip[2]
    ankle_up = figure.ankle_height * np.cos(TUCKED) + figure.ball * np.sin(-TUCKED)
    back = np.sqrt(shank**2 - (ankle_up - KNEE_RADIUS) ** 2)
    # A foot on its toes carries its ankle ahead of where the flat foot would have it.
    ahead = figure.ball * (1.0 - np.cos(TUCKED)) + figure.ankle_height * np.sin(-TUCKED)
    places = np.full(2, 0.95 * thigh)
    places[1 - front] = -back - ahead
    return float(height), places


def posing(actor: Actor) -> Motion:
    """One key pose after another, each held for 0.8 to 3 s."""
    rng, t = actor.rng, actor.t
    times, keys, now = [], [_draw(actor)], rng.uniform(0.3, 2.5)
    while now < t[-1]:
        times.append((now, rng.uniform(0.9, 1.4)))
        keys.append(_draw(actor))
        now += times[-1][1] + rng.uniform(0.8, 3.0)
    yaws = actor.facing + np.concatenate([[0.0], np.cumsum(rng.normal(0.0, 0.5, len(times)))])
    shares = [min_jerk((t - start) / length) for start, length in times]

    def over(values: Array) -> Array:
        """Held values (N, ...) of the keys over time (T, ...)."""
        path = np.broadcast_to(values[0], (len(t), *values[0].shape)).copy()
        for share, before, after in zip(shares, values[:-1], values[1:], strict=True):
            path += share.reshape(-1, *([1] * before.ndim)) * (after - before)
        return path

    feet, heights = _feet(actor, keys, times, yaws)
    pelvis = np.empty((len(t), 3))
    pelvis[:, :2] = actor.place + actor.noise(0.008, 0.4, 2)
    pelvis[:, 2] = over(heights)
    body = over(np.array([[k.lean, k.bend, k.side, k.twist] for k in keys]) * rng.uniform(0.7, 1.2))
    motion = assemble(actor, pelvis, over(yaws), feet, actor.noise(0.015, 0.3), body[:, 0])
    motion.pelvis[:, :2] -= 0.22 * (
        body[:, :1] * np.stack([np.cos(motion.yaw), np.sin(motion.yaw)], -1)
    )
    motion.spine += body[:, 1:]
    # On the way from one key to the next the hands come round the front, not through the shoulder.
    forward = sum((0.9 * share * (1.0 - share) for share in shares), np.zeros(len(t)))
    motion.arms = [_arm(actor, keys, over, side == actor.side) for side in (0, 1)]
    for arm in motion.arms:
        arm.target[:, 0] += forward
    return motion


def _draw(actor: Actor) -> Key:
    return KEYS[actor.rng.integers(len(KEYS))]


def _arm(actor: Actor, keys: list[Key], over: object, lead: bool) -> Arm:
    assert callable(over)
    rng = actor.rng
    targets = np.array([(k.lead if lead else k.other).target for k in keys])
    poles = np.array([(k.lead if lead else k.other).pole for k in keys])
    path = over(targets + rng.normal(0.0, 0.04, targets.shape))
    return arms.finish(actor, path + actor.noise(0.012, 0.4, 3), over(poles))


def _stance(actor: Actor, key: Key, yaw: float) -> tuple[Array, float]:
    """Footprints (2, 3) of a key and the pelvis' wished height."""
    figure, front = actor.figure, actor.side
    if not key.kneel:
        width = key.width * actor.rng.uniform(0.8, 1.2)
        places = footprints(actor.place, yaw, width, key.stagger * (1 - 2 * front))
        return places, figure.hip_height - key.drop * figure.leg_scale
    height, ahead = kneeling(figure, front)
    width = 2.0 * abs(float(figure.bone(f.HIPS[0])[1]))
    sides = [
        footprints(actor.place, yaw, width, 2.0 * ahead[foot] * (1 - 2 * foot))[foot]
        for foot in (0, 1)
    ]
    return np.stack(sides), height


def _feet(
    actor: Actor, keys: list[Key], times: list[tuple[float, float]], yaws: Array
) -> tuple[Feet, Array]:
    """Feet that step into each key's stance, and the pelvis' wished heights (N,) of the keys."""
    front = actor.side
    stances = [_stance(actor, key, yaw) for key, yaw in zip(keys, yaws, strict=True)]
    prints, heights = zip(*stances, strict=True)
    toes = actor.style.toe_out * np.array([1.0, -1.0])
    feet = Feet(actor, prints[0], yaws[0] + toes)
    if keys[0].kneel:
        feet.move(1 - front, -9.0, 1.0, prints[0][1 - front], yaws[0], TUCKED, 0.0)
    for key, (start, length), places, yaw in zip(
        keys[1:], times, prints[1:], yaws[1:], strict=True
    ):
        for foot in (0, 1):
            down = key.kneel and foot != front
            heading = yaw + (0.0 if down else toes[foot])
            pitch = TUCKED if down else 0.0
            knee_out = 0.0 if key.kneel else 0.1 + 0.6 * min(1.0, key.drop / 0.5)
            feet.move(
                foot,
                start + 0.45 * foot * length,
                0.5 * length,
                places[foot],
                heading,
                pitch,
                knee_out,
            )
    return feet, np.array(heights)

"""Sitting: on a chair or on the floor, with legs that shift, cross and stretch; and standing up and
down again.
"""

from dataclasses import dataclass

import numpy as np

from gsam.twin.blocks import Array, alternate, held_keys, min_jerk, smooth
from gsam.twin.performance import Actor, Motion
from gsam.twin.steps import Feet, assemble

CHAIR = (0.40, 0.50)


@dataclass(frozen=True)
class LegPose:
    """Where a seated foot is: forward, outwards, up from the floor below the pelvis, metres on the
    usual leg; heading, pitch and knee in radians.
    """

    place: tuple[float, float, float]
    yaw: float = 0.15
    pitch: float = 0.0
    knee_out: float = 0.1


# Poses of one leg on a chair; the other leg keeps to the first three while one is crossed.
CHAIR_LEGS = (
    LegPose((0.42, 0.14, 0.0)),
    LegPose((0.30, 0.12, 0.0)),
    LegPose((0.55, 0.13, 0.0)),
    LegPose((0.16, 0.10, 0.0), pitch=-0.6),
    LegPose((0.62, 0.12, 0.0), pitch=0.35, knee_out=0.0),
)
CHAIR_LIKELY = np.array([0.35, 0.25, 0.2, 0.1, 0.1])
OVER_THIGH = LegPose((0.62, -0.12, 0.28), yaw=0.0, pitch=-0.35, knee_out=-0.1)
ON_KNEE = LegPose((0.42, -0.06, 0.52), yaw=0.4, pitch=0.1, knee_out=1.1)
# Pairs of leg poses on the floor: cross-legged, knees up, one or both legs stretched out.
FLOOR_LEGS = (
    (LegPose((0.36, -0.10, 0.0), 0.9, 0.0, 1.25), LegPose((0.25, -0.06, 0.0), 0.9, 0.0, 1.25)),
    (LegPose((0.46, 0.14, 0.0)), LegPose((0.42, 0.13, 0.0))),
    (LegPose((0.69, 0.14, 0.0), pitch=0.9), LegPose((0.40, 0.12, 0.0))),
    (LegPose((0.70, 0.15, 0.0), pitch=1.0), LegPose((0.28, -0.06, 0.0), 0.9, 0.0, 1.2)),
)


def sit(actor: Actor, floor: bool = False, crossing: float = 0.3) -> Motion:
    """Seated for the whole take. `floor` sits on the ground; `crossing` is the chance that a leg is
    crossed to begin with.

    The seat does not move; the pelvis tilts and shifts on it, the trunk leans to and fro, feet
    change their place by steps.
    """
    rng, t, figure = actor.rng, actor.t, actor.figure
    seat = 0.0 if floor else rng.uniform(*CHAIR) * figure.leg_scale
    legs = _floor_legs(actor) if floor else _chair_legs(actor, crossing)
    feet = seated_feet(actor, actor.place, actor.facing, legs)
    _shuffle(actor, feet, floor, legs)
    shift = held_keys(rng, t, lambda: rng.normal(0.0, 0.025, 2), (1.5, 5.0), (0.6, 1.2))
    pelvis = np.empty((len(t), 3))
    pelvis[:, :2] = actor.place + shift + actor.noise(0.004, 0.3, 2)
    pelvis[:, 2] = seat + figure.seat
    # Leaning forward and back happens in the hips; slumping tips the pelvis back.
    lean = held_keys(rng, t, lambda: rng.uniform(-0.28, 0.30), (1.2, 4.0), (0.7, 1.5))
    turn = held_keys(rng, t, lambda: rng.normal(0.0, 0.08), (1.5, 5.0), (0.7, 1.3))
    roll = held_keys(rng, t, lambda: rng.normal(0.0, 0.04), (1.5, 5.0), (0.6, 1.2))
    motion = assemble(actor, pelvis, actor.facing + turn, feet, roll, lean - 0.12 * floor)
    motion.spine[:, 0] += 0.16 - 0.35 * lean + 0.12 * floor
    return motion


def place_leg(
    actor: Actor, centre: Array, yaw: float, foot: int, leg: LegPose
) -> tuple[Array, float]:
    """World place (3,) and heading of a foot in a seated pose."""
    outwards = 1.0 if foot == 0 else -1.0
    ahead = np.array([np.cos(yaw), np.sin(yaw)])
    left = np.array([-np.sin(yaw), np.cos(yaw)])
    scale = actor.figure.leg_scale
    flat = centre + scale * (leg.place[0] * ahead + outwards * leg.place[1] * left)
    return np.array([flat[0], flat[1], scale * leg.place[2]]), yaw + outwards * leg.yaw


def seated_feet(actor: Actor, centre: Array, yaw: float, legs: tuple[LegPose, LegPose]) -> Feet:
    """Feet that start in the given poses."""
    placed = [place_leg(actor, centre, yaw, foot, leg) for foot, leg in enumerate(legs)]
    feet = Feet(actor, np.stack([p for p, _ in placed]), np.array([y for _, y in placed]))
    for foot, leg in enumerate(legs):
        if leg.pitch or leg.knee_out != 0.1:
            # A move that ended long before the take.
            feet.move(foot, -9.0, 1.0, *placed[foot], leg.pitch, leg.knee_out)
    return feet


def varied(actor: Actor, leg: LegPose, spread: float = 0.035) -> LegPose:
    """The pose a little to one side or another; feet on the floor stay on it."""
    x, y, z = np.array(leg.place) + actor.rng.normal(0.0, spread, 3)
    height = z if leg.place[2] > 0.0 else 0.0
    return LegPose((x, y, height), leg.yaw + actor.rng.normal(0.0, 0.08), leg.pitch, leg.knee_out)


def _chair_legs(actor: Actor, crossing: float) -> tuple[LegPose, LegPose]:
    legs = [varied(actor, _chair_leg(actor)) for _ in range(2)]
    if actor.chance(crossing):
        crossed = int(actor.rng.integers(2))
        legs[crossed] = varied(actor, OVER_THIGH if actor.chance(0.6) else ON_KNEE, 0.015)
        legs[1 - crossed] = varied(actor, CHAIR_LEGS[0])
    return legs[0], legs[1]


def _chair_leg(actor: Actor) -> LegPose:
    return CHAIR_LEGS[actor.rng.choice(len(CHAIR_LEGS), p=CHAIR_LIKELY)]


def _floor_legs(actor: Actor) -> tuple[LegPose, LegPose]:
    pair = FLOOR_LEGS[actor.rng.integers(len(FLOOR_LEGS))]
    first, second = (varied(actor, leg, 0.015) for leg in pair)
    return (first, second) if actor.chance(0.5) else (second, first)


def _shuffle(actor: Actor, feet: Feet, floor: bool, legs: tuple[LegPose, LegPose]) -> None:
    """Every few seconds one foot finds another place; on the floor, within a hand's breadth of
    where it was.
    """
    rng = actor.rng
    current = list(legs)
    now = rng.uniform(0.5, 3.0)
    while now < actor.t[-1]:
        foot = int(rng.integers(2))
        length = rng.uniform(0.55, 1.0)
        crossed = current[1 - foot].place[2] > 0.0
        if floor:
            leg = varied(actor, legs[foot], 0.02)
        elif crossed:
            foot = 1 - foot
            leg = varied(actor, CHAIR_LEGS[0])
        elif actor.chance(0.2):
            leg = varied(actor, OVER_THIGH if actor.chance(0.6) else ON_KNEE, 0.015)
        else:
            leg = varied(actor, _chair_leg(actor))
        place, yaw = place_leg(actor, actor.place, actor.facing, foot, leg)
        feet.move(foot, now, length, place, yaw, leg.pitch, leg.knee_out, lift=0.04)
        current[foot] = leg
        now += length + rng.uniform(0.8, 4.0)


def sit_down(actor: Actor, floor: bool) -> tuple[Motion, Array]:
    """Stands and sits in turns with the feet where they are; also how seated the person is (T,), 0
    standing to 1.

    The trunk leans forward half-way so that the weight stays over the feet; on the floor the person
    squats first.
    """
    rng, t, figure = actor.rng, actor.t, actor.figure
    seat = (0.0 if floor else rng.uniform(*CHAIR) * figure.leg_scale) + figure.seat
    back = (0.40 if floor else 0.36) * figure.leg_scale
    down = smooth(alternate(rng, t, (1.2, 3.5), (0.7, 2.0)), 1.2)
    width = 0.13
    legs = (
        LegPose((back / figure.leg_scale, width, 0.0)),
        LegPose((back / figure.leg_scale + 0.03, width, 0.0)),
    )
    feet = seated_feet(actor, actor.place, actor.facing, legs)
    ahead = np.array([np.cos(actor.facing), np.sin(actor.facing)])
    middle = 4.0 * down * (1.0 - down)
    forward = back * (1.0 - min_jerk(down)) + 0.03
    pelvis = np.empty((len(t), 3))
    pelvis[:, :2] = actor.place + forward[:, None] * ahead + actor.noise(0.006, 0.4, 2)
    pelvis[:, 2] = seat + (figure.hip_height - seat) * (1.0 - down) ** (1.3 if floor else 1.0)
    lean = 0.42 * middle + down * held_keys(
        rng, t, lambda: rng.uniform(-0.25, 0.15), (1.5, 4.0), (0.7, 1.3)
    )
    roll = actor.noise(0.02, 0.4)
    turn = held_keys(rng, t, lambda: rng.normal(0.0, 0.08), (1.5, 4.0), (0.6, 1.2))
    motion = assemble(actor, pelvis, actor.facing + turn, feet, roll, lean)
    motion.spine[:, 0] += 0.30 * middle + 0.15 * down
    motion.head[:, 0] += -0.15 * middle
    return motion, down

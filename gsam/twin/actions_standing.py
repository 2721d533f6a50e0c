"""Actions performed on two feet in one place: Directions, Discussion, Greeting, Phoning, Photo,
Purchases, Waiting.
"""

import numpy as np

from gsam.twin import arms
from gsam.twin.blocks import Array, alternate, held_keys, min_jerk, smooth
from gsam.twin.gait import Pace, walk
from gsam.twin.performance import Actor, Arm, Motion
from gsam.twin.seats import sit
from gsam.twin.steps import stand

STROLL = Pace(stride=(0.55, 0.75), length=(0.75, 1.05), swing=0.7)


def dress(motion: Motion, leading: int, lead: Arm, other: Arm) -> Motion:
    """Give the motion its arms: `lead` on the side `leading`."""
    motion.arms = [lead, other] if leading == 0 else [other, lead]
    return motion


def outwards(actor: Actor) -> float:
    """+1 where turning left turns to the leading hand, else -1."""
    return 1.0 if actor.side == 0 else -1.0


def directions(actor: Actor) -> Motion:
    """Points the way with one arm; head and trunk follow half of it."""
    motion = stand(actor, restless=1.0, turning=0.9)
    lead, azimuth = arms.pointing(actor)
    motion.head[:, 1] = 0.4 * motion.head[:, 1] + outwards(actor) * 0.45 * azimuth
    motion.spine[:, 2] += outwards(actor) * 0.3 * azimuth
    if actor.chance(0.3):
        return dress(motion, actor.side, lead, arms.gesturing(actor, low=0.1))
    rests = [arms.HANGING, arms.HIP, arms.POCKET, arms.BELLY]
    return dress(motion, actor.side, lead, arms.idle(actor, rests, [3.0, 1.0, 1.0, 1.0]))


def discussion(actor: Actor) -> Motion:
    """Talks with both hands, standing or (three in ten) seated, and nods."""
    seated = actor.chance(0.3)
    motion = sit(actor) if seated else stand(actor, restless=1.2)
    nod = 0.08 * alternate(actor.rng, actor.t, (0.4, 1.2), (0.8, 2.5))
    motion.head[:, 0] += nod * np.sin(2.0 * np.pi * 1.3 * actor.t)
    size = actor.rng.uniform(0.6, 1.25)
    lead = arms.gesturing(actor, size)
    other = arms.gesturing(actor, size, low=0.05)
    if actor.chance(0.35):
        other = arms.idle(actor, [arms.THIGH, arms.LAP] if seated else [arms.HANGING, arms.HIP])
    return dress(motion, actor.side, lead, other)


def greeting(actor: Actor) -> Motion:
    """Waves, then lets the arm down; some bow or step towards the other."""
    motion = stand(actor, restless=0.9, turning=0.8)
    lead, up = arms.waving(actor)
    motion.spine[:, 1] += -outwards(actor) * 0.08 * up
    if actor.chance(0.4):
        bow = smooth(alternate(actor.rng, actor.t, (0.3, 0.7), (1.5, 4.0), 0.1), 0.5)
        motion.pitch += 0.45 * bow
        motion.spine[:, 0] += 0.30 * bow
    if actor.chance(0.25):
        return dress(motion, actor.side, lead, arms.waving(actor)[0])
    rests = [arms.HANGING, arms.HIP, arms.POCKET]
    return dress(motion, actor.side, lead, arms.idle(actor, rests, [3.0, 1.0, 1.0]))


def phoning(actor: Actor) -> Motion:
    """A phone at the ear, standing, strolling or seated; the free arm gestures or rests."""
    kind = actor.rng.uniform()
    seated = kind < 0.3
    if seated:
        motion = sit(actor)
    elif kind < 0.6:
        motion = walk(actor, STROLL)[0]
    else:
        motion = stand(actor, restless=1.3, turning=1.0)
    low = np.array([0.28, 0.10, -0.20])
    lead, up = arms.to_head(
        actor, arms.EAR, (2.0, 8.0), (0.8, 2.0), low, pole=(0.4, 0.8, -0.7), start_up=0.85
    )
    motion.head[:, 2] += outwards(actor) * -0.15 * up
    motion.head[:, 0] += 0.25 * (1.0 - up)
    if actor.chance(0.4):
        return dress(motion, actor.side, lead, arms.gesturing(actor, low=0.08))
    rests = [arms.THIGH, arms.LAP, arms.BELLY] if seated else [arms.HANGING, arms.HIP, arms.POCKET]
    return dress(motion, actor.side, lead, arms.idle(actor, rests))


def photo(actor: Actor) -> Motion:
    """Both hands hold a camera to the eyes or lower down; some crouch for the picture."""
    crouch = _crouches(actor, 0.45, (0.22, 0.48)) if actor.chance(0.55) else np.zeros(len(actor.t))
    motion = stand(actor, restless=0.9, turning=1.0, crouch=crouch, wide=1.3)
    lean_into(motion, crouch, 1.1)
    up = alternate(actor.rng, actor.t, (1.2, 3.5), (0.6, 1.8), 0.7)
    upright = actor.chance(0.4)
    hands = []
    for side in (0, 1):
        spot = np.array([0.21, 0.06, 0.05])
        if upright:
            spot[2] += 0.07 if side == actor.side else -0.05
        low = np.array([0.34, 0.03, -0.25])
        moving = np.tile(low, (len(actor.t), 1)) + actor.noise(0.012, 0.5, 3)
        reach = arms.Reach("head", spot + actor.noise(0.006, 0.6, 3), up)
        hands.append(arms.finish(actor, moving, np.array([0.0, 0.45, -0.9]), [reach]))
    motion.head[:, 1] *= 1.0 - 0.8 * up
    motion.head[:, 0] = motion.head[:, 0] * (1.0 - 0.7 * up) + 0.35 * (1.0 - up)
    motion.arms = hands
    return motion


def purchases(actor: Actor) -> Motion:
    """Picks things up from the floor by stooping or squatting, puts them on a shelf or in a bag,
    carries and looks.
    """
    rng, t = actor.rng, actor.t
    down = smooth(alternate(rng, t, (0.5, 1.2), (1.0, 2.6), 0.2), 0.8)
    squat = rng.uniform(0.05, 0.95)
    crouch = 0.46 * squat * down
    motion = stand(actor, restless=1.0, turning=1.0, crouch=crouch, wide=1.3)
    lean_into(motion, crouch, 1.0)
    stoop = (1.0 - squat) * down
    motion.pitch += 0.85 * stoop
    motion.spine[:, 0] += 0.55 * stoop + 0.25 * down
    _shift_back(motion, 0.16 * stoop)
    motion.head[:, 0] += 0.3 * down

    def draw() -> Array:
        if rng.uniform() < 0.45:
            return np.array(
                [rng.uniform(0.25, 0.45), rng.uniform(0.0, 0.3), rng.uniform(0.0, 0.32)]
            )
        return np.array([rng.uniform(0.15, 0.38), rng.uniform(0.0, 0.3), rng.uniform(-0.42, -0.15)])

    hands = []
    for side in (0, 1):
        free = held_keys(rng, t, draw, (0.4, 1.4), (0.5, 0.9))
        both = side == actor.side or actor.chance(0.5)
        reaches = []
        if both:
            floor = np.array([0.55, 0.12, 0.22]) + rng.normal(0.0, [0.06, 0.06, 0.08])
            reaches.append(arms.Reach("floor", floor, down))
        free += actor.noise(0.01, 0.6, 3)
        hands.append(arms.finish(actor, free, np.array([-0.4, 0.6, -0.6]), reaches))
    if actor.chance(0.35):
        hands[1 - actor.side] = arms.idle(actor, [arms.HANGING, arms.BELLY])
    motion.arms = hands
    return motion


def waiting(actor: Actor) -> Motion:
    """Stands (sometimes sits) about: arms folded, in pockets, behind the back, on the hips, a look
    at the watch.
    """
    if actor.chance(0.25):
        motion = sit(actor, crossing=0.5)
        pairs = [(arms.FOLDED,) * 2, (arms.LAP,) * 2, (arms.THIGH,) * 2, (arms.CHIN, arms.BELLY)]
        motion.arms = arms.idle_pair(actor, pairs, [1.0, 1.0, 1.5, 0.7])
        return motion
    motion = stand(actor, restless=1.6, turning=1.1)
    pairs = [
        (arms.HANGING, arms.HANGING),
        (arms.FOLDED, arms.FOLDED),
        (arms.POCKET, arms.POCKET),
        (arms.BEHIND, arms.BEHIND),
        (arms.HIP, arms.HIP),
        (arms.HIP, arms.HANGING),
        (arms.BELLY, arms.CHIN),
        (arms.FOLDED, arms.HANGING),
    ]
    motion.arms = arms.idle_pair(actor, pairs, [1.0, 1.5, 1.0, 0.8, 1.0, 0.7, 0.8, 0.5])
    motion.head[:, 1] *= 1.4
    return motion


def _crouches(actor: Actor, start_up: float, depth: tuple[float, float]) -> Array:
    share = smooth(alternate(actor.rng, actor.t, (1.0, 3.0), (0.8, 2.0), start_up), 0.5)
    return share * actor.rng.uniform(*depth) * actor.figure.leg_scale


def lean_into(motion: Motion, crouch: Array, amount: float) -> None:
    """A crouch of metres bends the trunk forward and takes the pelvis back, which keeps the weight
    over the feet.
    """
    motion.pitch += amount * crouch
    motion.spine[:, 0] += 0.6 * amount * crouch
    motion.head[:, 0] -= 0.8 * amount * crouch
    motion.knee_out += 0.6 * min_jerk(crouch / 0.5)[:, None]
    _shift_back(motion, 0.28 * crouch)


def _shift_back(motion: Motion, by: Array) -> None:
    motion.pelvis[:, 0] -= by * np.cos(motion.yaw)
    motion.pelvis[:, 1] -= by * np.sin(motion.yaw)

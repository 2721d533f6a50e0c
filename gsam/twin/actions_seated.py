"""Actions performed mostly seated: Eating, Sitting, SittingDown, Smoking."""

import numpy as np

from gsam.twin import arms
from gsam.twin.actions_standing import dress
from gsam.twin.performance import Actor, Arm, Motion
from gsam.twin.seats import sit, sit_down
from gsam.twin.steps import stand

PLATE = np.array([0.34, 0.02, -0.33])


def eating(actor: Actor) -> Motion:
    """The hand goes between plate and mouth, the other holds the plate, rests or drinks; seated six
    times in ten.
    """
    seated = actor.chance(0.6)
    motion = sit(actor, crossing=0.15) if seated else stand(actor, restless=0.9)
    lead, up = arms.to_head(actor, arms.MOUTH, (0.3, 1.0), (0.5, 1.6), PLATE)
    motion.head[:, 0] += 0.25 * (1.0 - up)
    motion.head[:, 1] *= 0.6
    if actor.chance(0.25):
        other = arms.to_head(actor, arms.MOUTH, (0.5, 1.2), (1.5, 4.0), PLATE, start_up=0.2)[0]
    elif actor.chance(0.5):
        other = _at_plate(actor)
    else:
        other = arms.idle(actor, [arms.LAP, arms.THIGH] if seated else [arms.BELLY, arms.HANGING])
    return dress(motion, actor.side, lead, other)


def _at_plate(actor: Actor) -> Arm:
    place = np.tile(PLATE + actor.rng.normal(0.0, 0.03, 3), (len(actor.t), 1))
    return arms.finish(actor, place + actor.noise(0.02, 0.4, 3), np.array([-0.4, 0.7, -0.6]))


def sitting(actor: Actor) -> Motion:
    """Sits on a chair, or (one in four) on the floor, and fidgets: leans, crosses legs, props and
    moves the arms.
    """
    floor = actor.chance(0.25)
    motion = sit(actor, floor=floor, crossing=0.4)
    if floor:
        pairs = [(arms.SHIN,) * 2, (arms.LAP,) * 2, (arms.PROP,) * 2, (arms.BELLY, arms.CHIN)]
        weights = [1.0, 1.0, 1.2, 0.4]
    else:
        pairs = [
            (arms.THIGH,) * 2,
            (arms.LAP,) * 2,
            (arms.FOLDED,) * 2,
            (arms.ARMREST,) * 2,
            (arms.CHIN, arms.THIGH),
            (arms.HANGING,) * 2,
        ]
        weights = [1.3, 1.0, 0.8, 0.8, 0.8, 0.4]
    motion.arms = arms.idle_pair(actor, pairs, weights)
    if actor.chance(0.35):
        motion.arms[actor.side] = arms.gesturing(actor, 0.9)
    return motion


def sitting_down(actor: Actor) -> Motion:
    """Sits down and gets up again, on a chair or (four in ten) on the floor, hands on the knees,
    out for balance or hanging.
    """
    floor = actor.chance(0.4)
    motion, down = sit_down(actor, floor)
    rests = [arms.SHIN, arms.PROP] if floor else [arms.THIGH, arms.ARMREST]
    rests += [arms.LAP, arms.BELLY]
    for _ in (0, 1):
        seated = arms.idle(actor, rests)
        moving = 4.0 * down * (1.0 - down)
        standing = np.array(arms.HANGING.target) + actor.noise(0.012, 0.4, 3)
        front = np.array([0.36, 0.20, -0.32])
        upright = standing + moving[:, None] * (front - standing)
        seated.target = upright + down[:, None] * (seated.target - upright)
        for reach in seated.reaches:
            reach.weight = reach.weight * down**2
        motion.arms.append(seated)
    return motion


def smoking(actor: Actor) -> Motion:
    """The hand goes to the mouth slowly and away to the side; seated or standing, the other arm
    rests.
    """
    seated = actor.chance(0.55)
    motion = sit(actor, crossing=0.5) if seated else stand(actor, restless=1.2, turning=1.0)
    low = np.array([0.26, 0.28, -0.30]) + actor.rng.normal(0.0, 0.05, 3)
    lead, up = arms.to_head(actor, arms.MOUTH, (0.7, 1.6), (1.0, 3.0), low)
    motion.head[:, 0] += 0.05 - 0.12 * up
    if seated:
        other = arms.idle(actor, [arms.THIGH, arms.LAP, arms.FOLDED, arms.ARMREST])
    else:
        other = arms.idle(actor, [arms.POCKET, arms.HANGING, arms.BELLY, arms.HIP, arms.FOLDED])
    return dress(motion, actor.side, lead, other)

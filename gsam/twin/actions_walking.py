"""Actions on the move: Walking, WalkDog, WalkTogether."""

import numpy as np

from gsam.twin import arms
from gsam.twin.actions_standing import dress, outwards
from gsam.twin.blocks import alternate, held_keys, smooth
from gsam.twin.gait import Pace, walk
from gsam.twin.performance import Actor, Motion

BRISK = Pace(stride=(0.78, 1.02), length=(1.05, 1.40))
DOG = Pace(stride=(0.62, 0.92), length=(0.85, 1.25), bend=0.02)
CHAT = Pace(stride=(0.64, 0.90), length=(0.90, 1.25))


def walking(actor: Actor) -> Motion:
    """Walks round in curves, arms in antiphase to the legs."""
    motion, phase = walk(actor, BRISK)
    scale = actor.rng.uniform(0.6, 1.4)
    motion.arms = [arms.swinging(actor, phase, side, scale) for side in (0, 1)]
    return motion


def walk_dog(actor: Actor) -> Motion:
    """Walks with one hand held forward by a lead that tugs, eyes down; some stoop to the dog."""
    rng, t = actor.rng, actor.t
    motion, phase = walk(actor, DOG)
    tug = held_keys(
        rng,
        t,
        lambda: rng.uniform([0.18, 0.02, -0.46], [0.46, 0.36, -0.18]),
        (0.3, 1.4),
        (0.35, 0.7),
    )
    tug[:, 0] += 0.03 * np.sin(2.0 * np.pi * 0.6 * t + rng.uniform(0.0, 6.3))
    lead = arms.finish(actor, tug + actor.noise(0.012, 0.6, 3), np.array([-0.5, 0.6, -0.6]))
    motion.head[:, 0] += rng.uniform(0.1, 0.4)
    motion.spine[:, 0] += 0.08
    if actor.chance(0.4):
        stoop = smooth(alternate(rng, t, (0.5, 1.2), (1.5, 3.5), 0.2), 0.6)
        motion.spine[:, 0] += 0.45 * stoop
        motion.pitch += 0.25 * stoop
        motion.spine[:, 1] += -outwards(actor) * 0.2 * stoop
    if actor.chance(0.25):
        other = arms.idle(actor, [arms.POCKET, arms.BELLY])
    else:
        other = arms.swinging(actor, phase, 1 - actor.side, 0.8)
    return dress(motion, actor.side, lead, other)


def walk_together(actor: Actor) -> Motion:
    """Walks beside someone: the head turns to them and back, one arm explains, the other swings."""
    rng, t = actor.rng, actor.t
    motion, phase = walk(actor, CHAT)
    beside = 1.0 if actor.chance(0.5) else -1.0
    looking = alternate(rng, t, (0.6, 2.0), (0.6, 2.5))
    motion.head[:, 1] = 0.5 * motion.head[:, 1] + beside * 0.8 * looking
    motion.spine[:, 2] += beside * 0.12 * looking
    lead = arms.swinging(actor, phase, actor.side, 0.9)
    if actor.chance(0.7):
        talk = arms.gesturing(actor, 0.9, low=0.08)
        share = alternate(rng, t, (1.0, 3.0), (0.8, 2.5))[:, None]
        lead.target = lead.target + share * (talk.target - lead.target)
        lead.pole = lead.pole + share * (talk.pole - lead.pole)
        lead.hand = lead.hand + share * (talk.hand - lead.hand)
    other = arms.swinging(actor, phase, 1 - actor.side, 0.9)
    return dress(motion, actor.side, lead, other)

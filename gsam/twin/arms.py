"""What arms do: hang, swing, gesture, point, wave, rest, and fetch things to the head.

Coordinates as in `performance.Arm` (x forward, y outwards, z up from the middle between the
shoulders), metres on the usual arm.
"""

from dataclasses import dataclass

import numpy as np

from gsam.twin.blocks import Array, alternate, choices, held_keys, wander
from gsam.twin.performance import Actor, Arm, Reach

MOUTH = np.array([0.15, 0.03, -0.02])
EAR = np.array([0.03, 0.10, 0.02])


@dataclass(frozen=True)
class Rest:
    """A resting posture of one arm: wrist target, elbow pole and wrist flexion; `anchor` replaces
    the chest where given.
    """

    target: tuple[float, float, float]
    pole: tuple[float, float, float]
    anchor: str | None = None
    flexion: float = 0.0


HANGING = Rest((0.03, 0.225, -0.512), (-1.0, 0.3, 0.0))
POCKET = Rest((0.10, 0.20, -0.04), (-0.7, 0.7, 0.1), "pelvis")
HIP = Rest((0.02, 0.20, 0.10), (-0.4, 1.0, 0.0), "pelvis")
BEHIND = Rest((-0.17, 0.05, -0.02), (-0.5, 0.8, -0.1), "pelvis")
FOLDED = Rest((0.23, -0.12, -0.24), (-0.1, 0.6, -0.8))
BELLY = Rest((0.24, 0.02, -0.33), (-0.3, 0.7, -0.6))
CHIN = Rest((0.17, 0.02, -0.12), (0.2, 0.3, -0.9), "head")
THIGH = Rest((-0.06, 0.0, 0.10), (-0.4, 0.5, -0.7), "knee")
SHIN = Rest((0.07, 0.02, -0.10), (-0.1, 0.8, -0.5), "knee")
LAP = Rest((0.22, -0.02, 0.10), (-0.5, 0.8, -0.2), "pelvis")
ARMREST = Rest((0.25, 0.28, -0.30), (-0.9, 0.5, -0.4))
PROP = Rest((-0.20, 0.28, 0.07), (-0.8, 0.6, 0.1), "floor", -1.2)


def idle_pair(actor: Actor, rests: list[tuple[Rest, Rest]], weights: list[float]) -> list[Arm]:
    """Both arms rest one way for seconds, then another: pairs for the left and the right arm."""
    shares = choices(actor.rng, actor.t, weights, (1.5, 5.0), (0.7, 1.2))
    return [idle(actor, [pair[side] for pair in rests], shares=shares) for side in (0, 1)]


def idle(
    actor: Actor,
    rests: list[Rest],
    weights: list[float] | None = None,
    shares: Array | None = None,
) -> Arm:
    """An arm that rests one way for seconds, then another, never quite still; `shares` (T, N) fixes
    which when.
    """
    rng, t = actor.rng, actor.t
    if shares is None:
        likely = [1.0] * len(rests) if weights is None else weights
        shares = choices(rng, t, likely, (1.5, 5.0), (0.6, 1.2))
    out = actor.style.elbow_out + rng.normal(0.0, 0.15)
    target, pole, hand = np.zeros((3, len(t), 3))
    reaches = []
    for rest, share in zip(rests, shares.T, strict=True):
        spot = np.array(rest.target) + rng.normal(0.0, 0.02, 3)
        # While one rest gives way to another, the hand of a resting place on the body moves in
        # front of it.
        free = np.array([0.25, 0.22, -0.38]) if rest.anchor else spot
        target += share[:, None] * free
        pole += share[:, None] * (np.array(rest.pole) + np.array([0.0, 0.6 * out, 0.0]))
        hand[:, 0] += share * rest.flexion
        if rest.anchor and share.max() > 0.0:
            reaches.append(Reach(rest.anchor, spot + actor.noise(0.004, 0.4, 3), share))
    return finish(actor, target + actor.noise(0.012, 0.35, 3), pole, reaches, hand)


def finish(
    actor: Actor,
    target: Array,
    pole: Array,
    reaches: list[Reach] | None = None,
    hand: Array | None = None,
) -> Arm:
    """An `Arm` whose elbow, wrist and collar move a little on their own besides what is given."""
    frames = len(actor.t)
    loose = held_keys(
        actor.rng,
        actor.t,
        lambda: actor.rng.normal([0.15, 0.0, 0.2], [0.25, 0.15, 0.3]),
        (0.5, 2.0),
        (0.3, 0.8),
    )
    pole = np.broadcast_to(pole, (frames, 3)) + actor.noise(0.08, 0.4, 3)
    return Arm(
        target=target,
        pole=pole,
        hand=loose + actor.noise(0.06, 0.8, 3) + (0.0 if hand is None else hand),
        shrug=actor.noise(0.03, 0.3) + actor.rng.normal(0.0, 0.04),
        reaches=[] if reaches is None else reaches,
    )


def swinging(actor: Actor, phase: Array, side: int, scale: float) -> Arm:
    """An arm that swings against the leg of its side; `phase` (T,) in strides of the left foot."""
    rng = actor.rng
    beat = 2.0 * np.pi * (phase + 0.5 * side) + rng.normal(0.0, 0.15)
    reach = scale * rng.uniform(0.10, 0.24) * (1.0 + wander(rng, actor.t, 0.1, 0.2))
    forward = 0.05 - reach * np.cos(beat)
    bent = rng.uniform(0.0, 0.05)
    height = -0.515 + bent + 0.5 * np.maximum(forward, 0.0) ** 2 + 0.35 * np.abs(forward) ** 1.5
    target = np.stack([forward, np.full_like(forward, 0.215), height], axis=-1)
    return finish(actor, target + actor.noise(0.01, 0.4, 3), np.array([-0.9, 0.25, 0.0]))


def gesturing(actor: Actor, size: float = 1.0, low: float = 0.0) -> Arm:
    """Talking with the hand: moves in a box before the chest with small beats of speech; `low`
    lowers the box by metres.
    """
    rng, t = actor.rng, actor.t
    nearest, farthest = np.array([0.20, -0.04, -0.36]), np.array([0.40, 0.36, -0.04])
    middle = 0.5 * (nearest + farthest)
    keys = held_keys(
        rng,
        t,
        lambda: middle + size * (rng.uniform(nearest, farthest) - middle),
        (0.15, 1.3),
        (0.3, 0.7),
    )
    beats = (
        0.035
        * actor.style.energy
        * np.sin(2.0 * np.pi * 1.4 * t + rng.uniform(0, 6.3) + wander(rng, t, 1.0, 0.2))
    )
    target = keys - np.array([0.0, 0.0, low]) + beats[:, None] * rng.normal(0.0, 0.7, 3)
    wave = 0.25 * np.sin(2.0 * np.pi * 1.4 * t)[:, None] * rng.normal(0.0, 1.0, 3)
    return finish(
        actor, target + actor.noise(0.012, 0.8, 3), np.array([-0.2, 0.6, -0.8]), hand=wave
    )


def pointing(actor: Actor) -> tuple[Arm, Array]:
    """Points at one thing after another with a nearly straight arm; also the azimuth (T,) outwards,
    radians.
    """
    rng, t = actor.rng, actor.t

    def draw() -> Array:
        # One key in five takes the hand back down to think.
        if rng.uniform() < 0.2:
            return np.array(
                [rng.uniform(-0.1, 0.4), rng.uniform(-1.2, -0.9), rng.uniform(0.42, 0.52)]
            )
        return np.array(
            [rng.uniform(-0.55, 1.5), np.radians(rng.uniform(-30, 45)), rng.uniform(0.36, 0.53)]
        )

    azimuth, elevation, reach = held_keys(rng, t, draw, (0.6, 1.9), (0.45, 0.9)).T
    direction = np.stack(
        [
            np.cos(azimuth) * np.cos(elevation),
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
        ],
        axis=-1,
    )
    target = np.array([0.0, 0.17, 0.0]) + reach[:, None] * direction
    arm = finish(actor, target + actor.noise(0.012, 0.7, 3), np.array([-0.2, 0.5, -0.9]))
    return arm, azimuth


def waving(actor: Actor) -> tuple[Arm, Array]:
    """Raises the arm and waves the forearm at 1.4 to 2.4 Hz, then lets it down; also how far it is
    up (T,).
    """
    rng, t = actor.rng, actor.t
    up = held_keys(rng, t, lambda: float(rng.uniform() < 0.7), (0.9, 2.6), (0.5, 0.9))
    rate = rng.uniform(1.4, 2.4)
    angle = 2.0 * np.pi * rate * t + wander(rng, t, 0.8, 0.3)
    lift = held_keys(rng, t, lambda: np.radians(rng.uniform(-35, 35)), (1.0, 3.0), (0.5, 0.9))
    flexed = np.radians(85.0) - np.radians(20.0) * np.sin(angle)
    # Upper arm in a plane half-way between sideways and forward, forearm up from the elbow, waving
    # in that plane.
    plane = rng.uniform(0.3, 1.3)
    outwards = np.array([np.cos(plane), np.sin(plane), 0.0])
    up_axis = np.array([0.0, 0.0, 1.0])
    total = lift + flexed
    target = (
        np.array([0.0, 0.17, 0.0])
        + 0.27 * (np.cos(lift)[:, None] * outwards + np.sin(lift)[:, None] * up_axis)
        + 0.25 * (np.cos(total)[:, None] * outwards + np.sin(total)[:, None] * up_axis)
    )
    hanging = np.array(HANGING.target)
    pole_up = outwards - 0.8 * up_axis
    pole = up[:, None] * pole_up + (1.0 - up)[:, None] * np.array(HANGING.pole)
    hand = np.zeros((len(t), 3))
    hand[:, 1] = 0.35 * up * np.sin(angle - 0.5)
    path = hanging + up[:, None] * (target - hanging)
    # Half-way the hand swings out in front of the shoulder.
    path[:, 0] += 0.5 * up * (1.0 - up)
    return finish(actor, path + actor.noise(0.01, 0.7, 3), pole, hand=hand), up


def to_head(
    actor: Actor,
    spot: Array,
    at_head: tuple[float, float],
    away: tuple[float, float],
    low: Array,
    pole: tuple[float, float, float] = (0.1, 0.5, -0.9),
    start_up: float = 0.5,
) -> tuple[Arm, Array]:
    """The hand goes to `spot` (3,) on the head, stays for `at_head` seconds, goes down to `low`
    (3,) for `away`; and its share (T,) up there.
    """
    share = alternate(actor.rng, actor.t, at_head, away, start_up)
    rng, t = actor.rng, actor.t
    target = np.asarray(low) + held_keys(
        rng, t, lambda: rng.normal(0.0, [0.05, 0.05, 0.03]), (0.5, 2.0), (0.4, 0.8)
    )
    # The path bulges forward, as the hand comes round the chest.
    target[:, 0] += 0.45 * share * (1.0 - share)
    near = spot + rng.normal(0.0, 0.012, 3) + actor.noise(0.01, 0.5, 3)
    arm = finish(
        actor,
        target + actor.noise(0.01, 0.5, 3),
        np.array(pole) + np.array([0.0, rng.uniform(-0.2, 0.4), 0.0]),
        [Reach("head", near, share)],
    )
    return arm, share

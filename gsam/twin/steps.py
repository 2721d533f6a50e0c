"""Feet that stand until they step: single steps, and a standing person who shifts weight and steps
around.
"""

import numpy as np
from numpy.typing import NDArray

from gsam.twin.blocks import Array, bump, held_keys, min_jerk
from gsam.twin.performance import Actor, Motion

# Where people stand: an ellipse that all four cameras see from head to foot (world metres).
AREA_CENTRE = np.array([0.15, 0.8])
AREA_AXES = np.array([0.95, 1.3])
LONGEST_STEP = 0.45


class Feet:
    """Foot arrays of a `Motion`, filled step by step: left 0, right 1."""

    def __init__(self, actor: Actor, places: Array, yaws: Array):
        """Both feet stand flat at `places` (2, 3) with headings `yaws` (2,)."""
        frames = len(actor.t)
        self.t = actor.t
        self.place = np.broadcast_to(places, (frames, 2, 3)).copy()
        self.yaw = np.broadcast_to(yaws, (frames, 2)).copy()
        self.pitch = np.zeros((frames, 2))
        self.knee_out = np.full((frames, 2), 0.1)
        self.planted = np.ones((frames, 2), dtype=bool)
        self.now_place, self.now_yaw = places.astype(float).copy(), yaws.astype(float).copy()
        self.now_pitch, self.now_knee = np.zeros(2), np.full(2, 0.1)
        self._hang(0, slice(None))
        self._hang(1, slice(None))

    def move(
        self,
        foot: int,
        start: float,
        length: float,
        place: Array,
        yaw: float,
        pitch: float = 0.0,
        knee_out: float = 0.1,
        lift: float = 0.05,
    ) -> None:
        """From `start` (s) the foot swings for `length` seconds to a new place and stays there."""
        u = (self.t - start) / length
        share = min_jerk(u)
        self.place[:, foot] += share[:, None] * (place - self.now_place[foot])
        self.place[:, foot, 2] += lift * bump(u)
        self.yaw[:, foot] += share * (yaw - self.now_yaw[foot])
        self.pitch[:, foot] += share * (pitch - self.now_pitch[foot]) - 2.0 * lift * bump(u)
        self.knee_out[:, foot] += share * (knee_out - self.now_knee[foot])
        self.planted[(u > 0.0) & (u < 1.0), foot] = False
        self.now_place[foot], self.now_yaw[foot] = place, yaw
        self.now_pitch[foot], self.now_knee[foot] = pitch, knee_out
        self._hang(foot, u >= 1.0)

    def _hang(self, foot: int, frames: slice | NDArray[np.bool_]) -> None:
        """Feet held in the air or rolled up do not count as planted."""
        flat = self.now_place[foot][2] == 0.0 and self.now_pitch[foot] == 0.0
        self.planted[frames, foot] = flat


def footprints(centre: Array, yaw: float, width: float, stagger: float) -> Array:
    """Places (2, 3) of two feet around `centre` (2,): half of `width` to each side, left ahead by
    `stagger`.
    """
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    middle = np.array([centre[0], centre[1], 0.0])
    sign = np.array([[1.0], [-1.0]])
    return middle + sign * (0.5 * width * left + 0.5 * stagger * ahead)


def stay_inside(place: Array) -> Array:
    """The nearest spot (2,) towards the centre from which all cameras see a standing person."""
    offset = (place - AREA_CENTRE) / AREA_AXES
    return AREA_CENTRE + AREA_AXES * offset / max(1.0, float(np.linalg.norm(offset)))


def stand(
    actor: Actor,
    restless: float = 1.0,
    turning: float = 0.8,
    crouch: Array | None = None,
    wide: float = 1.0,
) -> Motion:
    """Standing: weight goes from leg to leg, the pelvis sways, now and then the person steps to a
    new spot and heading.

    restless scales how often steps come; turning is the spread (rad) of the turn made with them;
    crouch (T,) lowers the pelvis by metres; wide scales the distance between the feet.
    """
    rng, t, style = actor.rng, actor.t, actor.style
    width = wide * style.stance * rng.uniform(0.8, 1.5)
    centre, yaw = actor.place, actor.facing
    toes = style.toe_out + rng.normal(0.0, 0.06)
    feet = Feet(
        actor,
        footprints(centre, yaw, width, rng.normal(0.0, 0.07)),
        yaw + toes * np.array([1.0, -1.0]),
    )
    path = np.broadcast_to(centre, (len(t), 2)).copy()
    heading = np.full(len(t), yaw)
    for start, length in _step_times(actor, restless):
        spread = np.clip(rng.normal(0.0, turning), -1.25, 1.25)
        goal = stay_inside(centre + rng.normal(0.0, 0.16, 2))
        goal = centre + _shortened(goal - centre)
        new = yaw + spread
        apart = wide * style.stance * rng.uniform(0.8, 1.5)
        prints = footprints(goal, new, apart, rng.normal(0.0, 0.08))
        # The foot on the inside of the turn goes first, so that the feet do not cross.
        for order, foot in enumerate((0, 1) if spread > 0 else (1, 0)):
            out = toes * (1.0 if foot == 0 else -1.0)
            feet.move(foot, start + 0.85 * order * length, length, prints[foot], new + out)
        share = min_jerk((t - start) / (1.9 * length))
        path += share[:, None] * (goal - centre)
        heading += share * (new - yaw)
        centre, yaw = goal, new
    return _upright(actor, feet, path, heading, width, crouch)


def _step_times(actor: Actor, restless: float) -> list[tuple[float, float]]:
    """(start, duration of one of its two steps) of the moments at which the person steps."""
    rng, times = actor.rng, []
    now = rng.uniform(0.2, 3.0) / max(restless, 1e-3)
    while now < actor.t[-1]:
        length = rng.uniform(0.36, 0.55)
        times.append((now, length))
        now += 2.0 * length + rng.uniform(0.8, 3.5) / max(restless, 1e-3)
    return times


def _shortened(step: Array) -> Array:
    return step * min(1.0, LONGEST_STEP / max(float(np.linalg.norm(step)), 1e-9))


def _upright(
    actor: Actor, feet: Feet, path: Array, heading: Array, width: float, crouch: Array | None
) -> Motion:
    rng, t, figure = actor.rng, actor.t, actor.figure
    side = held_keys(rng, t, lambda: rng.normal(0.0, 0.3), (1.2, 4.0), (0.6, 1.3))
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    shift = np.clip(side, -0.6, 0.6) * width + actor.noise(0.006, 0.4)
    forward = 0.02 + actor.noise(0.01, 0.35)
    pelvis = np.empty((len(t), 3))
    pelvis[:, :2] = path + shift[:, None] * left + forward[:, None] * ahead
    pelvis[:, 2] = figure.hip_height - (0.0 if crouch is None else crouch)
    turn = held_keys(rng, t, lambda: rng.normal(0.0, 0.16), (1.0, 4.0), (0.6, 1.2))
    return assemble(
        actor,
        pelvis,
        heading + turn + actor.noise(0.03, 0.3),
        feet,
        roll=0.35 * np.clip(side, -0.4, 0.4) + actor.noise(0.015, 0.3),
        lean=rng.normal(0.0, 0.04) + actor.noise(0.02, 0.3),
    )


def assemble(
    actor: Actor, pelvis: Array, yaw: Array, feet: Feet, roll: Array, lean: Array
) -> Motion:
    """A `Motion` with a lively trunk and head and no arms yet; `lean` (T,) is the pelvis' forward
    pitch.
    """
    rng, t = actor.rng, actor.t
    slump = actor.style.slump + rng.normal(0.0, 0.05)
    bow = held_keys(rng, t, lambda: rng.normal(0.0, 0.07), (1.0, 3.5), (0.7, 1.5))
    lean_side = held_keys(rng, t, lambda: rng.normal(0.0, 0.06), (1.0, 3.5), (0.7, 1.5))
    twist = held_keys(rng, t, lambda: rng.normal(0.0, 0.13), (1.0, 3.5), (0.6, 1.3))
    spine = np.stack([slump + bow, lean_side - 0.9 * roll, twist], axis=-1)
    return Motion(
        pelvis=pelvis,
        yaw=yaw,
        pitch=np.broadcast_to(lean, yaw.shape).copy(),
        roll=np.broadcast_to(roll, yaw.shape).copy(),
        spine=spine + actor.noise(0.02, 0.35, 3),
        head=gaze(actor),
        foot=feet.place,
        foot_yaw=feet.yaw,
        foot_pitch=feet.pitch,
        knee_out=feet.knee_out,
        planted=feet.planted,
    )


def gaze(actor: Actor, down: float = 0.05, turned: float = 0.35) -> Array:
    """Head angles (T, 3): the eyes rest on something for a while, then move on; nods and tilts
    besides.
    """
    rng, t = actor.rng, actor.t
    keys = held_keys(
        rng,
        t,
        lambda: np.array([rng.normal(down, 0.14), rng.normal(0.0, turned), rng.normal(0.0, 0.06)]),
        (0.5, 2.2),
        (0.3, 0.7),
    )
    # Heads turn by a radian at most.
    keys[:, 1] = np.tanh(keys[:, 1])
    return keys + actor.noise(0.03, 0.6, 3)

"""Walking: a curved path through the camera area, feet planted beside it at the gait's pace."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from gsam.twin.blocks import Array, bump, wander
from gsam.twin.performance import Actor, Motion
from gsam.twin.steps import AREA_CENTRE, Feet, assemble, footprints

# Walkers stay inside this ellipse (metres); a little wider than people who stand and reach out.
PATH_AXES = np.array([1.05, 1.4])
# Share of a stride in which a foot carries weight, and its phases in strides after the heel strike.
DUTY = 0.61
FLAT_FROM, FLAT_TO = 0.09, 0.36
MID_STANCE = 0.30
_PITCH_KNOTS = np.array(
    [
        [0.00, 16.0],
        [0.04, 8.0],
        [FLAT_FROM, 0.0],
        [0.22, 0.0],
        [FLAT_TO, 0.0],
        [0.50, -22.0],
        [0.61, -48.0],
        [0.70, -42.0],
        [0.84, -4.0],
        [0.94, 15.0],
        [1.00, 16.0],
    ]
)


@dataclass(frozen=True)
class Pace:
    """stride: strides (two steps) per second; length: metres per stride on a usual leg; swing:
    scale of the arm swing; bend: lower pelvis, metres.
    """

    stride: tuple[float, float]
    length: tuple[float, float]
    swing: float = 1.0
    bend: float = 0.0


class Path:
    """A closed smooth curve round the camera area, walked one way; positions by arc length."""

    def __init__(self, actor: Actor):
        rng = actor.rng
        angle = np.linspace(0.0, 2.0 * np.pi, 721)
        size, phase = rng.uniform(0.02, 0.07, 2), rng.uniform(0.0, 2.0 * np.pi, 2)
        wave = size * np.sin(np.array([2.0, 3.0]) * angle[:, None] + phase)
        radius = rng.uniform(0.68, 0.86) + wave.sum(axis=-1)
        way = 1.0 if actor.chance(0.5) else -1.0
        first = rng.uniform(0.0, 2.0 * np.pi)
        curve = np.stack([np.cos(way * angle + first), np.sin(way * angle + first)], axis=-1)
        points = AREA_CENTRE + PATH_AXES * radius[:, None] * curve
        points[-1] = points[0]
        steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
        arc = np.concatenate([[0.0], np.cumsum(steps)])
        self.length = float(arc[-1])
        self._curve = CubicSpline(arc, points, bc_type="periodic")

    def at(self, arc: Array) -> tuple[Array, Array]:
        """Position (N, 2) and heading (N,) at arc lengths (N,)."""
        tangent = self._curve(arc, 1)
        return self._curve(arc), np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))


def foot_pitch(phase: Array) -> Array:
    """Pitch of a walking foot (rad, toes up) at phases in strides since its heel strike."""
    times, degrees = _PITCH_KNOTS.T
    cycle = CubicSpline(times, np.radians(degrees), bc_type="periodic")(phase % 1.0)
    inside = phase % 1.0
    # The spline overshoots between its flat knots; a flat foot is exactly flat.
    cycle[(inside >= FLAT_FROM) & (inside <= FLAT_TO)] = 0.0
    return cycle


def walk(actor: Actor, pace: Pace) -> tuple[Motion, Array]:
    """Walk along a random path: the motion without arms, and the phase (T,) in strides of the left
    foot.
    """
    rng, t, figure, style = actor.rng, actor.t, actor.figure, actor.style
    path = Path(actor)
    # Two seconds more at both ends, so that the first and last steps have somewhere to come from
    # and go to.
    clock = np.arange(-100, len(t) + 101) / 50.0
    usual = style.cadence * rng.uniform(*pace.stride)
    rate = usual * (1.0 + np.clip(wander(rng, clock, 0.05, 0.2), -0.15, 0.15))
    stride = rng.uniform(*pace.length) * figure.leg_scale
    phase = rng.uniform() + np.cumsum(rate) / 50.0
    lengths = stride * (1.0 + np.clip(wander(rng, clock, 0.04, 0.2), -0.1, 0.1))
    arc = np.cumsum(rate * lengths) / 50.0 + rng.uniform(0.0, path.length)
    place, heading = path.at(arc)
    feet = Feet(actor, np.zeros((2, 3)), np.zeros(2))
    width = style.stance * rng.uniform(0.35, 0.6)
    for foot in (0, 1):
        _stride_foot(feet, foot, phase - 0.5 * foot, arc, path, actor, width)
    inner = slice(100, 100 + len(t))
    return _body(actor, pace, place[inner], heading[inner], phase[inner], feet), phase[inner]


def _stride_foot(
    feet: Feet, foot: int, phase: Array, arc: Array, path: Path, actor: Actor, width: float
) -> None:
    inner = slice(100, 100 + len(actor.t))
    first, last = int(np.ceil(phase[0])), int(np.floor(phase[-1] - MID_STANCE))
    strides = np.arange(first, last + 1)
    spots = np.interp(strides + MID_STANCE, phase, arc)
    middle, heading = path.at(spots)
    out = 1.0 if foot == 0 else -1.0
    places = np.stack(
        [footprints(m, h, width, 0.0)[foot] for m, h in zip(middle, heading, strict=True)]
    )
    yaws = heading + out * 0.6 * actor.style.toe_out
    now = phase[inner]
    index = np.clip(np.floor(now).astype(int) - first, 0, len(strides) - 2)
    u = (now - strides[index] - DUTY) / (1.0 - DUTY)
    inside = np.clip(u, 0.0, 1.0)
    share = inside * inside * (3.0 - 2.0 * inside)
    feet.place[:, foot] = places[index] + share[:, None] * (places[index + 1] - places[index])
    feet.place[:, foot, 2] = 0.03 * bump(u)
    feet.yaw[:, foot] = yaws[index] + share * (yaws[index + 1] - yaws[index])
    feet.pitch[:, foot] = foot_pitch(now)
    cycle = now % 1.0
    feet.planted[:, foot] = (cycle > FLAT_FROM) & (cycle < FLAT_TO)
    feet.knee_out[:, foot] = 0.05


def _body(
    actor: Actor, pace: Pace, place: Array, heading: Array, phase: Array, feet: Feet
) -> Motion:
    figure = actor.figure
    beat = 2.0 * np.pi * phase
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    # The pelvis sways towards the standing foot (left at phase 0.3) and is highest when over it,
    # twice per stride.
    sway = 0.018 * np.cos(beat - 2.0 * np.pi * MID_STANCE)
    rise = 0.016 * np.cos(2.0 * (beat - 2.0 * np.pi * MID_STANCE))
    pelvis = np.empty((len(phase), 3))
    pelvis[:, :2] = place + sway[:, None] * left
    pelvis[:, 2] = figure.hip_height - 0.035 * figure.leg_scale - pace.bend + rise
    swing = 0.09 * actor.rng.uniform(0.6, 1.4)
    yaw = heading - swing * np.cos(beat)
    roll = 0.06 * np.cos(beat - 2.0 * np.pi * 0.15) + actor.noise(0.008, 0.4)
    motion = assemble(actor, pelvis, yaw, feet, roll, 0.03 + actor.noise(0.012, 0.4))
    motion.spine[:, 2] = 0.6 * motion.spine[:, 2] + 1.8 * swing * np.cos(beat)
    motion.spine[:, 0] += 0.03 * np.cos(2.0 * beat)
    return motion

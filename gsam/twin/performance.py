"""What an action says about a take: where the pelvis, feet and hands go, before a body is posed to
follow.
"""

from dataclasses import dataclass, field

import numpy as np

from gsam.twin.blocks import Array, wander
from gsam.twin.config import FPS
from gsam.twin.figure import Figure


@dataclass(frozen=True)
class Style:
    """How one subject moves: constant over the takes of a subject, all else varies from take to
    take.

    energy scales sway, gestures and their speed; slump is a forward bend of the trunk in radians;
    stance the distance between the feet in metres; toe_out radians; cadence scales the rate of
    steps; elbow_out turns the elbows outwards; right_handed is the share of right-hand actions.
    """

    energy: float
    slump: float
    stance: float
    toe_out: float
    cadence: float
    elbow_out: float
    right_handed: float


@dataclass
class Reach:
    """Pulls a wrist with weight (T,) to `local` (T, 3) or (3,) in a moving frame.

    anchor: "head", "pelvis", "knee" (of the same side) or "floor" (below the pelvis, turned with
    it); axes as in `Arm`.
    """

    anchor: str
    local: Array
    weight: Array


@dataclass
class Arm:
    """One arm. Axes: x forward, y outwards (left on the left arm, right on the right), z up;
    metres.

    target: wrist (T, 3) from the middle between the shoulders, in the chest's axes; pole: where the
    elbow points (T, 3), same axes; reaches: applied to the target in order; hand: wrist flexion,
    deviation and forearm roll (T, 3) radians; shrug: lift of the collar (T,) radians beyond what
    follows from the arm.
    """

    target: Array
    pole: Array
    hand: Array
    shrug: Array
    reaches: list[Reach] = field(default_factory=list)


@dataclass
class Motion:
    """A take in the world (metres, radians, z up; yaw 0 faces +x); pairs are left, right.

    pelvis (T, 3): the height is a wish, lowered until both ankles can be reached; yaw, pitch
    (forward), roll (T,); spine (T, 3): forward bend, bend to the right, twist to the left over the
    whole spine; head (T, 3): nod (down), turn (left), tilt (right) relative to the chest; foot (T,
    2, 3): point below the ankle of the flat foot, z is its lift; foot_yaw (T, 2); foot_pitch (T,
    2): toes up about the heel where positive, heel up about the ball where negative; knee_out (T,
    2): how far the knee points outwards of the foot; planted (T, 2): the foot stands and must not
    slide; arms: left, right.
    """

    pelvis: Array
    yaw: Array
    pitch: Array
    roll: Array
    spine: Array
    head: Array
    foot: Array
    foot_yaw: Array
    foot_pitch: Array
    knee_out: Array
    planted: np.ndarray
    arms: list[Arm] = field(default_factory=list)


@dataclass(frozen=True)
class Actor:
    """One person about to perform one take: the random stream, the clock (T,) in seconds, body and
    style.

    `side` (0 left, 1 right) is the hand that leads; `place` (2,) the spot on the floor and `facing`
    the yaw at the start.
    """

    rng: np.random.Generator
    t: Array
    figure: Figure
    style: Style
    side: int
    place: Array
    facing: float

    def noise(self, size: float, hz: float, width: int = 0) -> Array:
        """`wander` on this clock, scaled by the subject's energy."""
        return wander(self.rng, self.t, size * self.style.energy, hz, width)

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return bool(self.rng.uniform() < share)


def clock(frames: int) -> Array:
    """Times (T,) of the frames, seconds."""
    return np.arange(frames) / FPS

"""Where the people of a sequence stand and walk, and from which side they are filmed."""

from dataclasses import dataclass

import numpy as np

from gsam.body.smpl import SmplBody
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import Array
from gsam.twin.subjects import stream
from gsam.twin.video.filming import UP
from gsam.twin.video.people import Person, perform
from gsam.twin.video.sequences import SequencePlan

# Actions that may lead round the area; in the others people stay about where they were placed.
MOVING = ("Walking", "WalkDog", "WalkTogether", "Phoning")
STAYING = tuple(action for action in ACTIONS if action not in MOVING)
# Radians per second by which those turn who stay: a video shows most of them from several sides, as
# the original's cameras do that go round people. Too slow for feet to be seen to slide.
TURNING = (0.1, 0.35)
# Metres to each side of the middle for two who do not hide one another; metres that pelvises keep
# apart then, and where one gets in the other's way, if one of so many tries brings that about.
ASIDE, CLEAR, CLOSE = 0.85, 1.2, 0.5
# Metres beside each other, as the camera sees them, within which two overlap, and in which share of
# the time they should.
SHOULDERS, OVERLAPPING = 0.35, 0.6
TRIES = 8
# Share of the occluded pairs in which the second person walks round the first.
PASSING = 0.4


@dataclass(frozen=True, eq=False)
class Cast:
    """people: one or two; followed: (M, 3) the point on which the camera keeps, at 60 Hz, world
    metres; azimuth: of the camera as seen from there, radians from z towards x.
    """

    people: tuple[Person, ...]
    followed: Array
    azimuth: float

    @property
    def toward(self) -> Array:
        """Horizontal unit vector (3,) to the camera."""
        return np.array([np.sin(self.azimuth), 0.0, np.cos(self.azimuth)])

    @property
    def clearance(self) -> float:
        """Least distance of two pelvises over the floor, metres; infinite for one person."""
        if len(self.people) == 1:
            return np.inf
        gap = (self.people[0].pelvis - self.people[1].pelvis)[:, [0, 2]]
        return float(np.linalg.norm(gap, axis=-1).min())

    @property
    def overlap(self) -> float:
        """Share of the time in which one of two people is before the other; 0 for one person."""
        if len(self.people) == 1:
            return 0.0
        apart = (self.people[0].pelvis - self.people[1].pelvis) @ np.cross(self.toward, UP)
        return float((np.abs(apart) < SHOULDERS).mean())


def draw_cast(seed: int, body: SmplBody, plan: SequencePlan, rows: int) -> Cast:
    """The people of a sequence of `rows` frames; in an occluded one the second gets in the way of
    the first.
    """
    apart, overlapping = (CLOSE, OVERLAPPING) if plan.occluded else (CLEAR, 0.0)

    def fit(cast: Cast) -> float:
        """2 where the people stand as they should, less the further they are from it."""
        one = min(1.0, cast.clearance / apart)
        return one + (min(1.0, cast.overlap / overlapping) if overlapping else 1.0)

    casts = []
    for attempt in range(TRIES):
        rng = stream(seed, "video", plan.name, f"cast {attempt}")
        casts.append(_draw(rng, body, plan, rows))
        if len(casts[-1].people) == 1 or fit(casts[-1]) == 2.0:
            return casts[-1]
    return max(casts, key=fit)


def _draw(rng: np.random.Generator, body: SmplBody, plan: SequencePlan, rows: int) -> Cast:
    azimuth = rng.uniform(-np.pi, np.pi)
    # In the studio's axes, as `perform` takes places.
    toward = np.array([np.cos(azimuth), np.sin(azimuth)])
    left = np.array([-toward[1], toward[0]]) * rng.choice([-1.0, 1.0])

    def someone(action: str, place: Array) -> Person:
        facing = rng.uniform(-np.pi, np.pi)
        turning = rng.choice([-1.0, 1.0]) * rng.uniform(*TURNING) if action in STAYING else 0.0
        return perform(rng, body, action, rows, place, facing, turning)

    if plan.people == 1:
        person = someone(plan.action, np.zeros(2))
        return Cast((person,), person.pelvis, azimuth)
    one, two = plan.action, str(rng.choice(STAYING))
    one = two if one in MOVING else one
    if not plan.occluded:
        first = someone(one, rng.uniform(-0.3, 0.3) * toward - ASIDE * left)
        second = someone(two, rng.uniform(-0.3, 0.3) * toward + ASIDE * left)
    elif rng.uniform() < PASSING:
        first, second = someone(one, np.zeros(2)), someone("Walking", np.zeros(2))
        # The camera stands where the second passes in front when half of the time is over.
        x, _, z = (second.pelvis - first.pelvis)[rows]
        return Cast((first, second), first.pelvis, float(np.arctan2(x, z) + rng.normal(0.0, 0.1)))
    else:
        first = someone(one, -0.4 * toward - 0.15 * left)
        second = someone(two, rng.uniform(0.4, 0.6) * toward + rng.uniform(0.05, 0.3) * left)
    return Cast((first, second), 0.5 * (first.pelvis + second.pelvis), azimuth)

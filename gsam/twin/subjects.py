"""The seven subjects: their shapes, ways of moving, and the names and lengths of their takes."""

import zlib
from dataclasses import dataclass

import numpy as np

from gsam.twin.actions import ACTIONS
from gsam.twin.config import LENGTH_SPREAD, TwinConfig
from gsam.twin.performance import Style

# First components: stature, build (female to male), weight, proportions. Statures 1.57 to 1.92 m.
BETAS: dict[str, tuple[float, ...]] = {
    "S1": (-1.0, -1.2, 0.5, -0.8, 0.6, -0.4, 0.3, 0.5, -0.2, 0.1),
    "S5": (-1.7, -0.6, -1.0, 0.9, -0.5, 0.8, -0.4, -0.3, 0.6, -0.5),
    "S6": (0.2, 1.0, 1.4, 0.4, 1.0, 0.2, -0.9, 0.2, 0.3, 0.7),
    "S7": (-0.5, -1.6, -0.6, -1.2, -0.8, 0.3, 0.8, -0.6, 0.4, -0.2),
    "S8": (0.8, 1.3, 0.2, -0.3, -1.1, -0.9, 0.1, 0.7, -0.7, 0.3),
    "S9": (0.3, 0.4, -1.3, 1.3, 0.3, -1.2, 0.6, -0.8, -0.1, 0.6),
    "S11": (-0.8, 0.8, 0.9, -0.2, 1.3, 1.0, 0.5, 0.4, 0.5, -0.7),
}
# Suffixes of the two takes of an action; which pair exists depends on subject and action, as in the
# original.
SUFFIXES = (("", " 1"), (" 1", " 2"), (" 2", " 3"), ("", " 2"))
KNOWN_SUFFIXES = {
    ("S1", "Directions"): SUFFIXES[0],
    ("S1", "Sitting"): SUFFIXES[1],
    ("S5", "Directions"): SUFFIXES[1],
    ("S5", "Discussion"): SUFFIXES[2],
    ("S9", "Greeting"): SUFFIXES[0],
    ("S9", "SittingDown"): SUFFIXES[0],
    ("S9", "Waiting"): SUFFIXES[0],
    ("S11", "Directions"): SUFFIXES[0],
}
# Left out of the original because one camera's video cannot be read.
MISSING = frozenset({("S11", "Directions")})


@dataclass(frozen=True)
class TakePlan:
    """One take to make: subject, canonical action, name with suffix, frames."""

    subject: str
    action: str
    name: str
    frames: int


def stream(seed: int, *words: str) -> np.random.Generator:
    """The random stream that belongs to some words, whatever else is drawn elsewhere."""
    return np.random.default_rng([zlib.crc32("/".join(words).encode()), seed])


def plan_takes(config: TwinConfig) -> list[TakePlan]:
    """All 209 takes, ordered by subject, action and take."""
    plans = []
    for subject in BETAS:
        for action in ACTIONS:
            for name in take_names(subject, action):
                share = stream(config.seed, subject, name, "length").uniform(-1.0, 1.0)
                frames = round(config.frames_per_take * (1.0 + LENGTH_SPREAD * share))
                if (subject, name) not in MISSING:
                    plans.append(TakePlan(subject, action, name, frames))
    return plans


def take_names(subject: str, action: str) -> tuple[str, str]:
    """Names of the two takes. The pair of suffixes is the same for every seed."""
    word = zlib.crc32(f"{subject} {action}".encode())
    first, second = KNOWN_SUFFIXES.get((subject, action), SUFFIXES[word % len(SUFFIXES)])
    return action + first, action + second


def style(config: TwinConfig, subject: str) -> Style:
    """How a subject moves, for this seed."""
    rng = stream(config.seed, subject, "style")
    return Style(
        energy=rng.uniform(0.8, 1.4),
        slump=rng.uniform(-0.04, 0.14),
        stance=rng.uniform(0.19, 0.29),
        toe_out=rng.uniform(0.08, 0.30),
        cadence=rng.uniform(0.9, 1.1),
        elbow_out=rng.uniform(-0.15, 0.35),
        right_handed=rng.choice([0.75, 0.85, 0.3]),
    )

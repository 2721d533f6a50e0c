"""How a person looks: skin, hair and clothes, drawn at random but as people dress."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Appearance", "Cloth", "Hair", "draw_appearance"]

Floats = NDArray[np.float32]
Pattern = Literal["plain", "stripes", "checks", "plaid", "dots", "blotches"]

# RGB in 0..255.
SKINS = ((249, 216, 190), (236, 188, 152), (214, 162, 122), (176, 120, 84), (126, 82, 58))
DARK_SKIN = (84, 56, 44)
HAIRS = ((28, 24, 22), (52, 38, 30), (96, 66, 42), (196, 160, 100), (156, 152, 148), (134, 66, 36))
QUIET = (
    (34, 34, 38),
    (236, 234, 228),
    (128, 130, 134),
    (38, 48, 78),
    (74, 98, 138),
    (196, 178, 146),
    (92, 92, 62),
    (108, 74, 54),
    (122, 34, 44),
)
PATTERNS: tuple[Pattern, ...] = ("plain", "stripes", "checks", "plaid", "dots", "blotches")
HAIRCUTS = ("bald", "short", "full", "long", "cap")


@dataclass(frozen=True, eq=False)
class Cloth:
    """One garment's material: colour and second colour (3,) 0..255 of its pattern; across (2, 3):
    phase in radians per metre along two directions; thickness: how far it stands off the skin,
    metres.
    """

    colour: Floats
    second: Floats
    pattern: Pattern
    across: Floats
    thickness: float


@dataclass(frozen=True, eq=False)
class Hair:
    """colour (3,); cut: one of `HAIRCUTS`; volume in metres; beard, fringe: whether there is one;
    parting: how much lower it is on one side, in units of the head.
    """

    colour: Floats
    cut: str
    volume: float
    beard: bool
    fringe: float
    parting: float


@dataclass(frozen=True, eq=False)
class Appearance:
    """A dressed person. Borders of garments are places of the T-pose, never borders of body parts.

    sleeve: where it ends, 0 at the shoulder and 1 at the wrist; hem, waist: lower border of the
    top and upper border of the bottom, metres above the pelvis; leg: where it ends, 0 at the hip
    and 1 at the ankle; collar: metres above the neck joint; cut: depth of the neckline in front,
    metres; opening: half width of an open jacket, metres (0: closed); tucked: the bottom lies over
    the top; shoe, sock: height above the sole, metres (0: none); print_box: centre x, y and half
    sizes of a picture on the chest, metres (zero sizes: none); waves (2, 3), phases (2,): of the
    borders and creases, radians per metre and radians.
    """

    skin: Floats
    hair: Hair
    top: Cloth
    under: Cloth
    bottom: Cloth
    socks: Cloth
    shoes: Cloth
    sleeve: float
    hem: float
    waist: float
    leg: float
    collar: float
    cut: float
    opening: float
    tucked: bool
    shoe: float
    sock: float
    print_box: tuple[float, float, float, float]
    waves: Floats
    phases: Floats


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """A random person in random clothes."""
    tall_boots = rng.uniform() < 0.12
    printed = rng.uniform() < 0.2
    return Appearance(
        skin=_skin(rng),
        hair=_hair(rng),
        top=_cloth(rng, (0.003, 0.018)),
        under=_cloth(rng, (0.002, 0.006)),
        bottom=_cloth(rng, (0.003, 0.018), plain=0.7),
        socks=_cloth(rng, (0.002, 0.003), plain=0.7),
        shoes=_cloth(rng, (0.006, 0.011), plain=0.8),
        sleeve=_between(rng, [(-0.12, 0.0), (0.25, 0.5), (0.6, 0.85), (0.92, 1.02)], [1, 4, 1, 4]),
        hem=_between(rng, [(0.06, 0.14), (-0.17, -0.02), (-0.42, -0.25)], [1, 8, 1]),
        waist=float(rng.uniform(-0.02, 0.09)),
        leg=_between(rng, [(0.22, 0.5), (0.65, 0.85), (0.93, 1.02)], [2.5, 1, 6.5]),
        collar=_between(rng, [(-0.045, -0.005), (0.0, 0.05)], [4, 1]),
        cut=_between(rng, [(0.0, 0.02), (0.04, 0.14)], [1, 1]),
        opening=_between(rng, [(0.0, 0.0), (0.02, 0.09)], [4, 1]),
        tucked=bool(rng.uniform() < 0.25),
        shoe=float(rng.uniform(0.16, 0.38) if tall_boots else rng.uniform(0.055, 0.115))
        * (rng.uniform() < 0.88),
        sock=float(rng.uniform(0.08, 0.4)) * (rng.uniform() < 0.6),
        print_box=_print(rng) if printed else (0.0, 0.0, 0.0, 0.0),
        waves=rng.uniform(-70, 70, (2, 3)).astype(np.float32),
        phases=rng.uniform(0, 6.28, 2).astype(np.float32),
    )


def _between(
    rng: np.random.Generator, ranges: Sequence[tuple[float, float]], weights: Sequence[float]
) -> float:
    """A number of one of several ranges."""
    low, high = ranges[_pick(rng, weights)]
    return float(rng.uniform(low, high))


def _pick(rng: np.random.Generator, weights: Sequence[float]) -> int:
    """An index with a chance in proportion to its weight."""
    place = rng.uniform(0, sum(weights))
    steps = itertools.accumulate(weights)
    return min(sum(place >= step for step in steps), len(weights) - 1)


def _skin(rng: np.random.Generator) -> Floats:
    tones = np.array([*SKINS, DARK_SKIN], dtype=np.float32)
    step = rng.uniform(0, len(tones) - 1.001)
    tone = tones[int(step)] + (step % 1) * (tones[int(step) + 1] - tones[int(step)])
    return (tone * rng.uniform(0.95, 1.05, 3)).astype(np.float32)


def _hair(rng: np.random.Generator) -> Hair:
    cut = HAIRCUTS[_pick(rng, [1, 4, 3, 3, 1])]
    natural = np.array(HAIRS[rng.integers(len(HAIRS))]) * rng.uniform(0.8, 1.2)
    colour = _colour(rng) if cut == "cap" else natural
    volume = {"bald": 0.0, "short": 0.006, "full": 0.02, "long": 0.022, "cap": 0.014}[cut]
    return Hair(
        colour=np.clip(colour, 0, 255).astype(np.float32),
        cut=cut,
        volume=float(volume * rng.uniform(0.7, 1.4)),
        beard=bool(rng.uniform() < 0.2) and cut != "cap",
        fringe=float(rng.uniform(-0.02, 0.14)),
        parting=float(rng.uniform(-0.35, 0.35)),
    )


def _colour(rng: np.random.Generator) -> Floats:
    """A quiet colour of clothes, or any hue."""
    if rng.uniform() < 0.55:
        colour = np.array(QUIET[rng.integers(len(QUIET))]) * rng.uniform(0.85, 1.15, 3)
    else:
        hue, strength, bright = rng.uniform(0, 6), rng.uniform(0.25, 0.85), rng.uniform(70, 235)
        wheel = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
        colour = bright * (1 - strength + strength * wheel)
    return np.clip(colour, 8, 245).astype(np.float32)


def _cloth(rng: np.random.Generator, thickness: tuple[float, float], plain: float = 0.45) -> Cloth:
    rest = (1 - plain) / (len(PATTERNS) - 1)
    pattern = PATTERNS[_pick(rng, [plain, *[rest] * (len(PATTERNS) - 1)])]
    period = rng.uniform(0.02, 0.09)
    angle = _between(rng, [(-0.1, 0.1), (1.47, 1.67), (0.3, 1.3)], [3, 2, 1])
    along = np.array([np.sin(angle), np.cos(angle), 0.15])
    other = np.array([np.cos(angle), -np.sin(angle), 0.6])
    return Cloth(
        colour=_colour(rng),
        second=_colour(rng),
        pattern=pattern,
        across=(2 * np.pi / period * np.stack([along, other])).astype(np.float32),
        thickness=float(rng.uniform(*thickness)),
    )


def _print(rng: np.random.Generator) -> tuple[float, float, float, float]:
    x, y = rng.uniform(-0.05, 0.05), rng.uniform(0.2, 0.4)
    return float(x), float(y), float(rng.uniform(0.03, 0.12)), float(rng.uniform(0.02, 0.12))

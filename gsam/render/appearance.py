"""How a person looks: skin, hair and clothes, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Appearance", "draw_appearance"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Appearance:
    """Colours are (3,) RGB in 0..255."""

    skin: Floats
    hair: Floats
    top: Floats
    bottom: Floats
    shoes: Floats
    sleeve: float
    leg: float


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """A random person in random clothes."""
    colours = rng.uniform(20, 230, (5, 3)).astype(np.float32)
    return Appearance(*colours, sleeve=rng.uniform(0.2, 0.75), leg=rng.uniform(-0.9, -0.4))

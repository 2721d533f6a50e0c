"""Surfaces drawn by recipe: noise, planks, tiles, bricks; quiet colours to paint rooms in."""

from __future__ import annotations

import functools
import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "bricks", "clouds", "colour", "paint_texture", "planks", "rgb", "tiles"]

Floats = NDArray[np.float32]
Rng = np.random.Generator

SIDE = 256  # pixels of a texture's side
TEXTURES = 6


@functools.cache
def clouds(number: int, roughness: float = 0.5) -> Floats:
    """Smooth noise (SIDE, SIDE) of mean 0 and standard deviation 1; the same for the same
    arguments.

    Each of seven octaves has `roughness` times the strength of the next coarser one.
    """
    rng = np.random.default_rng([number, 17])
    total = np.zeros((SIDE, SIDE), dtype=np.float32)
    for octave in range(7):
        grid = rng.standard_normal((2 << octave, 2 << octave), dtype=np.float32)
        grid *= np.float32(roughness**octave)
        total += cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray((total - total.mean()) / total.std(), dtype=np.float32)


def rgb(red: float, green: float, blue: float) -> Floats:
    """A colour (3,), 0..255."""
    return np.array([red, green, blue], dtype=np.float32)


def colour(rng: Rng, strength: float = 0.25, low: float = 60, high: float = 225) -> Floats:
    """A colour (3,), 0..255, of brightness `low` to `high` and saturation up to `strength`."""
    hue, saturation = rng.uniform(0, 6), strength * rng.uniform(0, 1)
    wheel = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return (rng.uniform(low, high) * (1 - saturation + saturation * wheel)).astype(np.float32)


def paint_texture(rng: Rng, base: Floats, contrast: float = 0.06) -> Floats:
    """A plain surface (SIDE, SIDE, 3) of a colour, a little uneven."""
    roughness = (0.5, 0.75, 0.95)[rng.integers(3)]
    uneven = 1 + np.float32(contrast) * clouds(int(rng.integers(TEXTURES)), roughness)
    return base * uneven[..., None]


def planks(rng: Rng, base: Floats) -> Floats:
    """Boards (SIDE, SIDE, 3) that run downwards, each of its own shade, with grain."""
    count = int(rng.integers(6, 20))
    edges = np.linspace(0, SIDE, count + 1).astype(int)
    shade = np.empty((1, SIDE), dtype=np.float32)
    for left, right in itertools.pairwise(edges):
        shade[:, left:right] = rng.uniform(0.85, 1.1)
        shade[:, left] = 0.6
    grain = cv2.resize(clouds(int(rng.integers(TEXTURES)), 0.9)[:16], (SIDE, SIDE))
    # Transposed, the stretched noise runs along the boards.
    return base * (shade * (1 + 0.08 * grain.T[::-1]))[..., None]


def tiles(rng: Rng, base: Floats) -> Floats:
    """Square tiles (SIDE, SIDE, 3), plain or chequered, with joints."""
    count = int(rng.integers(4, 14))
    other = base * np.float32(rng.choice([1.0, 0.6, 0.8, 1.25]))
    cell = np.arange(SIDE) * count // SIDE
    dark = ((cell[:, None] + cell) % 2).astype(np.float32)[..., None]
    joint = np.ones((SIDE, SIDE, 1), dtype=np.float32)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    joint[starts] = joint[:, starts] = rng.uniform(0.65, 0.9)
    uneven = 1 + 0.03 * clouds(int(rng.integers(TEXTURES)), 0.75)[..., None]
    return (base + dark * (other - base)) * joint * uneven


def bricks(rng: Rng, base: Floats) -> Floats:
    """A brick wall (SIDE, SIDE, 3)."""
    rows, columns = int(rng.integers(12, 26)), int(rng.integers(5, 10))
    down = np.arange(SIDE) * rows / SIDE
    across = np.arange(SIDE) * columns / SIDE + 0.5 * (down.astype(int) % 2)[:, None]
    shades = rng.uniform(0.8, 1.1, (rows, columns + 1)).astype(np.float32)
    shade = shades[down.astype(int)[:, None], across.astype(int)]
    shade[(down % 1 < 0.12)] = shade[(across % 1 < 0.06)] = rng.uniform(1.1, 1.3)
    uneven = 1 + 0.05 * clouds(int(rng.integers(TEXTURES)), 0.9)
    return base * (shade * uneven)[..., None]

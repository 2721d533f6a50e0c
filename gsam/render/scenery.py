"""Rooms and streets without people, drawn by recipe; every picture is float32 RGB in 0..255."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.render.furniture import door, drawing, foliage, furnish, house, shelf, window
from gsam.render.textures import SIDE, bricks, clouds, colour, paint_texture, planks, rgb, tiles

__all__ = ["abstract", "room", "street"]

Floats = NDArray[np.float32]
Rng = np.random.Generator


def room(rng: Rng, height: int, width: int) -> Floats:
    """A wall with things on it, a floor in perspective and some furniture."""
    surface = (paint_texture, paint_texture, bricks, planks)[rng.integers(4)]
    wall = surface(rng, colour(rng, 0.35, 110, 235))
    picture = np.asarray(cv2.resize(wall, (width, height)), dtype=np.float32)
    horizon = int(height * rng.uniform(0.5, 0.68))
    hung: tuple[Callable[[Rng, Floats, int], None], ...] = (window, door, drawing, shelf)
    for _ in range(rng.integers(1, 5)):
        hung[rng.integers(len(hung))](rng, picture, horizon)
    ground = (planks, tiles, paint_texture)[rng.integers(3)]
    _floor(rng, picture, ground(rng, colour(rng, 0.4, 70, 200)), horizon)
    skirting = max(2, height // 60)
    picture[horizon - skirting : horizon] = colour(rng, 0.2, 60, 235)
    for _ in range(rng.integers(0, 4)):
        furnish(rng, picture, horizon)
    return _daylight(rng, picture)


def street(rng: Rng, height: int, width: int) -> Floats:
    """Sky, houses or trees, and the ground."""
    horizon = int(height * rng.uniform(0.4, 0.6))
    fade = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    high, low = rgb(110, 150, 205), rgb(215, 222, 228)
    sky = high + fade * (low - high) + rng.uniform(-30, 20)
    picture = np.broadcast_to(sky, (height, width, 3)).astype(np.float32)
    puffs = cv2.resize(clouds(int(rng.integers(4))), (width, height))[..., None]
    picture += np.clip(puffs, 0, 1.2) * (240 - picture) * 0.7
    for _ in range(rng.integers(2, 6)):
        (house if rng.uniform() < 0.5 else foliage)(rng, picture, horizon)
    if rng.uniform() < 0.5:
        base, rough = rgb(88, 112, 58) * np.float32(rng.uniform(0.7, 1.2)), 0.22
    else:
        base, rough = colour(rng, 0.15, 80, 170), 0.1
    _floor(rng, picture, paint_texture(rng, base, rough), horizon)
    return _daylight(rng, picture)


def abstract(rng: Rng, height: int, width: int) -> Floats:
    """Clouds of two colours with shapes: nothing that exists, for variety."""
    share = clouds(int(rng.integers(6)), float(rng.choice([0.5, 0.7])))
    share = cv2.resize(np.clip(0.5 + 0.4 * share, 0, 1), (width, height))[..., None]
    one, two = colour(rng, 0.6), colour(rng, 0.6)
    picture = np.asarray(one + share * (two - one), dtype=np.float32)
    for _ in range(rng.integers(3, 12)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(8, width // 4)), int(rng.integers(8, height // 4)))
        tone = tuple(map(float, colour(rng, 0.6)))
        if rng.uniform() < 0.5:
            cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, tone, -1)
        else:
            corners = cv2.boxPoints((centre, axes, float(rng.uniform(0, 180))))
            cv2.fillPoly(picture, [corners.astype(np.int32)], tone)
    return picture


def _floor(rng: Rng, picture: Floats, texture: Floats, horizon: int) -> None:
    """Lay a texture on the ground below the horizon, nearer parts larger."""
    height, width = picture.shape[:2]
    middle, reach = width * rng.uniform(0.3, 0.7), width * rng.uniform(0.55, 0.9)
    near = reach * rng.uniform(1.8, 3.0)
    source = [(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)]
    far = [(middle - reach, horizon), (middle + reach, horizon)]
    target = [*far, (middle + near, height), (middle - near, height)]
    matrix = cv2.getPerspectiveTransform(
        np.array(source, dtype=np.float32), np.array(target, dtype=np.float32)
    )
    laid = cv2.warpPerspective(
        texture.astype(np.float32), matrix, (width, height), borderMode=cv2.BORDER_WRAP
    )
    away = np.linspace(rng.uniform(0.75, 0.95), 1.05, height - horizon, dtype=np.float32)
    picture[horizon:] = laid[horizon:] * away[:, None, None]


def _daylight(rng: Rng, picture: Floats) -> Floats:
    """Uneven light: brighter on one side, darker corners."""
    height, width = picture.shape[:2]
    grid = rng.uniform(0.72, 1.1, (3, 3)).astype(np.float32)
    light = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return picture * light[..., None]

"""Things that stand or hang in scenery: windows, doors, shelves, cupboards, tables, trees, houses.

Every function draws one thing into a float32 picture (H, W, 3); `horizon` is the row where the wall
meets the floor.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.render.textures import clouds, colour, rgb

__all__ = ["door", "drawing", "foliage", "furnish", "house", "shelf", "window"]

Floats = NDArray[np.float32]
Rng = np.random.Generator


def _box(
    picture: Floats, left: float, top: float, right: float, bottom: float, tone: Floats
) -> None:
    """A filled rectangle; what lies outside the picture is cut off."""
    rows = slice(max(0, round(top)), max(0, round(bottom)))
    picture[rows, max(0, round(left)) : max(0, round(right))] = tone


def _framed(
    rng: Rng, picture: Floats, horizon: int, size: tuple[float, float], low: float
) -> tuple[int, int, int, int]:
    """A frame on the wall whose lower edge is `low` of the wall's height above the floor; returns
    the inside as left, top, right, bottom.
    """
    width = picture.shape[1]
    w, h = size[0] * width, size[1] * horizon
    left = rng.uniform(-0.1, 1.0) * width
    top = horizon - low * horizon - h
    edge = max(2.0, 0.012 * width)
    shade = picture[max(0, round(top)) : round(top + h + 3 * edge)]
    shade[:, max(0, round(left)) : max(0, round(left + w + 1.5 * edge))] *= 0.86
    _box(picture, left, top, left + w, top + h, colour(rng, 0.3, 40, 240))
    inside = (left + edge, top + edge, left + w - edge, top + h - edge)
    a, b, c, d = (max(0, round(v)) for v in inside)
    return a, b, c, d


def window(rng: Rng, picture: Floats, horizon: int) -> None:
    """A bright pane with bars."""
    size = rng.uniform(0.15, 0.4), rng.uniform(0.4, 0.7)
    left, top, right, bottom = _framed(rng, picture, horizon, size, rng.uniform(0.2, 0.35))
    pane = picture[top:bottom, left:right]
    bright = np.linspace(245, rng.uniform(150, 230), len(pane), dtype=np.float32)
    pane[:] = bright[:, None, None] * rgb(0.94, 0.98, 1.0)
    bars = int(rng.integers(1, 4))
    for bar in range(1, bars + 1):
        column = left + bar * (right - left) // (bars + 1)
        _box(picture, column - 2, top, column + 2, bottom, colour(rng, 0.1, 150, 240))


def door(rng: Rng, picture: Floats, horizon: int) -> None:
    """A door with two panels."""
    size = rng.uniform(0.14, 0.24), rng.uniform(0.7, 0.85)
    left, top, right, bottom = _framed(rng, picture, horizon, size, 0.0)
    tone = colour(rng, 0.5, 60, 220)
    _box(picture, left, top, right, horizon, tone)
    for share in (0.08, 0.55):
        high = top + share * (bottom - top)
        low = high + 0.38 * (bottom - top)
        _box(picture, left + 8, high, right - 8, low, tone * np.float32(0.86))


def drawing(rng: Rng, picture: Floats, horizon: int) -> None:
    """A picture or a board on the wall."""
    size = rng.uniform(0.08, 0.35), rng.uniform(0.15, 0.45)
    left, top, right, bottom = _framed(rng, picture, horizon, size, rng.uniform(0.35, 0.6))
    pane = picture[top:bottom, left:right]
    if not pane.size:
        return
    share = clouds(int(rng.integers(6)), 0.6)[: len(pane), : pane.shape[1]]
    share = cv2.resize(np.clip(0.5 + 0.5 * share, 0, 1), (pane.shape[1], len(pane)))
    one, two = colour(rng, 0.7, 40, 240), colour(rng, 0.7, 40, 240)
    pane[:] = one + share[..., None] * (two - one)


def shelf(rng: Rng, picture: Floats, horizon: int) -> None:
    """Boards with books."""
    size = rng.uniform(0.15, 0.35), rng.uniform(0.5, 0.9)
    left, top, right, bottom = _framed(rng, picture, horizon, size, rng.uniform(0.0, 0.3))
    _box(picture, left, top, right, bottom, colour(rng, 0.3, 30, 90))
    rows = int(rng.integers(3, 6))
    high = (bottom - top) / rows
    for row in range(rows):
        at, foot = left + 1.0, top + (row + 1) * high
        while at < right - 4:
            thick = rng.uniform(3, 10)
            head = foot - high * rng.uniform(0.5, 0.9)
            _box(picture, at, head, min(at + thick, right), foot - 2, colour(rng, 0.8, 40, 230))
            at += thick + (rng.uniform() < 0.15) * 12
        _box(picture, left, foot - 2, right, foot, colour(rng, 0.3, 120, 200))


def furnish(rng: Rng, picture: Floats, horizon: int) -> None:
    """A cupboard, a sofa or a table that stands on the floor."""
    height, width = picture.shape[:2]
    foot = horizon + rng.uniform(0.02, 0.55) * (height - horizon)
    # What stands nearer to the camera is larger.
    size = 0.5 + 1.1 * (foot - horizon) / (height - horizon)
    w, h = size * width * rng.uniform(0.12, 0.3), size * height * rng.uniform(0.1, 0.3)
    left = rng.uniform(-0.1, 1.0) * width
    tone = colour(rng, 0.5, 50, 200)
    depth, lean = 0.25 * h, 0.2 * w * (1 if left < width / 2 else -1)
    shadow = [(left - 4, foot + 4), (left + w + 4, foot + 4)]
    shadow += [(x + lean, y - depth) for x, y in shadow[::-1]]
    mask = np.zeros((height, width), dtype=np.float32)
    cv2.fillPoly(mask, [np.array(shadow).astype(np.int32)], 1.0)
    picture *= 1 - 0.4 * cv2.blur(mask, (15, 15))[..., None]
    lid = [(left, foot - h), (left + w, foot - h)]
    lid += [(left + w + lean, foot - h - depth), (left + lean, foot - h - depth)]
    if rng.uniform() < 0.35:
        for column in (left, left + w - 0.06 * w):
            _box(picture, column, foot - h, column + 0.06 * w, foot, tone * np.float32(0.6))
        _box(picture, left, foot - h, left + w, foot - 0.88 * h, tone * np.float32(0.8))
    else:
        end = [(left + w, foot - h), (left + w, foot)]
        end += [(left + w + lean, foot - depth), (left + w + lean, foot - h - depth)]
        if lean < 0:
            end = [(x - w, y) for x, y in end]
        cv2.fillPoly(picture, [np.array(end).astype(np.int32)], tuple(map(float, 0.6 * tone)))
        _box(picture, left, foot - h, left + w, foot, tone)
        for share in np.arange(1, rng.integers(1, 4)) / 3:
            line = foot - share * h
            _box(picture, left, line - 1, left + w, line + 1, tone * np.float32(0.7))
    cv2.fillPoly(picture, [np.array(lid).astype(np.int32)], tuple(map(float, 1.15 * tone)))


def house(rng: Rng, picture: Floats, horizon: int) -> None:
    """A front with rows of windows."""
    width = picture.shape[1]
    left, w = rng.uniform(-0.2, 0.9) * width, width * rng.uniform(0.2, 0.5)
    top = horizon * rng.uniform(0.0, 0.6)
    _box(picture, left, top, left + w, horizon, colour(rng, 0.4, 90, 220))
    pane = colour(rng, 0.3, 40, 130)
    rows, columns = int(rng.integers(2, 7)), int(rng.integers(2, 7))
    for row in range(rows):
        for column in range(columns):
            x = left + w * (column + 0.25) / columns
            y = top + (horizon - top) * (row + 0.25) / rows
            _box(picture, x, y, x + 0.5 * w / columns, y + 0.5 * (horizon - top) / rows, pane)


def foliage(rng: Rng, picture: Floats, horizon: int) -> None:
    """A tree or a hedge."""
    height, width = picture.shape[:2]
    x, r = rng.uniform(0, 1) * width, height * rng.uniform(0.1, 0.25)
    y = horizon - r * rng.uniform(0.5, 1.8)
    bark = rgb(84, 66, 50)
    _box(picture, x - 0.1 * r, y, x + 0.1 * r, horizon + 4, bark)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    distance = np.hypot((columns - x) / rng.uniform(0.9, 1.6), rows - y) / r
    ragged = cv2.resize(clouds(int(rng.integers(6)), 0.8), (width, height))
    leaves = distance + 0.25 * ragged < 1
    green = rgb(70, 100, 46) * np.float32(rng.uniform(0.6, 1.3))
    shade = 1 - 0.35 * (rows - y)[leaves] / r + 0.25 * ragged[leaves]
    picture[leaves] = green * np.clip(shade, 0.3, 1.7)[:, None]

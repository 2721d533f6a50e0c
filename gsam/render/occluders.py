"""Things in front of people: boards, posts, balls, crates, plants, chair backs, table tops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from gsam.render.textures import SIDE, clouds, colour

__all__ = ["Occluders", "draw_occluders"]

Floats = NDArray[np.float32]
Rng = np.random.Generator
Box = tuple[float, float, float, float]

LEAF = np.array([70.0, 112.0, 52.0])
SHIFT = 4  # binary digits behind the point of the corners that OpenCV draws


@dataclass(frozen=True, eq=False)
class Occluders:
    """alpha (H, W) float32: 1 where something stands in front, 0 elsewhere; colour (H, W, 3)
    float32, 0..255.
    """

    alpha: Floats
    colour: Floats


class _Canvas:
    """What has been drawn so far: colour and cover in one uint8 picture (H, W, 4)."""

    def __init__(self, height: int, width: int):
        self.pixels = np.zeros((height, width, 4), dtype=np.uint8)

    def polygon(self, corners: npt.ArrayLike, tone: Floats) -> None:
        """Fill a convex outline (N, 2), pixels."""
        fixed = np.rint(np.asarray(corners) * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(self.pixels, fixed, self._paint(tone), cv2.LINE_AA, SHIFT)

    def ellipse(
        self, centre: tuple[float, float], axes: tuple[float, float, float], tone: Floats
    ) -> None:
        """Fill an ellipse; axes: half width, half height in pixels, and the turn in radians."""
        angle = np.linspace(0, 2 * np.pi, 30, endpoint=False)
        x, y = axes[0] * np.cos(angle), axes[1] * np.sin(angle)
        across, along = np.cos(axes[2]), np.sin(axes[2])
        outline = np.stack([across * x - along * y, along * x + across * y], axis=1)
        self.polygon(outline + np.asarray(centre), tone)

    @staticmethod
    def _paint(tone: Floats) -> tuple[float, ...]:
        return (*np.clip(tone, 0, 255).tolist(), 255.0)


def draw_occluders(rng: Rng, height: int, width: int, focus: Box | None = None) -> Occluders | None:
    """None in about half of the cases, else one to three things.

    Args:
        rng: source of all choices.
        height: rows of the picture.
        width: columns of the picture.
        focus: box x, y, width, height in pixels that the things lie over; None: the whole picture.
    """
    if rng.uniform() < 0.5:
        return None
    box = focus or (0.0, 0.0, float(width), float(height))
    canvas = _Canvas(height, width)
    for _ in range(1 + int(rng.uniform() < 0.35) + int(rng.uniform() < 0.12)):
        THINGS[rng.integers(len(THINGS))](rng, canvas, box)
    drawn = canvas.pixels.astype(np.float32)
    down, right = rng.integers(0, SIDE, 2)
    rows, columns = (np.arange(height) + down) % SIDE, (np.arange(width) + right) % SIDE
    uneven = clouds(int(rng.integers(6)), 0.75)[rows[:, None], columns]
    light = 1 + rng.uniform(0.02, 0.14) * uneven
    # Where an edge is drawn smoothly over nothing its colour has been mixed with black.
    alpha = drawn[..., 3] / 255.0
    shown = drawn[..., :3] * (light / np.maximum(alpha, 1 / 255)).astype(np.float32)[..., None]
    return Occluders(alpha, np.clip(shown, 0, 255))


def _spot(rng: Rng, box: Box) -> tuple[float, float]:
    x, y, w, h = box
    return x + w * rng.uniform(0, 1), y + h * rng.uniform(0.05, 0.95)


def _board(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """A rectangle at any angle with a border."""
    size = box[3] * rng.uniform(0.08, 0.3), box[3] * rng.uniform(0.1, 0.35)
    centre, turn = _spot(rng, box), float(rng.normal(0, 15))
    tone = colour(rng, 0.6, 30, 235)
    canvas.polygon(cv2.boxPoints((centre, size, turn)), tone)
    inner = 0.86 * size[0], 0.9 * size[1]
    canvas.polygon(cv2.boxPoints((centre, inner, turn)), tone * rng.uniform(0.7, 1.3))


def _post(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """A post or a stick, lighter on one side."""
    centre, length = _spot(rng, box), box[3] * rng.uniform(0.5, 2.0)
    thick, turn = (
        box[3] * rng.uniform(0.012, 0.05),
        float(rng.choice([0, 0, 90, rng.normal(0, 40)])),
    )
    tone = colour(rng, 0.4, 40, 220)
    for share, gain in ((1.0, 0.7), (0.7, 0.9), (0.3, 1.15)):
        canvas.polygon(cv2.boxPoints((centre, (share * thick, length), turn)), gain * tone)


def _ball(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """A ball or a balloon, lit from above."""
    x, y = _spot(rng, box)
    radius = box[3] * rng.uniform(0.04, 0.13)
    tall, tone = rng.uniform(0.8, 1.3), colour(rng, 0.8, 90, 220)
    for step in range(6):
        share, gain = 1 - 0.16 * step, 0.65 + 0.11 * step
        at = (x - 0.07 * step * radius, y - 0.07 * step * radius)
        canvas.ellipse(at, (share * radius, share * radius * tall, 0.0), gain * tone)


def _crate(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """A box with a front, a side and a lid, which stands before the lower part."""
    x, y, w, h = box
    wide, high = h * rng.uniform(0.12, 0.4), h * rng.uniform(0.1, 0.35)
    left, foot = x + w * rng.uniform(-0.2, 1.0) - wide / 2, y + h * rng.uniform(0.75, 1.1)
    back = np.array([rng.choice([-1, 1]) * 0.25 * wide, -0.2 * wide])
    tone = colour(rng, 0.5, 50, 210)
    right, top = left + wide, foot - high
    front = np.array([(left, foot), (right, foot), (right, top), (left, top)])
    edge = front[[1, 2]] if back[0] > 0 else front[[0, 3]]
    canvas.polygon([edge[0], edge[1], edge[1] + back, edge[0] + back], 0.6 * tone)
    canvas.polygon([front[3], front[2], front[2] + back, front[3] + back], 1.2 * tone)
    canvas.polygon(front, tone)


def _plant(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """Long leaves that fan out from one point."""
    x, y = _spot(rng, box)
    green = np.array(LEAF * rng.uniform(0.6, 1.4), dtype=np.float32)
    for _ in range(rng.integers(7, 18)):
        turn, reach = rng.uniform(-1.2, 1.2), box[3] * rng.uniform(0.06, 0.2)
        middle = (x + reach * np.sin(turn), y - reach * np.cos(turn))
        canvas.ellipse(middle, (0.16 * reach, reach, turn), green * rng.uniform(0.6, 1.2))


def _chair(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """The back of a chair: two posts and some bars."""
    x, y, w, h = box
    wide, high = h * rng.uniform(0.16, 0.3), h * rng.uniform(0.25, 0.45)
    left, top = x + w / 2 + w * rng.uniform(-0.6, 0.6) - wide / 2, y + h * rng.uniform(0.45, 0.75)
    thick, tone = h * rng.uniform(0.012, 0.025), colour(rng, 0.5, 40, 190)

    def bar(a: float, b: float, c: float, d: float, gain: float) -> None:
        canvas.polygon([(a, b), (c, b), (c, d), (a, d)], gain * tone)

    for post in (left, left + wide - thick):
        bar(post, top, post + thick, top + 2 * high, 0.8)
    for share in np.linspace(0, 0.6, int(rng.integers(2, 5))):
        line = top + share * high
        bar(left, line, left + wide, line + 1.4 * thick, 1.0)


def _table(rng: Rng, canvas: _Canvas, box: Box) -> None:
    """A wide top with a front that hides what is below it, or a wall at the picture's edge."""
    x, y, w, h = box
    top = y + h * rng.uniform(0.55, 0.85)
    left, right = x - w * rng.uniform(-0.3, 1.0), x + w * (1 + rng.uniform(-0.3, 1.0))
    tone, deep, thick = colour(rng, 0.5, 60, 210), 0.05 * h, 0.03 * h
    lid = [(left + deep, top), (right - deep, top), (right, top + deep), (left, top + deep)]
    low = y + 1.3 * h if rng.uniform() < 0.5 else top + deep + thick
    front = [(left, top + deep), (right, top + deep), (right, low), (left, low)]
    canvas.polygon(front, 0.65 * tone)
    canvas.polygon(lid, tone)


THINGS: tuple[Callable[[Rng, _Canvas, Box], None], ...] = (
    _board,
    _post,
    _ball,
    _crate,
    _plant,
    _chair,
    _table,
)

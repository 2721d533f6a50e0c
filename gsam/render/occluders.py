"""Things in front of people: boards, poles and balls with a texture and a soft shading."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Occluders", "draw_occluders"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Occluders:
    """alpha (H, W): 1 where something stands in front, 0 elsewhere; colour (H, W, 3), 0..255."""

    alpha: Floats
    colour: Floats


def draw_occluders(
    rng: np.random.Generator,
    height: int,
    width: int,
    focus: tuple[float, float, float, float] | None = None,
) -> Occluders | None:
    """None in about half of the cases, else one to three things.

    Args:
        rng: source of all choices.
        height: rows of the picture.
        width: columns of the picture.
        focus: box x, y, width, height in pixels that the things lie over; None: the whole picture.
    """
    if rng.uniform() < 0.5:
        return None
    x, y, w, h = focus or (0.0, 0.0, float(width), float(height))
    alpha = np.zeros((height, width), dtype=np.float32)
    colour = np.zeros((height, width, 3), dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        mask = np.zeros((height, width), dtype=np.uint8)
        centre = (x + w * rng.uniform(0, 1), y + h * rng.uniform(0, 1))
        axes = (h * rng.uniform(0.05, 0.25), h * rng.uniform(0.05, 0.25))
        points = cv2.boxPoints((centre, axes, float(rng.uniform(0, 180))))
        cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        part = mask.astype(np.float32) / 255.0
        fill = rng.uniform(20, 235, 3).astype(np.float32)
        colour += (fill - colour) * part[..., None]
        alpha = np.maximum(alpha, part)
    return Occluders(alpha, colour)

"""Layers on a picture: soft shadows on the floor, people, things in front. All work in place."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.render.occluders import Occluders

__all__ = ["cast_shadows", "lay_over", "put_before"]

Floats = NDArray[np.float32]

# Of the soft shadow on the floor: how far it is blurred in heights of the picture, how fast
# vertices add up to a full shadow, and how dark that is.
SHADOW_REACH, SHADOW_GAIN, SHADOW_DEPTH = 0.011, 2.5, 0.45


def cast_shadows(canvas: Floats, shadows: Sequence[NDArray[np.floating]]) -> None:
    """Darken a picture (H, W, 3) softly around the points (N, 2), pixels, of each shadow."""
    if not shadows:
        return
    height, width = canvas.shape[:2]
    small = np.zeros((-(-height // 2), -(-width // 2)), dtype=np.float32)
    x, y = (np.concatenate([points[:, axis] for points in shadows]) / 2 for axis in (0, 1))
    inside = (x > -0.5) & (x < small.shape[1] - 0.5) & (y > -0.5) & (y < small.shape[0] - 0.5)
    column, row = (np.rint(v[inside]).astype(np.int64) for v in (x, y))
    small[row, column] = 1.0
    reach = 2 * round(SHADOW_REACH * height) + 3
    soft = np.minimum(cv2.blur(cv2.blur(small, (reach, reach)), (reach, reach)) * SHADOW_GAIN, 1.0)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas *= _thrice(1.0 - SHADOW_DEPTH * soft)


def put_before(canvas: Floats, occluders: Occluders) -> None:
    """Draw things over a picture (H, W, 3) of their size."""
    canvas += (occluders.colour - canvas) * _thrice(occluders.alpha)


def lay_over(picture: Floats, shaded: Floats) -> None:
    """Lay samples with cover (fine H, fine W, 4) over a picture (H, W, 3)."""
    height, width = picture.shape[:2]
    if shaded.shape[:2] != (height, width):
        reduced = cv2.resize(shaded, (width, height), interpolation=cv2.INTER_AREA)
        shaded = np.asarray(reduced, dtype=np.float32)
    picture *= _thrice(1.0 - shaded[..., 3])
    picture += shaded[..., :3]


def _thrice(values: Floats) -> Floats:
    """(H, W) as (H, W, 3); multiplying by that is several times as fast as broadcasting."""
    return np.asarray(cv2.merge((values, values, values)), dtype=np.float32)

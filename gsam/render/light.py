"""Light on surfaces: a lamp, light from all sides and from above, darker creases."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Light", "crevices", "draw_light", "shade"]

Floats = NDArray[np.float32]

# Metres behind its surroundings at which a surface is darkest, and the light it then lacks.
DEEPEST = 0.35
DARKEST = 0.55


@dataclass(frozen=True)
class Light:
    """direction (3,): unit vector to the lamp, camera frame (y down); lamp, sky, ambient: shares of
    the light; tint (3,): the lamp's colour.
    """

    direction: Floats
    lamp: float
    sky: float
    ambient: float
    tint: Floats


def draw_light(rng: np.random.Generator) -> Light:
    """A lamp somewhere above and on the camera's side, mostly."""
    azimuth, height = rng.uniform(-1.9, 1.9), rng.uniform(0.15, 1.2)
    across = np.cos(height)
    direction = (np.sin(azimuth) * across, -np.sin(height), -np.cos(azimuth) * across)
    lamp = rng.uniform(0.35, 0.85)
    warm = rng.uniform(-0.08, 0.1)
    return Light(
        direction=np.array(direction, dtype=np.float32),
        lamp=float(lamp),
        sky=float(rng.uniform(0.1, 0.25)),
        ambient=float(rng.uniform(0.3, 0.5)),
        tint=np.array([1 + warm, 1.0, 1 - warm], dtype=np.float32),
    )


def shade(albedo: Floats, normals: Floats, light: Light) -> Floats:
    """Lit colours (P, 3) of surfaces with albedo (P, 3), 0..255, and unit normals (P, 3), camera
    frame.
    """
    x, y, z = light.direction
    toward = normals[:, 0] * x + normals[:, 1] * y + normals[:, 2] * z
    # Wrapped around a little, as light in rooms is.
    direct = np.maximum(0.8 * toward + 0.2, 0.0) * light.lamp
    around = light.ambient - light.sky * normals[:, 1]
    lit = np.empty_like(albedo)
    for channel in range(3):
        lit[:, channel] = albedo[:, channel] * (direct * light.tint[channel] + around)
    return lit


def crevices(depth: Floats, height: int) -> Floats:
    """Factors (H, W) that darken what lies behind its surroundings: armpits, a torso behind an arm.

    Args:
        depth: (H, W) metres, infinite where there is nothing.
        height: of the whole picture in pixels, in proportion to which surroundings reach.
    """
    body = np.isfinite(depth)
    filled = np.where(body, depth, np.float32(0.0))
    reach = 2 * (height // 40) + 3
    total = cv2.blur(filled, (reach, reach))
    share = cv2.blur(body.astype(np.float32), (reach, reach))
    behind = np.clip((filled - total / np.maximum(share, 1e-6)) / DEEPEST, 0.0, 1.0)
    return np.asarray(1.0 - DARKEST * behind, dtype=np.float32)

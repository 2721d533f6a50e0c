"""A phone held by hand: it keeps on somebody, sways, drifts to one side, never stands still."""

from dataclasses import replace

import numpy as np

from gsam.cameras import Camera
from gsam.twin.blocks import Array, smooth, turn, unit, wander
from gsam.twin.video.config import VIDEO_FPS

# Focal length in longer sides of the picture, as of the original's phone.
FOCAL = (0.98, 1.06)
SHORTER = 9 / 16
# Seconds that the hand lags behind the person.
LAG = 1.6
# How fast the camera goes round the people, radians per second, and at most how far either way.
DRIFT, FARTHEST = (0.02, 0.07), 0.45
UP = np.array([0.0, 1.0, 0.0])


def draw_lens(rng: np.random.Generator, longer: int, portrait: bool) -> Camera:
    """A camera at the origin of the world without distortion, its picture 9:16 or 16:9."""
    shorter = round(SHORTER * longer)
    width, height = (shorter, longer) if portrait else (longer, shorter)
    focal = longer * rng.uniform(*FOCAL)
    middle = 0.5 * (width - 1), 0.5 * (height - 1)
    return Camera(
        "phone", width, height, focal, focal, *middle, (), "pinhole", np.eye(3), np.zeros(3)
    )


def film_by_hand(
    rng: np.random.Generator, lens: Camera, followed: Array, azimuth: float, distance: float
) -> list[Camera]:
    """The camera (N of them) of every frame of a video.

    Args:
        rng: all choices.
        lens: of `draw_lens`.
        followed: (N, 3) the middle of what is filmed, world metres.
        azimuth: of the camera as seen from there at half time, radians from z towards x.
        distance: from there, over the floor, metres.
    """
    t = np.arange(len(followed)) / VIDEO_FPS
    keep = np.stack([smooth(axis, LAG, VIDEO_FPS) for axis in followed.T], axis=-1)
    reach = min(FARTHEST, 0.5 * t[-1] * rng.uniform(*DRIFT))
    drift = rng.choice([-1.0, 1.0]) * reach * np.linspace(-1.0, 1.0, len(t))
    angle = azimuth + drift + wander(rng, t, 0.06, 0.15)
    away = distance * (1.0 + wander(rng, t, 0.025, 0.2))
    place = keep + away[:, None] * np.stack([np.sin(angle), 0.0 * angle, np.cos(angle)], axis=-1)
    place[:, 1] = rng.uniform(1.25, 1.65) + wander(rng, t, 0.03, 0.4)
    place += wander(rng, t, 0.012, 1.5, 3)
    look = keep + wander(rng, t, 0.05, 0.25, 3)
    roll = rng.normal(0.0, 0.02) + wander(rng, t, 0.015, 0.5)
    cameras = []
    for centre, at, tilt in zip(place, look, roll, strict=True):
        rotation = turn("z", tilt) @ looking(at - centre)
        cameras.append(replace(lens, R=rotation, t=-rotation @ centre))
    return cameras


def looking(direction: Array) -> Array:
    """World-to-camera rotation (3, 3) of a level camera that looks in a direction (3,)."""
    forward = unit(direction)
    right = unit(np.cross(forward, UP))
    return np.stack([right, np.cross(forward, right), forward])

"""Feet on the floor: how a foot rolls over heel and ball, how high the pelvis can be, and how far
feet slide.
"""

import numpy as np

from gsam.twin import figure as f
from gsam.twin.blocks import Array, soft_min, turn
from gsam.twin.figure import Figure
from gsam.twin.performance import Motion

# A standing leg keeps this share of its full length: knees are never locked.
STRAIGHT = 0.994
# How softly the roll changes from the heel to the ball (sine of the foot's pitch).
ROLL_SOFTNESS = 0.05


def ankle_offset(figure: Figure, motion: Motion) -> Array:
    """Ankle joints (T, 2, 3) in the world of feet that roll about the heel (toes up) or the ball
    (heel up).
    """
    pitch = motion.foot_pitch
    sine, rest = np.sin(pitch), 1.0 - np.cos(pitch)
    up = np.maximum(0.0, _ramp(sine)) * figure.heel + np.maximum(0.0, _ramp(-sine)) * figure.ball
    height = figure.ankle_height * np.cos(pitch) + up
    along = np.where(pitch > 0, -figure.heel, figure.ball) * rest - figure.ankle_height * sine
    shift = along[..., None] * np.stack([np.cos(motion.foot_yaw), np.sin(motion.foot_yaw)], axis=-1)
    return motion.foot + np.concatenate([shift, height[..., None]], axis=-1)


def _ramp(sine: Array) -> Array:
    """max(sine, 0) with a rounded corner that is zero at zero."""
    return 0.5 * (sine + np.sqrt(sine * sine + ROLL_SOFTNESS**2) - ROLL_SOFTNESS)


def foot_rotation(motion: Motion, side: int) -> Array:
    """Global rotation (T, 3, 3) of a foot in person axes."""
    return turn("z", motion.foot_yaw[:, side]) @ turn("y", -motion.foot_pitch[:, side])


def pelvis_height(figure: Figure, motion: Motion, rotation: Array, ankles: Array) -> Array:
    """Height (T,) of the pelvis: the wished one, lowered until both legs reach their ankles."""
    height = motion.pelvis[:, 2]
    for side in (0, 1):
        hip = rotation @ figure.bone(f.HIPS[side])
        gap = ankles[:, side, :2] - motion.pelvis[:, :2] - hip[:, :2]
        straight = (STRAIGHT * figure.leg) ** 2 - (gap * gap).sum(axis=-1)
        highest = ankles[:, side, 2] + np.sqrt(np.maximum(straight, 0.01)) - hip[:, 2]
        height = soft_min(height, highest, 0.012)
    return height


def slide(ankle: Array, planted: np.ndarray) -> Array:
    """Millimetres that ankles (T, 2, 3) move sideways per frame while flat on the floor, one value
    per such step.
    """
    both = planted[1:] & planted[:-1]
    step = np.linalg.norm(np.diff(ankle[..., :2], axis=0), axis=-1)
    return 1000.0 * step[both]

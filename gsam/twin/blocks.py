"""Building blocks of motion over time: smooth noise, held keys, smooth limits and rotations, all
vectorised.

Times are seconds (T,), angles radians. Rotations act on columns in the person's frame: x forward, y
to the left, z up; a positive turn about z is to the left, about y leans forward, about x lifts the
left.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
AXES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}


def min_jerk(u: Array) -> Array:
    """0 to 1 with zero speed and acceleration at both ends; u is clipped to [0, 1]."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (10.0 + u * (6.0 * u - 15.0))


def bump(u: Array) -> Array:
    """0 to 1 and back to 0 over u in [0, 1], with zero speed at both ends."""
    u = np.clip(u, 0.0, 1.0)
    return 16.0 * u * u * (1.0 - u) ** 2


def wander(rng: np.random.Generator, t: Array, size: float, hz: float, width: int = 0) -> Array:
    """Slow noise of standard deviation `size`: six sines around `hz` with 1/f weights; (T,) or (T,
    width).
    """
    lanes = max(width, 1)
    frequency = hz * 2.0 ** rng.uniform(-1.5, 1.0, (6, lanes))
    weight = hz / frequency
    weight /= np.sqrt(0.5 * (weight**2).sum(axis=0))
    phase = rng.uniform(0.0, 2.0 * np.pi, (6, lanes))
    waves = weight * np.sin(2.0 * np.pi * frequency * t[:, None, None] + phase)
    noise = size * waves.sum(axis=1)
    return noise if width else noise[:, 0]


def held_keys(
    rng: np.random.Generator,
    t: Array,
    draw: Callable[[], object],
    hold: tuple[float, float],
    move: tuple[float, float],
) -> Array:
    """Minimum-jerk moves between held keys: (T, D), or (T,) where `draw` gives numbers.

    `draw` makes one key, `hold` and `move` are ranges of durations in seconds. The first key is
    already held for a random while when the take begins.
    """
    keys = [np.asarray(draw(), dtype=float)]
    starts, lengths = [], []
    now = float(t[0]) + rng.uniform(0.0, 1.0) * rng.uniform(*hold)
    while now < t[-1]:
        starts.append(now)
        lengths.append(rng.uniform(*move))
        keys.append(np.asarray(draw(), dtype=float))
        now += lengths[-1] + rng.uniform(*hold)
    value = np.broadcast_to(keys[0], (len(t), *keys[0].shape)).copy()
    for start, length, before, after in zip(starts, lengths, keys[:-1], keys[1:], strict=True):
        first = int(np.searchsorted(t, start))
        share = min_jerk((t[first:] - start) / length)
        value[first:] += share.reshape(-1, *([1] * before.ndim)) * (after - before)
    return value


def choices(
    rng: np.random.Generator,
    t: Array,
    weights: list[float],
    hold: tuple[float, float],
    move: tuple[float, float],
) -> Array:
    """Smoothly cross-faded shares (T, N) of N ways to do something; one of them has share 1 while
    it is held.
    """
    likely = np.asarray(weights) / np.sum(weights)
    one_hot = np.eye(len(weights))
    return held_keys(rng, t, lambda: one_hot[rng.choice(len(weights), p=likely)], hold, move)


def alternate(
    rng: np.random.Generator,
    t: Array,
    up: tuple[float, float],
    down: tuple[float, float],
    start_up: float = 0.5,
) -> Array:
    """1 for a time drawn from `up` seconds, 0 for a time from `down`, and so on, with minimum-jerk
    moves (T,).
    """
    high = bool(rng.uniform() < start_up)
    value = np.full(len(t), float(high))
    now = rng.uniform(0.1, 1.0) * rng.uniform(*(up if high else down))
    while now < t[-1]:
        length = rng.uniform(0.6, 1.0)
        value += (-1.0 if high else 1.0) * min_jerk((t - now) / length)
        high = not high
        now += length + rng.uniform(*(up if high else down))
    return value


def smooth(signal: Array, seconds: float, fps: float = 50.0) -> Array:
    """The signal (T,) averaged over a bell of `seconds`, so that its moves take longer."""
    width = max(3, int(seconds * fps) | 1)
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(signal, width // 2, mode="edge")
    # Term by term: np.convolve's last bits differ from run to run with where its arrays lie.
    total = sum(w * padded[k : k + len(signal)] for k, w in enumerate(kernel / kernel.sum()))
    # A mean cannot leave the range; rounding could, and roots are taken of its distance to 1.
    return np.clip(total, signal.min(), signal.max())


def soft_max(a: Array | float, b: Array | float, width: float) -> Array:
    """Smooth maximum, never below the true one; off by width / 2 where a equals b."""
    difference = np.asarray(a) - b
    return 0.5 * (np.asarray(a) + b + np.sqrt(difference * difference + width * width))


def soft_min(a: Array | float, b: Array | float, width: float) -> Array:
    """Smooth minimum, never above the true one; off by width / 2 where a equals b."""
    return -soft_max(-np.asarray(a), -np.asarray(b), width)


def unit(v: Array) -> Array:
    """Vectors (..., 3) scaled to length one; a zero vector stays zero."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def turn(axis: str, angle: Array | float) -> Array:
    """Rotation matrices (T, 3, 3), or (3, 3) of one angle, about the x, y or z axis."""
    angle = np.asarray(angle, dtype=float)
    i, j = AXES[axis]
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., [0, 1, 2], [0, 1, 2]] = 1.0
    matrix[..., i, i] = matrix[..., j, j] = np.cos(angle)
    matrix[..., j, i] = np.sin(angle)
    matrix[..., i, j] = -matrix[..., j, i]
    return matrix


def apply(rotation: Array, v: Array) -> Array:
    """rotation (..., 3, 3) on v (..., 3), broadcasting."""
    return (rotation @ v[..., None])[..., 0]

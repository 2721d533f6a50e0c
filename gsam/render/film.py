"""From light to a stored picture: tone, blur of lens or motion, noise of the sensor."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["expose"]

Floats = NDArray[np.float32]

NOISE_SIDE = 512


def expose(light: Floats, blur: bool, noise: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of light (H, W, 3) in 0..255; the draws do not depend on the flags."""
    image = light * _tone(rng)
    kernel = _kernel(rng, max(light.shape[:2]))
    if blur and kernel is not None:
        image = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    grain = _grain(rng, *light.shape[:2])
    if noise:
        image += grain
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _tone(rng: np.random.Generator) -> Floats:
    return (rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3)).astype(np.float32)


def _kernel(rng: np.random.Generator, size: int) -> Floats | None:
    """A small Gaussian or a line, its length in proportion to the picture; None in about half."""
    kind, spread, angle = rng.uniform(0, 1), rng.uniform(0.3, 1.0), rng.uniform(0, np.pi)
    if kind < 0.5:
        return None
    if kind < 0.75:
        sigma = 0.004 * size * spread
        line = cv2.getGaussianKernel(2 * int(np.ceil(2 * sigma)) + 1, sigma, cv2.CV_32F)
        return line @ line.T
    reach = 0.011 * size * spread
    half = int(np.ceil(reach))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    for t in np.linspace(-reach, reach, 4 * half + 1):
        x, y = half + t * np.cos(angle), half + t * np.sin(angle)
        kernel[round(y), round(x)] += 1.0
    return kernel / kernel.sum()


@functools.cache
def _noise_bank() -> Floats:
    """Standard normal noise (S, S, 3), drawn once per process; half of it is common to all
    channels.
    """
    rng = np.random.default_rng(0)
    own = rng.standard_normal((NOISE_SIDE, NOISE_SIDE, 3), dtype=np.float32)
    common = rng.standard_normal((NOISE_SIDE, NOISE_SIDE, 1), dtype=np.float32)
    return np.float32(0.7) * (own + common)


def _grain(rng: np.random.Generator, height: int, width: int) -> Floats:
    """A random piece (H, W, 3) of the bank, of a strength between nearly none and strong."""
    strength = rng.uniform(0.5, 2.5) ** 2
    down, right = rng.integers(0, NOISE_SIDE, 2)
    rows = np.arange(down, down + height) % NOISE_SIDE
    columns = np.arange(right, right + width) % NOISE_SIDE
    return np.float32(strength) * _noise_bank()[rows[:, None], columns]

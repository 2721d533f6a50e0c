"""From light to a stored picture: tone, blur of lens or motion, noise of the sensor."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["expose"]

Floats = NDArray[np.float32]

NOISE_SIDE = 256
# Root of the noise's standard deviation: from nearly none to strong.
GRAIN = (0.5, 2.6)


def expose(light: Floats, blur: bool, noise: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of light (H, W, 3) in 0..255; the draws do not depend on the flags."""
    height, width = light.shape[:2]
    image = np.asarray(cv2.transform(light, np.diag(_tone(rng))), dtype=np.float32)
    kernel = _kernel(rng, max(height, width))
    strength = rng.uniform(*GRAIN) ** 2
    down, right = rng.integers(0, NOISE_SIDE, 2)
    if blur and kernel is not None:
        blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        image = np.asarray(blurred, dtype=np.float32)
    # A sum with a narrower result type rounds and clips.
    grain = _noise(height, width)[down : down + height, right : right + width]
    stored = cv2.addWeighted(image, 1.0, grain, strength * noise, 0.0, dtype=cv2.CV_8U)
    return np.asarray(stored, dtype=np.uint8)


def _tone(rng: np.random.Generator) -> Floats:
    """Exposure and white balance: a factor per channel (3,)."""
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


@functools.lru_cache(maxsize=4)
def _noise(height: int, width: int) -> Floats:
    """Standard normal noise, of which any piece (height, width, 3) that starts in the first
    `NOISE_SIDE` rows and columns can be taken; drawn once per process and size.

    Half of it is common to all channels.
    """
    rng = np.random.default_rng(0)
    size = (NOISE_SIDE, NOISE_SIDE)
    own = rng.standard_normal((*size, 3), dtype=np.float32)
    common = rng.standard_normal((*size, 1), dtype=np.float32)
    wrap = ((0, height), (0, width), (0, 0))
    return np.pad(np.float32(0.7) * (own + common), wrap, mode="wrap")

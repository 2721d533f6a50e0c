"""Heat maps that the cascaded pyramid network learns: one pixel, blurred by four kernels.

Source: pytorch-cpn, `generate_heatmap`: OpenCV's Gaussian blur of a single 1, mirrored at the
border, rescaled to a maximum of 255. Blurring one pixel is an outer product of two vectors, so a
target is two look-ups and a product instead of an image filter.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig

__all__ = ["PEAK", "blur_matrix", "cpn_kernels", "cpn_targets"]

PEAK = 255.0
"""Value of a target at its joint."""

_KERNELS = {256: (15, 11, 9, 7), 384: (23, 17, 13, 9)}

# OpenCV's fixed kernels for small sizes without a sigma, in 256ths, from the middle outwards.
_SMALL = {1: (256,), 3: (128, 64), 5: (96, 64, 16), 7: (72, 56, 28, 8), 9: (60, 51, 30, 13, 4)}


def cpn_kernels(height: int) -> tuple[int, ...]:
    """Sizes of the four blurs, widest (for the coarsest map) first, for an input `height` in px.

    The reference's at 256 and 384 px; elsewhere those of 256 in proportion, odd and at least 3.
    """
    if height in _KERNELS:
        return _KERNELS[height]
    return tuple(max(3, 2 * round((size * height / 256 - 1) / 2) + 1) for size in _KERNELS[256])


def cpn_targets(config: DetectorConfig, points: Tensor, weight: Tensor) -> Tensor:
    """Targets (B, 4, J, h, w), for the coarsest global map first, up to 255.

    `points` (B, J, 2) are input pixels; a joint with `weight` (B, J) of 0, or outside the map, has
    an empty target.
    """
    height, width = config.map_height, config.map_width
    column, row = (points / STRIDE).unbind(-1)
    inside = (weight > 0) & (column >= 0) & (row >= 0) & (column < width) & (row < height)
    x, y = (torch.where(inside, each, 0.0).long() for each in (column, row))
    maps = []
    for kernel in cpn_kernels(config.height):
        down = _responses(height, kernel, points)[y]
        across = _responses(width, kernel, points)[x]
        maps.append(down.unsqueeze(-1) * across.unsqueeze(-2) * inside[..., None, None])
    return torch.stack(maps, dim=1) * PEAK


def _responses(size: int, kernel: int, like: Tensor) -> Tensor:
    """Row p (of `size`) is the blurred unit pulse at p, rescaled to a maximum of 1."""
    return torch.from_numpy(_peaked(size, kernel)).to(like.device, like.dtype)


@lru_cache(maxsize=64)
def _peaked(size: int, kernel: int) -> NDArray[np.float64]:
    pulses = blur_matrix(size, kernel).T
    return pulses / pulses.max(axis=1, keepdims=True)


@lru_cache(maxsize=64)
def blur_matrix(size: int, kernel: int) -> NDArray[np.float64]:
    """OpenCV's Gaussian blur of `kernel` odd pixels along an axis, as a (size, size) matrix.

    Sigma is OpenCV's default, 0.3 ((kernel - 1) / 2 - 1) + 0.8; the border is mirrored without
    repeating the outermost pixel.
    """
    matrix = np.zeros((size, size))
    for offset, value in enumerate(_weights(kernel), start=-(kernel // 2)):
        np.add.at(matrix, (np.arange(size), _mirrored(np.arange(size) + offset, size)), value)
    return matrix


def _weights(kernel: int) -> NDArray[np.float64]:
    half = kernel // 2
    offsets = np.abs(np.arange(-half, half + 1))
    if kernel in _SMALL:
        return np.array(_SMALL[kernel])[offsets] / 256
    weights = np.exp(-0.5 * (offsets / (0.3 * (half - 1) + 0.8)) ** 2)
    return weights / weights.sum()


def _mirrored(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Indices brought into 0 .. size - 1 by reflection at the first and the last pixel."""
    if size == 1:
        return np.zeros_like(index)
    folded = np.abs(index) % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)

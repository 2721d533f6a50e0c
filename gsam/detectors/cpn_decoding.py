"""From the refined heat maps of the cascaded pyramid network to joints.

Source: pytorch-cpn, `test.py`. Maps are blurred over a border of empty pixels; the blur is linear
and separable, so it is a product with one small matrix from either side.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig
from gsam.detectors.cpn_targets import PEAK, blur_matrix

_BORDER = 10
_KERNEL = 2 * _BORDER + 1
_STEP = 0.25


def cpn_decode(
    config: DetectorConfig, heatmaps: Tensor, quarter_offset: bool
) -> tuple[Tensor, Tensor]:
    """Joints (B, J, 2) in input px and scores (B, J) from heat maps (B, J, h, w).

    The place is the maximum of the blurred map, moved by a quarter of a pixel towards the second
    largest value if `quarter_offset`; a heat-map pixel stands for its middle, 4 x + 2. The score is
    the raw map there over 255, plus 0.5.
    """
    places = cpn_places(heatmaps, quarter_offset)
    scores = _values(heatmaps, places).to(heatmaps.dtype) / PEAK + 0.5
    points = places * STRIDE + STRIDE / 2
    return points.to(heatmaps.dtype), scores


def cpn_places(heatmaps: Tensor, quarter_offset: bool) -> Tensor:
    """Joints (B, J, 2) as (x, y) in heat-map px, float64, held inside the map."""
    height, width = heatmaps.shape[-2:]
    down, across = (
        torch.from_numpy(_bordered_blur(size)).to(heatmaps.device) for size in (height, width)
    )
    # The second largest value is searched among neighbours that differ in the last digits of
    # float32, so this is done in the reference's float64.
    flat = (down @ heatmaps.double() @ across.T).flatten(2)
    columns = width + 2 * _BORDER
    first = flat.argmax(dim=2, keepdim=True)
    places = _position(first, columns)
    if quarter_offset:
        second = flat.scatter(2, first, 0.0).argmax(dim=2, keepdim=True)
        step = _position(second, columns) - places
        # Two different pixels are at least 1 apart; the same pixel twice gives no direction.
        places = places + _STEP * step / step.norm(dim=-1, keepdim=True).clamp(min=1.0)
    limit = places.new_tensor([width - 1, height - 1])
    return (places - _BORDER).clamp(min=0.0).minimum(limit)


def _position(index: Tensor, columns: int) -> Tensor:
    return torch.cat([index % columns, index // columns], dim=2).double()


def _values(heatmaps: Tensor, places: Tensor) -> Tensor:
    x, y = places.round().long().unbind(-1)
    return heatmaps.flatten(2).gather(2, (y * heatmaps.shape[-1] + x).unsqueeze(2)).squeeze(2)


@lru_cache(maxsize=16)
def _bordered_blur(size: int) -> NDArray[np.float64]:
    """Blur of `size` pixels within a border of zeros, (size + 2 border, size)."""
    return blur_matrix(size + 2 * _BORDER, _KERNEL)[:, _BORDER : _BORDER + size].copy()

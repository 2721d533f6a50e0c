"""Heat maps that the stacked hourglass learns.

Source: pytorch_stacked_hourglass, `GenerateHeatmap`: a table of a Gaussian is pasted with its
middle at the truncated coordinates.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig


def hourglass_targets(config: DetectorConfig, points: Tensor, weight: Tensor) -> Tensor:
    """Targets (B, J, h, w) from 0 to 1, from `points` (B, J, 2) in input px.

    A joint with `weight` (B, J) of 0 has an empty target, and so has one outside the map or, as in
    the reference, on its left edge (x <= 0).
    """
    places = torch.where((weight > 0).unsqueeze(-1), points / STRIDE, -1.0)
    return gaussian_maps(places, config.map_height, config.map_width)


def gaussian_maps(places: Tensor, height: int, width: int) -> Tensor:
    """Maps (B, J, height, width) of Gaussians at `places` (B, J, 2), heat-map px.

    Sigma is a 64th of the longer side and at least 1 px, where a thinner one would fall between
    pixels; the table has 6 sigma + 3 entries.
    """
    sigma = max(1.0, max(height, width) / 64)
    x, y = places.unbind(-1)
    inside = (x > 0) & (y > -1) & (x < width) & (y < height)
    down, across = _table(y, sigma, height), _table(x, sigma, width)
    return down.unsqueeze(-1) * across.unsqueeze(-2) * inside[..., None, None]


def _table(place: Tensor, sigma: float, size: int) -> Tensor:
    """The Gaussian's table pasted along one axis, (B, J) -> (B, J, size).

    The square table is a product of two, and so are the maps; outside the table they are 0.
    """
    whole = place.trunc()
    start = (whole - 3 * sigma - 1).trunc()
    end = (whole + 3 * sigma + 2).trunc()
    pixel = torch.arange(size, device=place.device, dtype=place.dtype)
    entry = pixel - start.unsqueeze(-1)
    value = torch.exp(-((entry - (3 * sigma + 1)) ** 2) / (2 * sigma**2))
    return value * ((entry >= 0) & (pixel < end.unsqueeze(-1)))

"""Gaussian heat maps of HRNet and SimpleBaseline."""

from typing import NamedTuple

import torch
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig

RADIUS = 3  # standard deviations after which a Gaussian is cut off


class HeatmapTargets(NamedTuple):
    """Heat maps (B, J, h, w) with peaks of 1, and what each joint counts in the loss (B, J)."""

    maps: Tensor
    weight: Tensor


def gaussian_targets(config: DetectorConfig, points: Tensor, weight: Tensor) -> HeatmapTargets:
    """A Gaussian around the cell nearest to each joint, as HRNet makes it.

    `points` (B, J, 2) in input pixels, `weight` (B, J) in [0, 1]: a joint of at most 0.5 has an
    empty map. A joint whose Gaussian lies wholly outside the map is left out of the loss; one that
    ends right before the first row or column counts as a map that is empty (the reference's quirk).
    """
    radius = int(RADIUS * config.sigma)
    centres = torch.trunc(points / STRIDE + 0.5)  # towards zero, for negative ones too
    size = points.new_tensor([config.map_width, config.map_height])
    outside = (centres - radius >= size) | (centres + radius + 1 < 0)
    weight = weight.masked_fill(outside.any(dim=-1), 0.0)
    columns = _profile(centres[..., 0], config.map_width, config.sigma, radius)
    rows = _profile(centres[..., 1], config.map_height, config.sigma, radius)
    rows = rows * (weight > 0.5)[..., None]
    maps = rows[..., :, None] * columns[..., None, :]
    if config.joint_weights:
        weight = weight * weight.new_tensor(config.joint_weights)
    return HeatmapTargets(maps, weight)


def _profile(centres: Tensor, length: int, sigma: float, radius: int) -> Tensor:
    """exp(-d^2 / 2 sigma^2) at cells 0 .. length - 1, (..., length); 0 beyond the radius."""
    cells = torch.arange(length, dtype=centres.dtype, device=centres.device)
    distance = cells - centres[..., None]
    values = torch.exp(distance.square() / (-2.0 * sigma**2))
    return torch.where(distance.abs() <= radius, values, 0.0)  # not a number counts as far away

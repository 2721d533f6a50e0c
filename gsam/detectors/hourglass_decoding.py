"""From a hourglass's heat maps to joints (pytorch_stacked_hourglass, `HeatmapParser`).

The reference suppresses what is no maximum of its 3x3 surroundings and keeps the best; of one
person that is the plain maximum, or nothing where no value is above 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig


def hourglass_decode(
    config: DetectorConfig, heatmaps: Tensor, quarter_offset: bool
) -> tuple[Tensor, Tensor]:
    """Joints (B, J, 2) in input px and scores (B, J) from heat maps (B, J, h, w).

    Targets truncate coordinates, so a pixel stands for its middle with and without the offset. A
    map without a positive value gives the corner (0, 0) and the score 0.
    """
    places, scores = parse(heatmaps, quarter_offset)
    if not quarter_offset:
        places = places + 0.5 * (scores > 0).unsqueeze(-1)
    return places * STRIDE, scores


def parse(heatmaps: Tensor, adjust: bool) -> tuple[Tensor, Tensor]:
    """(x, y) in heat-map px (B, J, 2) and scores (B, J), as the reference's parser.

    With `adjust` each coordinate moves by 0.25 towards the larger neighbour (down where they are
    equal; at the border the pixel itself is its neighbour), then by 0.5 to the pixel's middle.
    """
    height, width = heatmaps.shape[-2:]
    flat = heatmaps.flatten(2)
    scores, index = flat.max(dim=2)
    found = scores > 0
    index = torch.where(found, index, 0)
    x, y = index % width, index // width

    def value(column: Tensor, row: Tensor) -> Tensor:
        place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        return flat.gather(2, place.unsqueeze(2)).squeeze(2)

    places = torch.stack([x, y], dim=-1).to(heatmaps.dtype)
    if adjust:
        larger = torch.stack(
            [value(x + 1, y) > value(x - 1, y), value(x, y + 1) > value(x, y - 1)], dim=-1
        )
        moved = places + torch.where(larger, 0.75, 0.25)
        places = torch.where(found.unsqueeze(-1), moved, places)
    return places, torch.where(found, scores, 0.0)

"""From heat maps to points as HRNet reads them: the highest cell, a quarter towards its slope."""

import torch
from torch import Tensor

from gsam.detectors.config import STRIDE, DetectorConfig


def decode_heatmaps(
    config: DetectorConfig, heatmaps: Tensor, quarter_offset: bool
) -> tuple[Tensor, Tensor]:
    """Points (B, J, 2) in input pixels and scores (B, J) of heat maps (B, J, h, w)."""
    cells, scores = best_cells(heatmaps)
    if quarter_offset:
        cells = cells + quarter_steps(heatmaps, cells)
    return cells * STRIDE, scores


def best_cells(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """(column, row) of each map's first maximum (B, J, 2), and the maxima (B, J).

    A map without a positive value answers (0, 0).
    """
    width = heatmaps.shape[-1]
    scores, index = heatmaps.flatten(2).max(dim=-1)
    cells = torch.stack([index % width, index // width], dim=-1)
    return (cells * (scores > 0)[..., None]).to(heatmaps.dtype), scores


def quarter_steps(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """A quarter of a cell towards the larger neighbour in x and in y, (B, J, 2).

    None for cells in the first two or the last row or column, and none towards equal neighbours.
    """
    height, width = heatmaps.shape[-2:]
    column, row = cells.long().unbind(-1)
    inside = (column > 1) & (column < width - 1) & (row > 1) & (row < height - 1)
    # Any cell with four neighbours will do where the answer is dropped anyway.
    centre = torch.where(inside, row * width + column, width + 1)
    flat = heatmaps.flatten(2)

    def slope(step: int) -> Tensor:
        after = flat.gather(2, (centre + step)[..., None])
        return (after - flat.gather(2, (centre - step)[..., None])).squeeze(2).sign()

    return 0.25 * torch.stack([slope(1), slope(width)], dim=-1) * inside[..., None]

"""How many heat maps peak where they should: HRNet's training accuracy, a PCK on the cells."""

import torch
from torch import Tensor

from gsam.detectors.decoding import best_cells

NEAR = 0.5  # the largest distance that counts as right, in tenths of the map
TENTH = 10


def heatmap_accuracy(heatmaps: Tensor, targets: Tensor) -> Tensor:
    """Share of samples whose peak is near the target's, for every joint (J,), from (B, J, h, w).

    A joint that no sample shows is not a number. Distances in x count in tenths of the map's
    height and those in y in tenths of its width, and targets that peak in the first two rows or
    columns do not count: both as in the reference (lib/core/evaluate.py).
    """
    height, width = heatmaps.shape[-2:]
    found, wanted = best_cells(heatmaps)[0], best_cells(targets)[0]
    unit = wanted.new_tensor([height, width]) / TENTH
    distance = ((found - wanted) / unit).norm(dim=-1)
    counted = (wanted > 1).all(dim=-1)
    right = (counted & (distance < NEAR)).sum(dim=0)
    return right / counted.sum(dim=0).to(torch.float64)

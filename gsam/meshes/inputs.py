"""Pixels as the backbones of mesh regressors expect them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["normalise"]

# ImageNet's mean and standard deviation of RGB in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalise(crops: Tensor) -> Tensor:
    """RGB crops (B, S, S, 3) of 0 .. 255 as the network's input (B, 3, S, S), float32.

    The result is stored channels last, as the crops are.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=crops.device) for values in (MEAN, STD)
    )
    return ((crops / 255.0 - mean) / std).permute(0, 3, 1, 2)

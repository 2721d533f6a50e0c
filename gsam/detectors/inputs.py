"""Pixels as each family's reference feeds them to its network."""

import torch
from torch import Tensor

from gsam.detectors.config import DetectorConfig

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# (mean, standard deviation) of RGB in [0, 1].
_CONSTANTS = {
    "hrnet": (_IMAGENET_MEAN, _IMAGENET_STD),
    "simplebaseline": (_IMAGENET_MEAN, _IMAGENET_STD),
    "cpn": ((122.7717 / 255, 115.9465 / 255, 102.9801 / 255), (1.0, 1.0, 1.0)),
    "hourglass": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def normalise(config: DetectorConfig, crops: Tensor) -> Tensor:
    """RGB crops (B, H, W, 3) of 0 .. 255 as the detector's input (B, 3, H, W), float32.

    The result is stored channels last, as the crops are.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=crops.device)
        for values in _CONSTANTS[config.name]
    )
    return ((crops / 255.0 - mean) / std).permute(0, 3, 1, 2)

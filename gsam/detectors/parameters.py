"""How large a detector is."""

import torch

from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig


def count_parameters(config: DetectorConfig) -> int:
    """Number of trainable values of the detector, without allocating them. Raises ConfigError."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_detector(config).parameters())

"""How large a lifter is."""

import torch

from gsam.lifters.build import build_lifter
from gsam.lifters.config import LifterConfig


def count_parameters(config: LifterConfig) -> int:
    """Number of trainable values of the lifter, without allocating them. Raises ConfigError."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_lifter(config).parameters())

"""From a detector's configuration to its module."""

from torch import nn

from gsam.detectors.config import DetectorConfig, check
from gsam.detectors.cpn import Cpn
from gsam.detectors.hourglass import Hourglass
from gsam.detectors.hrnet import HRNet
from gsam.detectors.simplebaseline import SimpleBaseline


def build_detector(config: DetectorConfig) -> nn.Module:
    """A detector with fresh weights, its keys those of the family's reference implementation.

    It maps (B, 3, height, width) crops, normalised as `inputs.normalise` does, to a tuple of heat
    maps (B, J, height / 4, width / 4); the last one is decoded, all of them take part in the loss.
    Raises ConfigError naming every problem of the configuration.
    """
    check(config)
    if config.name == "cpn":
        return Cpn(config)
    if config.name == "hourglass":
        return Hourglass(config)
    if config.name == "simplebaseline":
        return SimpleBaseline(config)
    return HRNet(config)

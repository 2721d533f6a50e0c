"""Parameters of architectures that tables and audit name."""

from collections.abc import Mapping
from typing import Any

from gsam.configs import build
from gsam.detectors.config import DetectorConfig
from gsam.detectors.parameters import count_parameters as count_of_detector
from gsam.lifters.config import LifterConfig
from gsam.lifters.parameters import count_parameters


def count_detector(detector: Mapping[str, Any]) -> int:
    """Parameters of a detector given by its configuration; raises ConfigError for a wrong one."""
    return count_of_detector(build(DetectorConfig, detector, "detector"))


def count_lifter(lifter: Mapping[str, Any]) -> int:
    """Parameters of a lifter given by its configuration; raises ConfigError for a wrong one."""
    return count_parameters(build(LifterConfig, lifter, "lifter"))

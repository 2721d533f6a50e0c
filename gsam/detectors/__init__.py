"""Networks that find a person's joints in a crop, behind one configuration and one interface."""

from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.detectors.parameters import count_parameters

__all__ = ["DetectorConfig", "build_detector", "count_parameters"]

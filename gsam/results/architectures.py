"""Parameters of architectures that tables and audit name."""

from collections.abc import Mapping
from typing import Any

from gsam.configs import build
from gsam.detectors.config import DetectorConfig
from gsam.detectors.parameters import count_parameters as count_of_detector
from gsam.lifters.config import LifterConfig
from gsam.lifters.parameters import count_parameters
from gsam.meshes.config import MeshConfig
from gsam.meshes.parameters import count_parameters as count_of_mesh


def count_detector(detector: Mapping[str, Any]) -> int:
    """Parameters of a detector given by its configuration; raises ConfigError for a wrong one."""
    return count_of_detector(build(DetectorConfig, detector, "detector"))


def count_lifter(lifter: Mapping[str, Any]) -> int:
    """Parameters of a lifter given by its configuration; raises ConfigError for a wrong one."""
    return count_parameters(build(LifterConfig, lifter, "lifter"))


def count_mesh(mesh: Mapping[str, Any]) -> int:
    """Parameters of a mesh regressor given by its configuration, without those of the body.

    Raises ConfigError for a wrong one.
    """
    return count_of_mesh(build(MeshConfig, mesh, "mesh"))


COUNTS = {"lifter": count_lifter, "detector": count_detector, "mesh": count_mesh}
"""Counters of parameters by the kind of network."""

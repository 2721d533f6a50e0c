"""How large a mesh regressor is."""

from __future__ import annotations

import torch

from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig

__all__ = ["count_parameters"]


def count_parameters(config: MeshConfig) -> int:
    """Number of values in the network's parameters, without allocating them. Raises ConfigError.

    The reference's own counts include 82 default parameters of its body model, these do not.
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_mesh(config).parameters())

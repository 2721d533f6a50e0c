"""Networks that find a body model's pose and shape in a crop, and what trains and scores them."""

from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.output import MeshOutput
from gsam.meshes.parameters import count_parameters

__all__ = ["MeshConfig", "MeshOutput", "build_mesh", "count_parameters"]

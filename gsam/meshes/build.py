"""From a mesh regressor's configuration to its module."""

from __future__ import annotations

from torch import Tensor, nn

from gsam.body.mean_params import MeanParams
from gsam.meshes.backbones import backbone_width, build_backbone
from gsam.meshes.config import MeshConfig, check
from gsam.meshes.hmr import HmrHead
from gsam.meshes.output import MeshOutput
from gsam.meshes.pare_head import PareHead
from gsam.meshes.start import rest_params

__all__ = ["MeshModel", "build_mesh"]


class MeshModel(nn.Module):
    """(B, 3, S, S) crops, normalised as `inputs.normalise` does, to a `MeshOutput`.

    Its parts are `backbone` and `head`, as the reference's; what the reference keeps of the body
    model beside them (`smpl.`) has a licence of its own and is no part of the network.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> MeshOutput:
        """Pose, shape, camera and maps of every crop."""
        return self.head(self.backbone(images)[-1])


def build_mesh(config: MeshConfig, mean: MeanParams | None = None) -> MeshModel:
    """A mesh regressor with fresh weights that answers about `mean`, kept in its buffers.

    Without `mean` it starts from the rest pose. Raises ConfigError naming every problem of the
    configuration.
    """
    check(config)
    head = HmrHead if config.name == "hmr" else PareHead
    start = rest_params() if mean is None else mean
    return MeshModel(build_backbone(config), head(config, backbone_width(config), start))

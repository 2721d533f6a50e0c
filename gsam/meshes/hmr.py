"""HMR: pooled features and rounds of regression from the mean parameters (Kanazawa et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsam.body.mean_params import MeanParams
from gsam.body.rotations import rot6d_to_matrix
from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.output import MeshOutput
from gsam.meshes.regressors import BETAS, CAMERA, ROT6D
from gsam.meshes.start import mean_buffers, start_small

__all__ = ["HmrHead"]


class HmrHead(nn.Module):
    """Backbone features (B, inputs, h, w) to a `MeshOutput` without maps.

    Every round adds to pose, shape and camera what two linear layers, nothing but dropout between
    them, make of the pooled features and of the round before. Keys are the reference's (PARE,
    pare/models/head/hmr_head.py).
    """

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def __init__(self, config: MeshConfig, inputs: int, mean: MeanParams) -> None:
        super().__init__()
        self.iterations = config.iterations
        for name, values in mean_buffers(mean).items():
            self.register_buffer(name, values)
        pose = ROT6D * PARTS
        self.fc1 = nn.Linear(inputs + pose + BETAS + CAMERA, config.hidden)
        self.fc2 = nn.Linear(config.hidden, config.hidden)
        self.drop = nn.Dropout()
        self.decpose = nn.Linear(config.hidden, pose)
        self.decshape = nn.Linear(config.hidden, BETAS)
        self.deccam = nn.Linear(config.hidden, CAMERA)
        for layer in (self.decpose, self.decshape, self.deccam):
            start_small(layer)

    def forward(self, features: Tensor) -> MeshOutput:
        """The answer for every crop; see `MeshOutput`."""
        pooled = features.mean(dim=(2, 3))
        count = len(pooled)
        pose = self.init_pose.expand(count, -1)
        shape = self.init_shape.expand(count, -1)
        camera = self.init_cam.expand(count, -1)
        for _ in range(self.iterations):
            told = torch.cat((pooled, pose, shape, camera), dim=1)
            inner = self.drop(self.fc2(self.drop(self.fc1(told))))
            pose = pose + self.decpose(inner)
            shape = shape + self.decshape(inner)
            camera = camera + self.deccam(inner)
        rotations = rot6d_to_matrix(pose.view(count, PARTS, ROT6D))
        return MeshOutput(rotations, shape, camera, None, None, None)

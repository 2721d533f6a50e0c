"""PARE's head: a part branch says where to look, a 3D branch what is seen there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsam.body.mean_params import MeanParams
from gsam.body.rotations import rot6d_to_matrix
from gsam.detectors.resnet import initialise_heatmaps
from gsam.meshes.branches import attend, branch, read_at, softargmax
from gsam.meshes.coattention import CoAttention
from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.iterative import Regressors, pose_width, regress_iteratively, shape_width
from gsam.meshes.non_local import NonLocal
from gsam.meshes.output import MeshOutput
from gsam.meshes.part_attention import PartAttention
from gsam.meshes.regressors import BETAS, CAMERA, ROT6D, State, linear_layers, part_layers
from gsam.meshes.start import mean_buffers, start_at_mean

__all__ = ["PareHead"]


class PareHead(nn.Module):
    """Backbone features (B, inputs, h, w) to a `MeshOutput` (Kocabas et al. 2021, section 3).

    Keys are the reference's (PARE, pare/models/head/pare_head.py); self-attention of the parts adds
    keys under `part_attention.`.
    """

    temperature: Tensor
    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def __init__(self, config: MeshConfig, inputs: int, mean: MeanParams) -> None:
        super().__init__()
        self.config = config
        filters, features = config.deconv_filters, config.shape_features
        self.register_buffer("temperature", torch.tensor(float(config.temperature)))
        for name, values in mean_buffers(mean).items():
            self.register_buffer(name, values)
        self.keypoint_deconv_layers = branch(config, inputs)
        self.smpl_deconv_layers = branch(config, inputs)
        self.keypoint_final_layer = nn.Conv2d(filters, config.map_channels, 1)
        initialise_heatmaps(self.keypoint_final_layer)
        self.smpl_final_layer = nn.Conv2d(filters, features, 1)
        local, flat = filters, PARTS * features
        if config.iterative:
            local = pose_width(config.pose_inputs, local)
            flat = shape_width(config.shape_inputs, flat)
        self.pose_mlp = part_layers(local, config.pose_hidden, config.pose_layers)
        hidden, layers = config.shape_hidden, config.shape_layers
        self.shape_mlp = linear_layers(flat, hidden, BETAS, layers)
        self.cam_mlp = linear_layers(flat, hidden, CAMERA, layers)
        start_at_mean(config, Regressors(self.pose_mlp, self.shape_mlp, self.cam_mlp), mean)
        self._add_options(config)

    def _add_options(self, config: MeshConfig) -> None:
        """The modules that only some variants have."""
        filters = config.deconv_filters
        if config.branch_non_local:
            self.branch_2d_nonlocal = NonLocal(filters, dimensions=2)
            self.branch_3d_nonlocal = NonLocal(filters, dimensions=2)
        if config.final_non_local:
            self.final_pose_nonlocal = NonLocal(filters, dimensions=1)
            self.final_shape_nonlocal = NonLocal(config.shape_features, dimensions=1)
        if config.coattention:
            self.coattention = CoAttention(filters)
        if config.attention_heads:
            width, heads = config.attention_width, config.attention_heads
            self.part_attention = PartAttention(PARTS, width, heads)

    def forward(self, features: Tensor) -> MeshOutput:
        """The answer for every crop; see `MeshOutput`."""
        part = self.keypoint_deconv_layers(features)
        body = self.smpl_deconv_layers(features)
        if self.config.branch_non_local:
            part, body = self.branch_2d_nonlocal(part), self.branch_3d_nonlocal(body)
        state, reading = self._regress(part, body, self._start(len(features)))
        for _ in range(self.config.coattention):
            body, part = self.coattention(body, part)
            state, reading = self._regress(part, body, state)
        pose = state.pose.transpose(1, 2)
        if pose.dtype in (torch.bfloat16, torch.float16):
            # Under autocast; three digits do not make a rotation.
            pose = pose.float()
        rotations = rot6d_to_matrix(pose)
        return MeshOutput(rotations, state.shape, state.camera, *reading)

    def _start(self, count: int) -> State:
        # The reference views the mean pose as 6 x 24, although files have it joint after joint.
        pose = self.init_pose.view(1, ROT6D, PARTS)
        return State(
            pose.expand(count, -1, -1),
            self.init_shape.expand(count, -1),
            self.init_cam.expand(count, -1),
        )

    def _regress(
        self, part: Tensor, body: Tensor, start: State
    ) -> tuple[State, tuple[Tensor, Tensor, Tensor | None]]:
        """A guess, and the logits, the attention and the points that its features were read by."""
        maps, described = self.keypoint_final_layer(part), self.smpl_final_layer(body)
        if self.config.heatmaps == "softargmax":
            weights = (maps.flatten(2) * self.temperature).softmax(dim=-1).view_as(maps)
            points = softargmax(weights)
            local, shared = read_at(body, points), read_at(described, points)
            return self._answer(local, shared, start), (maps, weights, points)
        logits = maps[:, -PARTS:]  # the background, if any, comes first
        if self.config.attention_heads:
            logits = self.part_attention(logits)
        weights = logits.flatten(2).softmax(dim=-1).view_as(logits)
        local, shared = attend(body, weights), attend(described, weights)
        return self._answer(local, shared, start), (maps, weights, None)

    def _answer(self, local: Tensor, shared: Tensor, start: State) -> State:
        """A guess from the parts' features, (B, C, 24) for the pose and (B, F, 24) for the rest."""
        config = self.config
        if config.iterative:
            regressors = Regressors(self.pose_mlp, self.shape_mlp, self.cam_mlp)
            return regress_iteratively(config, regressors, local, shared.flatten(1), start)
        if config.final_non_local:
            local, shared = self.final_pose_nonlocal(local), self.final_shape_nonlocal(shared)
        flat = shared.flatten(1)
        pose, shape, camera = self.pose_mlp(local), self.shape_mlp(flat), self.cam_mlp(flat)
        if config.mean_pose:
            pose = pose + start.pose
        if config.mean_camshape:
            shape, camera = shape + start.shape, camera + start.camera
        return State(pose, shape, camera)

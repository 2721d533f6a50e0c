"""PoseFormer.

Zheng et al., 3D Human Pose Estimation with Spatial and Temporal Transformers, 2021.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gsam.lifters.blocks import NORM_EPS, TransformerBlock
from gsam.lifters.config import LifterConfig
from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter

# Normalised keypoints lie within about 0.1 to 0.2 of a person's centre, while nn.Linear's initial
# weights expect inputs of unit variance: without this gain the first thousand steps go into growing
# them (at equal steps, 226 mm without it against 143 mm on the twin at smoke scale).
INITIAL_INPUT_GAIN = 8.0

# Given a block's width, the residual module to put into it.
ExtraModule = Callable[[], nn.Module]


class PoseFormer(Lifter):
    """Joints attend to each other in every frame, then frames attend to each other.

    Reads `frames, joints, features, width, depth, heads, mlp_ratio, qkv_bias, qk_scale, dropout,
    drop_path, head`. Input (B, T, J, features) normalised screen coordinates, T = `frames`; output
    metres, root-relative: (B, 1, J, 3) for the central frame with the `centre` head, (B, T, J, 3)
    with the `sequence` head.
    State-dict keys are those of the official implementation.
    """

    def __init__(self, config: LifterConfig) -> None:
        super().__init__()
        self.config = config
        self.joints, self.features = config.joints, config.features
        self.receptive_field = config.frames
        self.target_frame = config.frames // 2
        self.answers_windows = config.head == "sequence"
        joints, width, frames = config.joints, config.width, config.frames
        token = joints * width
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, joints, width))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, frames, token))
        self.Spatial_patch_to_embedding = nn.Linear(config.features, width)
        with torch.no_grad():
            self.Spatial_patch_to_embedding.weight.mul_(INITIAL_INPUT_GAIN)
        self.pos_drop = Dropout(config.dropout)
        self.Spatial_blocks = self._stack(width, *self.spatial_extra())
        self.blocks = self._stack(token, *self.temporal_extra())
        self.Spatial_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.Temporal_norm = nn.LayerNorm(token, eps=NORM_EPS)
        if config.head == "centre":
            self.weighted_mean = nn.Conv1d(frames, 1, kernel_size=1)
        self.head = nn.Sequential(nn.LayerNorm(token), nn.Linear(token, 3 * joints))

    def spatial_extra(self) -> tuple[str, ExtraModule | None]:
        """Position and maker of the module added to every spatial block; PoseFormer has none."""
        return "none", None

    def temporal_extra(self) -> tuple[str, ExtraModule | None]:
        """Position and maker of the module added to every temporal block; PoseFormer has none."""
        return "none", None

    def _stack(self, width: int, position: str, extra: ExtraModule | None) -> nn.ModuleList:
        config = self.config
        last = max(config.depth - 1, 1)
        return nn.ModuleList(
            TransformerBlock(
                width,
                config.heads,
                mlp_ratio=config.mlp_ratio,
                qkv_bias=config.qkv_bias,
                qk_scale=config.qk_scale,
                dropout=config.dropout,
                drop_path=config.drop_path * index / last,
                extra=extra() if extra else None,
                position=position,
            )
            for index in range(config.depth)
        )

    def encode_frames(self, frames: Tensor) -> Tensor:
        """Spatial features of single frames, (N, J, features) -> (N, J * width), joint-major.

        On a CPU always in the weights' own precision: products this small are slower in bfloat16.
        """
        mixed = frames.device.type != "cpu" and torch.is_autocast_enabled(frames.device.type)
        with torch.autocast(frames.device.type, enabled=mixed):
            tokens = self.Spatial_patch_to_embedding(frames) + self.Spatial_pos_embed
            tokens = self.pos_drop(tokens)
            for block in self.Spatial_blocks:
                tokens = block(tokens)
            return self.Spatial_norm(tokens).flatten(1)

    def decode_windows(self, features: Tensor) -> Tensor:
        """Poses from windows of frame features, (B, T, J * width) -> (B, 1 or T, J, 3)."""
        tokens = self.pos_drop(features + self.Temporal_pos_embed)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.Temporal_norm(tokens)
        if self.config.head == "centre":
            # A 1x1 convolution whose channels are the frames is a weighted sum over them.
            tokens = self.weighted_mean.weight[:, :, 0] @ tokens + self.weighted_mean.bias
        return self.head(tokens).unflatten(-1, (self.config.joints, 3))

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, J, features) -> (B, 1 or T, J, 3)."""
        batch, frames = keypoints.shape[:2]
        features = self.encode_frames(keypoints.flatten(0, 1))
        return self.decode_windows(features.view(batch, frames, -1))

"""MixSTE.

Zhang et al., MixSTE: Seq2seq Mixed Spatio-Temporal Encoder for 3D Human Pose Estimation in Video,
2022.
"""

import torch
from torch import Tensor, nn

from gsam.lifters.axes import along_frames, along_joints
from gsam.lifters.blocks import NORM_EPS, TransformerBlock
from gsam.lifters.config import LifterConfig
from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter


class MixSTE(Lifter):
    """Joints of each frame and frames of each joint attend in turns, one width throughout.

    Reads `frames, joints, features, channels, depth, heads, mlp_ratio, qkv_bias, qk_scale, dropout,
    drop_path`. Input (B, T, J, features) normalised screen coordinates, T = `frames`; output
    (B, T, J, 3) metres, root-relative. Both norms are shared by all blocks of their kind, and
    positions are added once. State-dict keys are those of the official implementation.
    """

    answers_windows = True

    def __init__(self, config: LifterConfig) -> None:
        super().__init__()
        self.joints, self.features = config.joints, config.features
        self.receptive_field = config.frames
        self.target_frame = config.frames // 2
        width = config.resolved_channels()
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, config.joints, width))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, config.frames, width))
        self.Spatial_patch_to_embedding = nn.Linear(config.features, width)
        self.pos_drop = Dropout(config.dropout)
        self.STEblocks = _blocks(config, width)
        self.TTEblocks = _blocks(config, width)
        self.Spatial_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.Temporal_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, J, features) -> (B, T, J, 3)."""
        tokens = self.Spatial_patch_to_embedding(keypoints) + self.Spatial_pos_embed[:, None]
        tokens = self.pos_drop(tokens)
        pairs = zip(self.STEblocks, self.TTEblocks, strict=True)
        for index, (spatial, temporal) in enumerate(pairs):
            tokens = self.Spatial_norm(along_joints(spatial, tokens))
            if index == 0:
                tokens = self.pos_drop(tokens + self.Temporal_pos_embed[:, :, None])
            tokens = self.Temporal_norm(along_frames(temporal, tokens))
        return self.head(tokens)


def _blocks(config: LifterConfig, width: int) -> nn.ModuleList:
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
        )
        for index in range(config.depth)
    )

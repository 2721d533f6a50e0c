"""MotionBERT's encoder (DSTformer).

Zhu et al., MotionBERT: A Unified Perspective on Learning Human Motion Representations, 2023.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.axes import along_frames, along_joints
from gsam.lifters.blocks import NORM_EPS, Mlp, SelfAttention, StochasticDepth
from gsam.lifters.config import LifterConfig
from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter

INITIAL_STD = 0.02


class MotionBert(Lifter):
    """Two streams, joints before frames and frames before joints, fused after every stage.

    Reads `frames, joints, features, channels, depth, heads, mlp_ratio, qkv_bias, qk_scale, dropout,
    drop_path, positions, representation, adaptive_fusion`. Input (B, T, J, features) normalised
    screen coordinates and, with 3 features, scores, T up to `positions`; output (B, T, J, 3).
    `adaptive_fusion` weighs the streams per joint and frame; without it they are averaged.
    State-dict keys are those of the official implementation.
    """

    answers_windows = True

    def __init__(self, config: LifterConfig) -> None:
        super().__init__()
        self.joints, self.features = config.joints, config.features
        self.receptive_field = config.frames
        self.target_frame = config.frames // 2
        width = config.resolved_channels()
        representation = config.representation or width
        rates = torch.linspace(0, config.drop_path, config.depth, device="cpu").tolist()
        self.joints_embed = nn.Linear(config.features, width)
        self.pos_drop = Dropout(config.dropout)
        self.blocks_st = nn.ModuleList(DualBlock(config, rate, "joints") for rate in rates)
        self.blocks_ts = nn.ModuleList(DualBlock(config, rate, "frames") for rate in rates)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.pre_logits = nn.Sequential()
        self.pre_logits.add_module("fc", nn.Linear(width, representation))
        self.pre_logits.add_module("act", nn.Tanh())
        self.head = nn.Linear(representation, 3)
        self.temp_embed = nn.Parameter(torch.zeros(1, config.resolved_positions(), 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.joints, width))
        if config.adaptive_fusion:
            self.ts_attn = nn.ModuleList(nn.Linear(2 * width, 2) for _ in rates)
        self._start()

    def _start(self) -> None:
        """Initial weights as the reference's: small, biases 0, both streams weighed alike."""
        for module in self.modules():
            if isinstance(module, nn.Linear) and not module.weight.is_meta:
                nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
                nn.init.zeros_(module.bias) if module.bias is not None else None
        if not self.temp_embed.is_meta:
            nn.init.trunc_normal_(self.temp_embed, std=INITIAL_STD)
            nn.init.trunc_normal_(self.pos_embed, std=INITIAL_STD)
        for fusion in getattr(self, "ts_attn", ()):
            nn.init.zeros_(fusion.weight)
            nn.init.constant_(fusion.bias, 0.5)

    def represent(self, keypoints: Tensor) -> Tensor:
        """Features of every joint and frame, (B, T, J, features) -> (B, T, J, representation)."""
        frames = keypoints.shape[1]
        tokens = self.joints_embed(keypoints) + self.pos_embed[:, None]
        tokens = self.pos_drop(tokens + self.temp_embed[:, :frames])
        streams = zip(self.blocks_st, self.blocks_ts, strict=True)
        for index, (joints_first, frames_first) in enumerate(streams):
            tokens = self._fuse(index, joints_first(tokens), frames_first(tokens))
        return self.pre_logits(self.norm(tokens))

    def _fuse(self, index: int, first: Tensor, second: Tensor) -> Tensor:
        if not hasattr(self, "ts_attn"):
            return (first + second) * 0.5
        weights = functional.softmax(self.ts_attn[index](torch.cat([first, second], -1)), dim=-1)
        return first * weights[..., :1] + second * weights[..., 1:]

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, J, features) -> (B, T, J, 3)."""
        return self.head(self.represent(keypoints))


class DualBlock(nn.Module):
    """Attention and MLP along one axis, then along the other, each pre-norm with a skip.

    (B, T, J, C) -> (B, T, J, C); `first` is `joints` or `frames`.
    """

    def __init__(self, config: LifterConfig, drop_path: float, first: str) -> None:
        super().__init__()
        width = config.resolved_channels()
        for axis in "st":
            setattr(self, f"norm1_{axis}", nn.LayerNorm(width, eps=NORM_EPS))
        for axis in "st":
            setattr(self, f"attn_{axis}", _attention(config, width))
        for axis in "st":
            setattr(self, f"norm2_{axis}", nn.LayerNorm(width, eps=NORM_EPS))
        for axis in "st":
            mlp = Mlp(width, int(width * config.mlp_ratio), dropout=config.dropout)
            setattr(self, f"mlp_{axis}", mlp)
        self.drop_path = StochasticDepth(drop_path)
        self.order = "st" if first == "joints" else "ts"

    def forward(self, tokens: Tensor) -> Tensor:
        """One block."""
        for axis in self.order:
            along = along_joints if axis == "s" else along_frames
            tokens = along(partial(self._half, axis), tokens)
        return tokens

    def _half(self, axis: str, tokens: Tensor) -> Tensor:
        """The pair of one axis, (N, L, C) -> (N, L, C)."""
        norm1, attention, norm2, mlp = (
            getattr(self, f"{name}_{axis}") for name in ("norm1", "attn", "norm2", "mlp")
        )
        tokens = tokens + self.drop_path(attention(norm1(tokens)))
        return tokens + self.drop_path(mlp(norm2(tokens)))


def _attention(config: LifterConfig, width: int) -> SelfAttention:
    return SelfAttention(
        width,
        config.heads,
        bias=config.qkv_bias,
        scale=config.qk_scale,
        dropout=config.dropout,
    )

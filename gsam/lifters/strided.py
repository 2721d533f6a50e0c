"""StridedTransformer.

Li et al., Exploiting Temporal Contexts with Strided Transformer for 3D Human Pose Estimation, 2022.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.blocks import attend
from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter

NORM_EPS = 1e-6
POSITION_TABLES = 3


class DeviationNorm(nn.Module):
    """`a_2 (x - mean) / (std + eps) + b_2` over the last axis, std unbiased, eps outside it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(width))
        self.b_2 = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        deviation, mean = torch.std_mean(tokens, dim=-1, keepdim=True)
        return self.a_2 * (tokens - mean) / (deviation + NORM_EPS) + self.b_2


class Attention(nn.Module):
    """Multi-head self-attention with four separate linear layers: query, key, value, output."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        size = tokens.shape[-1] // self.heads
        query, key, value = (
            layer(tokens).unflatten(-1, (self.heads, size)).transpose(1, 2)
            for layer in self.linears[:3]
        )
        return self.linears[3](attend(query, key, value, size**-0.5).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, hidden)
        self.w_2 = nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        return self.w_2(self.dropout(functional.relu(self.w_1(tokens))))


class StridedFeedForward(nn.Module):
    """1x1 convolution, ReLU, strided convolution: (B, L, C) -> (B, ceil(L / stride), C)."""

    def __init__(self, width: int, hidden: int, dropout: float, stride: int) -> None:
        super().__init__()
        self.w_1 = nn.Conv1d(width, hidden, 1)
        self.w_2 = nn.Conv1d(hidden, width, 3, stride=stride, padding=1)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shorten the sequence by the stride."""
        return self.w_2(self.dropout(functional.relu(self.w_1(tokens.transpose(1, 2))))).transpose(
            1, 2
        )


class Sublayer(nn.Module):
    """Owner of a sub-layer's norm, so that the keys are the reference's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = DeviationNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        return self.norm(tokens)


class Layer(nn.Module):
    """Pre-norm attention and feed-forward; a stride makes the residual skip frames too."""

    def __init__(
        self, width: int, hidden: int, heads: int, dropout: float, stride: int | None
    ) -> None:
        super().__init__()
        self.stride = stride or 1
        self.self_attn = Attention(width, heads)
        self.feed_forward: nn.Module = (
            StridedFeedForward(width, hidden, dropout, stride)
            if stride
            else FeedForward(width, hidden, dropout)
        )
        self.sublayer = nn.ModuleList([Sublayer(width), Sublayer(width)])
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) -> (B, ceil(L / stride), C)."""
        tokens = tokens + self.dropout(self.self_attn(self.sublayer[0](tokens)))
        return tokens[:, :: self.stride] + self.dropout(self.feed_forward(self.sublayer[1](tokens)))


class Encoder(nn.Module):
    """A stack of layers; `norm` is in the reference's state dict but never applied by it."""

    def __init__(self, layers: Sequence[Layer], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = DeviationNorm(width)


class VanillaTransformer(nn.Module):
    """The full-length part: position table, then the layers."""

    def __init__(self, layers: Sequence[Layer], width: int, frames: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, frames, width))
        self.model = Encoder(layers, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        tokens = tokens + self.pos_embedding
        for layer in self.model.layers:
            tokens = layer(tokens)
        return tokens


class StridedEncoder(Encoder):
    """The shrinking stack; the first three layers have their own position tables."""

    def __init__(self, layers: Sequence[Layer], width: int, frames: int) -> None:
        super().__init__(layers, width)
        for index in range(1, POSITION_TABLES + 1):
            table = nn.Parameter(torch.randn(1, frames, width))
            self.register_parameter(f"pos_embedding_{index}", table)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, 1, C) when the strides multiply to T."""
        for index, layer in enumerate(self.layers, start=1):
            if index <= POSITION_TABLES:
                tokens = tokens + getattr(self, f"pos_embedding_{index}")[:, : tokens.shape[1]]
            tokens = layer(tokens)
        return tokens


class ReducingTransformer(nn.Module):
    """The shrinking part."""

    def __init__(self, layers: Sequence[Layer], width: int, frames: int) -> None:
        super().__init__()
        self.model = StridedEncoder(layers, width, frames)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> (B, 1, C)."""
        return self.model(tokens)


class StridedTransformer(Lifter):
    """A full-length transformer, then strided layers that shrink the window to its central frame.

    Input (B, T, J, features); `forward` gives (B, 1, J, 3), or (B, T, J, 3) with the `sequence`
    head, `both` gives the two. Metres, root-relative. State-dict keys are those of the official
    implementation.
    """

    def __init__(
        self,
        *,
        frames: int,
        strides: Sequence[int],
        layers: int = 3,
        channels: int = 256,
        hidden: int = 512,
        heads: int = 8,
        joints: int = 17,
        joints_out: int = 17,
        features: int = 2,
        dropout: float = 0.1,
        head: str = "centre",
    ) -> None:
        super().__init__()
        self.receptive_field = frames
        self.target_frame = frames // 2
        self.answers_windows = head == "sequence"
        self.joints, self.features = joints, features
        self.joints_out = joints_out
        self.encoder = nn.Sequential(
            nn.Conv1d(joints * features, channels, 1),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            Dropout(dropout),
        )
        plain = [Layer(channels, hidden, heads, dropout, None) for _ in range(layers)]
        self.Transformer = VanillaTransformer(plain, channels, frames)
        shrinking = [Layer(channels, hidden, heads, dropout, stride) for stride in strides]
        self.Transformer_reduce = ReducingTransformer(shrinking, channels, frames)
        self.fcn = nn.Sequential(nn.BatchNorm1d(channels), nn.Conv1d(channels, 3 * joints_out, 1))
        self.fcn_1 = nn.Sequential(nn.BatchNorm1d(channels), nn.Conv1d(channels, 3 * joints_out, 1))

    def encode(self, keypoints: Tensor) -> Tensor:
        """Features of every frame, (B, T, J, features) -> (B, T, C)."""
        return self.Transformer(self.encoder(keypoints.flatten(2).transpose(1, 2)).transpose(1, 2))

    def both(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """The central frame (B, 1, J, 3) and the full sequence (B, T, J, 3)."""
        tokens = self.encode(keypoints)
        centre = self._poses(self.Transformer_reduce(tokens), self.fcn)
        return centre, self._poses(tokens, self.fcn_1)

    def forward(self, keypoints: Tensor) -> Tensor:
        """What the head answers for."""
        tokens = self.encode(keypoints)
        if self.answers_windows:
            return self._poses(tokens, self.fcn_1)
        return self._poses(self.Transformer_reduce(tokens), self.fcn)

    def _poses(self, tokens: Tensor, head: nn.Sequential) -> Tensor:
        return head(tokens.transpose(1, 2)).transpose(1, 2).unflatten(-1, (self.joints_out, 3))

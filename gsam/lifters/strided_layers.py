"""The layers of StridedTransformer, as its reference computes them."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.blocks import attend
from gsam.lifters.channels_last import batch_norm, convolve
from gsam.lifters.dropout import Dropout

NORM_EPS = 1e-6
POSITION_TABLES = 3


class FrameEncoder(nn.Sequential):
    """1x1 convolution, batch norm, ReLU, dropout: (B, T, J * features) -> (B, T, C)."""

    def __init__(self, inputs: int, channels: int, dropout: float) -> None:
        super().__init__(nn.Conv1d(inputs, channels, 1), nn.BatchNorm1d(channels))
        self.dropout = Dropout(dropout)

    def forward(self, keypoints: Tensor) -> Tensor:
        """Encode every frame by itself."""
        tokens = convolve(keypoints, cast(nn.Conv1d, self[0]))
        return self.dropout(functional.relu(batch_norm(tokens, cast(nn.BatchNorm1d, self[1]))))


class PoseHead(nn.Sequential):
    """Batch norm and 1x1 convolution: (B, T, C) -> (B, T, J, 3)."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__(nn.BatchNorm1d(channels), nn.Conv1d(channels, 3 * joints, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Read a pose from every token."""
        normed = batch_norm(tokens, cast(nn.BatchNorm1d, self[0]))
        return convolve(normed, cast(nn.Conv1d, self[1])).unflatten(-1, (-1, 3))


class DeviationNorm(nn.Module):
    """`a_2 (x - mean) / (std + eps) + b_2` over the last axis, std unbiased, eps outside it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(width))
        self.b_2 = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        centred = tokens - tokens.mean(dim=-1, keepdim=True)
        length = torch.linalg.vector_norm(centred, dim=-1, keepdim=True)
        deviation = length / (tokens.shape[-1] - 1) ** 0.5
        return torch.addcmul(self.b_2, centred / (deviation + NORM_EPS), self.a_2)


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
        hidden = self.dropout(functional.relu(convolve(tokens, self.w_1)))
        padded = functional.pad(hidden, (0, 0, 1, 1))
        taps = padded.unfold(1, 3, self.w_2.stride[0]).transpose(2, 3).flatten(2)
        return convolve(taps, self.w_2)


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

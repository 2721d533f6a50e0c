"""The pre-norm transformer block that PoseFormer-like lifters are stacked from."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.dropout import Dropout

NORM_EPS = 1e-6
VECTOR_WIDTH = 16  # float32 numbers in a register


class StochasticDepth(nn.Module):
    """Drops a whole residual branch per sample in training, scaling the survivors to keep the mean.

    (B, L, C) -> (B, L, C). Huang et al., Deep Networks with Stochastic Depth, 2016.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """The branch with some samples zeroed (training) or as it is (evaluation)."""
        if not self.training or self.rate == 0.0:
            return branch
        kept = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.rate
        return branch * (kept.to(branch.dtype) / (1.0 - self.rate))


class SelfAttention(nn.Module):
    """Multi-head self-attention over the tokens of each sample, (B, L, C) -> (B, L, C).

    Rows of `qkv` are all queries, then all keys, then all values, each split into consecutive
    heads.
    Vaswani et al., Attention Is All You Need, 2017, section 3.2.
    """

    def __init__(
        self, width: int, heads: int, *, bias: bool, scale: float | None, dropout: float
    ) -> None:
        super().__init__()
        self.heads = heads
        self.scale = scale or (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend within each sample."""
        batch, length, width = tokens.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        query, key, value = self.qkv(tokens).view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(query, key, value, self.scale).transpose(1, 2)
        return self.dropout(self.proj(mixed.reshape(batch, length, width)))


def attend(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """softmax(scale Q Kᵀ) V over (B, H, L, D), by the form that is fastest for the device and size.

    Fused attention pays on accelerators; at the few tokens of a pose or a window it is slower than
    plain products on a CPU (2 to 3 times, in training).
    """
    if query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, scale=scale)
    if query.shape[-1] < VECTOR_WIDTH:
        return _attend_narrow(query, key, value, scale)
    weights = functional.softmax((query * scale) @ key.transpose(-2, -1), dim=-1)
    return weights @ value


def _attend_narrow(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """The same with tokens as every product's contiguous axis, for heads narrower than a vector.

    Transposed weights (keys by queries) let the softmax run down the columns of a whole row at
    once: 1.25 times as fast as the plain form for 17 joints and heads of 4.
    """
    weights = functional.softmax(key @ (query * scale).transpose(-2, -1).contiguous(), dim=-2)
    return (value.transpose(-2, -1).contiguous() @ weights).transpose(-2, -1)


class Mlp(nn.Module):
    """Two linear layers with an exact GELU between, (B, L, C) -> (B, L, C)."""

    def __init__(self, width: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform every token by itself."""
        hidden = self.dropout(functional.gelu(self.fc1(tokens)))
        return self.dropout(self.fc2(hidden))


class TransformerBlock(nn.Module):
    """x + attention(norm x), then x + mlp(norm x), with room for one more residual module.

    `extra` maps (B, L, C) -> (B, L, C) with its own skip connection; `position` says where it acts:
    `before_msa`, `after_msa` or `after_mlp`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        mlp_ratio: float,
        qkv_bias: bool,
        qk_scale: float | None,
        dropout: float,
        drop_path: float,
        extra: nn.Module | None = None,
        position: str = "none",
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = SelfAttention(width, heads, bias=qkv_bias, scale=qk_scale, dropout=dropout)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, int(width * mlp_ratio), dropout=dropout)
        self.drop_path = StochasticDepth(drop_path)
        self.position = position
        if extra is not None:
            self.group_attention = extra

    def forward(self, tokens: Tensor) -> Tensor:
        """One block, (B, L, C) -> (B, L, C)."""
        if self.position == "before_msa":
            tokens = self.group_attention(tokens)
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        if self.position == "after_msa":
            tokens = self.group_attention(tokens)
        tokens = tokens + self.drop_path(self.mlp(self.norm2(tokens)))
        if self.position == "after_mlp":
            tokens = self.group_attention(tokens)
        return tokens

"""1-d convolutions and batch norms on (B, T, C): with channels last each is one matrix product.

The modules keep the references' shapes, and with them their state-dict keys.
"""

from torch import Tensor, nn
from torch.nn import functional


def convolve(taps: Tensor, conv: nn.Conv1d) -> Tensor:
    """A convolution whose inputs lie side by side, tap-major: (B, T, kernel * C) -> (B, T, C')."""
    return functional.linear(taps, conv.weight.transpose(1, 2).flatten(1), conv.bias)


def batch_norm(tokens: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Batch norm over samples and frames, (B, T, C) -> (B, T, C)."""
    return norm(tokens.flatten(0, 1)).view_as(tokens)

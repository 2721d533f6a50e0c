"""Self-attention between the pixels of part heat maps (the mesh paper, section 2.3).

The paper's equations on maps H (HW, J): Q = H Wq, K = H Wk, A = softmax(Q K^T / sqrt(Dk)) and the
corrected maps A H. Every head has a Wq and a Wk of its own and corrects all maps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PartAttention"]

_ALIGNMENT = 8  # numbers per position: what the fused kernels of every device can take


class PartAttention(nn.Module):
    """Corrects the maps of `parts` parts; memory grows with the pixels, not with their square.

    `width` is the paper's Dk, the length of one head's queries and keys. `mix` (heads, parts) says
    how much of each head's corrected map replaces a part's own: row h at 1 and all others at 0 is
    the paper's A H of head h. It starts at 0, where the module is the identity to the last bit, so
    that weights of a network without attention mean the same in one with it.
    """

    def __init__(self, parts: int, width: int, heads: int) -> None:
        super().__init__()
        self.width = width
        self.heads = heads
        self.query = nn.Linear(parts, heads * width, bias=False)
        self.key = nn.Linear(parts, heads * width, bias=False)
        self.mix = nn.Parameter(torch.zeros(heads, parts))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, parts, h, w) maps before their softmax, corrected; same shape."""
        pixels = maps.flatten(2).transpose(1, 2).contiguous()
        corrected = self._attend(pixels)  # (B, heads, h w, parts)
        change = torch.einsum("bhnj,hj->bjn", corrected - pixels.unsqueeze(1), self.mix)
        return maps + change.view(maps.shape)

    def _attend(self, pixels: Tensor) -> Tensor:
        """A H for every head.

        The fused kernel never stores A, forward or backward, but torch's for CPUs is only taken
        where queries, keys and values are equally long: zeros fill them up and change nothing.
        """
        parts = pixels.shape[-1]
        longest = max(self.width, parts)
        length = -(-longest // _ALIGNMENT) * _ALIGNMENT
        query, key = (self._split(layer(pixels), length) for layer in (self.query, self.key))
        value = _filled(pixels, length).unsqueeze(1).expand(-1, self.heads, -1, -1)
        attended = functional.scaled_dot_product_attention(
            query, key, value, scale=self.width**-0.5
        )
        return attended[..., :parts]

    def _split(self, projected: Tensor, length: int) -> Tensor:
        """(B, h w, heads width) to (B, heads, h w, length)."""
        return _filled(projected.unflatten(2, (self.heads, self.width)), length).transpose(1, 2)


def _filled(vectors: Tensor, length: int) -> Tensor:
    """Vectors with zeros behind them up to `length`."""
    missing = length - vectors.shape[-1]
    return functional.pad(vectors, (0, missing)) if missing else vectors

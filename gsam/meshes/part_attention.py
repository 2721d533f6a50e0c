"""Self-attention between the pixels of part heat maps (the mesh paper, section 2.3).

The paper's equations on maps H (HW, J): Q = H Wq, K = H Wk, A = softmax(Q K^T / sqrt(Dk)) and the
corrected maps A H. With several heads each has a Wq and a Wk of its own, looks at all maps, and
corrects its share of them, as the heads of multi-head attention share the values.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PartAttention"]

# Numbers per position that suit the fused kernels: shorter ones take longer, not less, on CPUs.
_SHORTEST, _ALIGNMENT = 16, 8


class PartAttention(nn.Module):
    """Corrects the maps of `parts` parts; memory grows with the pixels, not with their square.

    `width` is the paper's Dk, the length of one head's queries and keys; `heads` must divide
    `parts`. `mix` (parts,) says how much of each part's map is replaced: at 1 the answer is the
    paper's A H. It starts at 0, where the module is the identity to the last bit, so that weights
    of a network without attention mean the same in one with it.
    """

    def __init__(self, parts: int, width: int, heads: int) -> None:
        super().__init__()
        self.width = width
        self.heads = heads
        self.query = nn.Linear(parts, heads * width, bias=False)
        self.key = nn.Linear(parts, heads * width, bias=False)
        self.mix = nn.Parameter(torch.zeros(parts))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, parts, h, w) maps before their softmax, corrected; same shape."""
        pixels = maps.flatten(2).transpose(1, 2)
        change = self.mix * (self._attend(pixels) - pixels)
        return maps + change.transpose(1, 2).view(maps.shape)

    def _attend(self, pixels: Tensor) -> Tensor:
        """A H: (B, h w, parts) to the same.

        The fused kernel never stores A, forward or backward, but torch's for CPUs is only taken
        where queries, keys and values are equally long: zeros fill them up and change nothing.
        """
        share = pixels.shape[-1] // self.heads
        longest = max(self.width, share, _SHORTEST)
        length = -(-longest // _ALIGNMENT) * _ALIGNMENT
        query, key, value = (
            self._split(vectors, length)
            for vectors in (self.query(pixels), self.key(pixels), pixels)
        )
        attended = functional.scaled_dot_product_attention(
            query, key, value, scale=self.width**-0.5
        )
        return attended[..., :share].transpose(1, 2).flatten(2)

    def _split(self, vectors: Tensor, length: int) -> Tensor:
        """(B, h w, heads n) to (B, heads, h w, length), zeros behind the n numbers of a head."""
        own = vectors.unflatten(2, (self.heads, -1))
        return functional.pad(own, (0, length - own.shape[-1])).transpose(1, 2).contiguous()

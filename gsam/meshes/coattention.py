"""Co-attention of PARE's two branches: each is completed by what it finds in the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CoAttention"]


class CoAttention(nn.Module):
    """Maps of the 3D branch E and of the part branch Q, (B, C, h, w), to refined ones.

    Between the positions S = (linear_e(E)^T) Q. The 3D branch receives, at each of its positions,
    Q weighted by the softmax of S over the positions of Q, the part branch E weighted by the
    softmax over those of E; both pass a gate and a 1x1 convolution beside what was there before.
    Fused attention: no matrix of positions by positions is stored.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear_e = nn.Linear(channels, channels, bias=False)
        self.gate = nn.Conv2d(channels, 1, 1, bias=False)
        self.final_conv_1 = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.final_conv_2 = nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, body: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        """The refined 3D branch and the refined part branch."""
        exemplar, query = _positions(body), _positions(part)
        projected = self.linear_e(exemplar)
        for_body = _attend(projected, query, query, body)
        for_part = _attend(query, projected, exemplar, part)
        return (
            self.final_conv_1(torch.cat((self._gated(for_body), body), dim=1)),
            self.final_conv_2(torch.cat((self._gated(for_part), part), dim=1)),
        )

    def _gated(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(self.gate(features))


def _positions(maps: Tensor) -> Tensor:
    """(B, C, h, w) to (B, 1, h w, C): the single head that the fused kernels ask for."""
    return maps.flatten(2).transpose(1, 2)[:, None]


def _attend(query: Tensor, key: Tensor, value: Tensor, like: Tensor) -> Tensor:
    attended = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    return attended[:, 0].transpose(1, 2).unflatten(2, like.shape[2:])

"""Non-local block in its dot-product form (Wang et al. 2018), as PARE's held-out options use it."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["NonLocal"]


class NonLocal(nn.Module):
    """`x + W(y)`, y_i = 1/N sum_j (theta(x)_i . phi(x)_j) g(x)_j over the N positions of x.

    `dimensions` 1 takes (B, C, N), 2 takes (B, C, h, w). Without a softmax the sum over j may be
    taken first, so that no N x N matrix is ever made. It starts as the identity.
    """

    def __init__(self, channels: int, dimensions: int) -> None:
        super().__init__()
        convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
        normalisation = nn.BatchNorm1d if dimensions == 1 else nn.BatchNorm2d
        inner = max(channels // 2, 1)
        self.g = convolution(channels, inner, 1)
        self.theta = convolution(channels, inner, 1)
        self.phi = convolution(channels, inner, 1)
        last = normalisation(channels)
        nn.init.zeros_(last.weight)
        self.W = nn.Sequential(convolution(inner, channels, 1), last)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        theta, phi, g = (layer(features).flatten(2) for layer in (self.theta, self.phi, self.g))
        summed = g @ phi.transpose(1, 2) / g.shape[-1]
        return features + self.W((summed @ theta).unflatten(2, features.shape[2:]))

"""The two branches of PARE, and how features of parts are read from their maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.detectors.resnet import initialise
from gsam.meshes.config import MeshConfig

__all__ = ["attend", "branch", "read_at", "softargmax"]


def branch(config: MeshConfig, inputs: int) -> nn.Sequential:
    """Layers from the backbone's features (B, inputs, h, w) to `deconv_filters` channels.

    The size stays on an HRNet; on a ResNet each layer doubles it (interpolation followed by a
    convolution with a kernel of 4 loses one row and one column again).
    """
    layers: list[nn.Module] = []
    for _ in range(config.deconv_layers):
        layers += [
            *_layer(config, inputs),
            nn.BatchNorm2d(config.deconv_filters),
            nn.ReLU(inplace=True),
        ]
        inputs = config.deconv_filters
    stack = nn.Sequential(*layers)
    initialise(stack)
    return stack


def _layer(config: MeshConfig, inputs: int) -> list[nn.Module]:
    outputs, kernel = config.deconv_filters, config.deconv_kernel
    if config.hrnet:
        return [nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)]
    if config.upsample:
        double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        return [double, nn.Conv2d(inputs, outputs, kernel, 1, 1, bias=False)]
    extra = 1 if kernel == 3 else 0  # both then exactly double the size
    return [nn.ConvTranspose2d(inputs, outputs, kernel, 2, 1, extra, bias=False)]


def attend(features: Tensor, attention: Tensor) -> Tensor:
    """(B, C, h, w) features weighted by (B, 24, h, w) attention and summed: (B, C, 24)."""
    return features.flatten(2) @ attention.flatten(2).transpose(1, 2)


def softargmax(weights: Tensor) -> Tensor:
    """Mean place (B, J, 2) of weights (B, J, h, w) that sum to 1: x, y in [-1, 1].

    The ends are the centres of the first and the last column or row.
    """
    height, width = weights.shape[-2:]
    down = torch.linspace(-1, 1, height, dtype=weights.dtype, device=weights.device)
    across = torch.linspace(-1, 1, width, dtype=weights.dtype, device=weights.device)
    return torch.stack((weights.sum(dim=2) @ across, weights.sum(dim=3) @ down), dim=-1)


def read_at(features: Tensor, places: Tensor) -> Tensor:
    """(B, C, h, w) features at (B, J, 2) places as `softargmax` gives them: (B, C, J).

    Bilinear, as PARE's `grid_sample`; written as attention to the four cells around each place,
    which has the same gradient on every run also on GPUs.
    """
    height, width = features.shape[-2:]
    across = _tents(places[..., 0], width)
    down = _tents(places[..., 1], height)
    return attend(features, down[..., :, None] * across[..., None, :])


def _tents(places: Tensor, cells: int) -> Tensor:
    """Linear weights (B, J, cells) of the cells next to places (B, J) in [-1, 1]."""
    position = (places[..., None] + 1) * ((cells - 1) / 2)
    centres = torch.arange(cells, dtype=places.dtype, device=places.device)
    return functional.relu(1 - (position - centres).abs())

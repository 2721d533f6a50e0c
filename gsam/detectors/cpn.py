"""Cascaded pyramid network: Chen et al., Cascaded Pyramid Network for Multi-Person Pose Estimation,
2018, as pytorch-cpn builds it; state-dict keys are that reference's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.detectors.config import DetectorConfig
from gsam.detectors.resnet import EXPANSION, ResNet, initialise


class Cpn(nn.Module):
    """ResNet trunk, global net (one guess per resolution), refine net (all resolutions together).

    Normalised images (B, 3, H, W), H and W multiples of 32, give five heat maps
    (B, J, H / 4, W / 4): the global net's from coarse to fine, then the refined one. Maps are in
    the units of the targets, 255 at a joint.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        size = (config.map_height, config.map_width)
        self.resnet = ResNet(config.depth, config.base)
        channels = [EXPANSION * config.base * 2**level for level in (3, 2, 1, 0)]
        self.global_net = GlobalNet(channels, config.features, config.joints, size)
        self.refine_net = RefineNet(len(channels), config.features, config.joints, size)
        initialise(self.global_net)
        initialise(self.refine_net)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Heat maps global 0 (coarsest) to 3 and refined; the last is the one to decode."""
        levels = tuple(reversed(self.resnet(images)))
        features, maps = self.global_net(levels)
        return (*maps, self.refine_net(features))


class GlobalNet(nn.Module):
    """Feature pyramid from coarse to fine, each level predicting every joint (section 3.2.1)."""

    def __init__(
        self, channels: Sequence[int], features: int, joints: int, size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, features, 1, bias=False),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
            )
            for width in channels
        )
        self.upsamples = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(features, features, 1, bias=False),
                nn.BatchNorm2d(features),
            )
            for _ in channels[1:]
        )
        self.predict = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(features, features, 1, bias=False),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
                nn.Conv2d(features, joints, 3, padding=1, bias=False),
                nn.Upsample(size=size, mode="bilinear", align_corners=True),
                nn.BatchNorm2d(joints),
            )
            for _ in channels
        )

    def forward(self, levels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Trunk features, coarsest first, to pyramid features and heat maps of each level."""
        features = [self.laterals[0](levels[0])]
        for lateral, upsample, level in zip(
            self.laterals[1:], self.upsamples, levels[1:], strict=True
        ):
            features.append(lateral(level) + upsample(features[-1]))
        maps = [predict(each) for predict, each in zip(self.predict, features, strict=True)]
        return features, maps


class RefineNet(nn.Module):
    """More blocks for coarser levels, then all levels at heat-map size together (section 3.2.2)."""

    def __init__(self, levels: int, features: int, joints: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.cascade = nn.ModuleList(
            nn.Sequential(*(RefineBlock(features, features) for _ in range(levels - 1 - level)))
            for level in range(levels)
        )
        self.final_predict = nn.Sequential(
            RefineBlock(levels * features, features),
            nn.Conv2d(features, joints, 3, padding=1, bias=False),
            nn.BatchNorm2d(joints),
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Pyramid features, coarsest first, to heat maps (B, J, h, w)."""
        resized = [
            functional.interpolate(
                blocks(each), size=self.size, mode="bilinear", align_corners=True
            )
            for blocks, each in zip(self.cascade, features, strict=True)
        ]
        return self.final_predict(torch.cat(resized, dim=1))


class RefineBlock(nn.Module):
    """Bottleneck through half the output's width; the shortcut always has its own convolution."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        inner = features // 2
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, features, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(features)
        self.downsample = nn.Sequential(
            nn.Conv2d(channels, features, 1, bias=False), nn.BatchNorm2d(features)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, features, h, w)."""
        inner = functional.relu(self.bn1(self.conv1(hidden)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(hidden))

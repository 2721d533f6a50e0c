"""Backbones of mesh regressors: an HRNet whose branches are stacked, or a ResNet's trunk."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.detectors.config import DetectorConfig
from gsam.detectors.hrnet import HRNet
from gsam.detectors.hrnet_module import ExchangeModule
from gsam.detectors.resnet import EXPANSION, ResNet, initialise
from gsam.meshes.config import PARTS, MeshConfig

__all__ = ["StackedHRNet", "backbone_width", "build_backbone"]

NO_ATTENTION: dict[int, nn.Module] = {}


def build_backbone(config: MeshConfig) -> nn.Module:
    """(B, 3, S, S) to a sequence whose last entry is the features (B, `backbone_width`, h, w).

    h = w = S / 4 for an HRNet, S / 32 for a ResNet.
    """
    return StackedHRNet(config) if config.hrnet else ResNet(config.depth, config.base)


def backbone_width(config: MeshConfig) -> int:
    """Channels of the backbone's features."""
    return sum(_widths(config)) if config.hrnet else 8 * EXPANSION * config.base


class StackedHRNet(nn.Module):
    """HRNet with the four branches of its last stage, brought to one size and stacked.

    Keys are the reference's (PARE, pare/models/backbone/hrnet.py): those of HRNet, the fusions of
    the last stage's other branches, and `upsample_stage_2` to `_4` in the variant with
    convolutions. `final_layer`, the reference's head for heat maps, takes part in nothing.
    """

    def __init__(self, config: MeshConfig) -> None:
        super().__init__()
        trunk = HRNet(_as_detector(config))
        self.conv1, self.bn1, self.conv2, self.bn2 = trunk.conv1, trunk.bn1, trunk.conv2, trunk.bn2
        self.layer1 = trunk.layer1
        self.transition1, self.stage2 = trunk.transition1, trunk.stage2
        self.transition2, self.stage3 = trunk.transition2, trunk.stage3
        self.transition3 = trunk.transition3
        widths = _widths(config)
        last = ExchangeModule(widths, config.blocks, len(widths))
        initialise(last)
        self.stage4 = nn.ModuleList([*list(trunk.stage4)[:-1], last])
        self.final_layer = nn.Conv2d(widths[0], PARTS, 1)
        # Frozen: a distributed optimiser would wait for gradients that never come.
        self.final_layer.requires_grad_(False)
        self.convolve = config.backbone == "hrnet_conv"
        if self.convolve:
            self.upsample_stage_2 = _upsampling(widths[1], 1)
            self.upsample_stage_3 = _upsampling(widths[2], 2)
            self.upsample_stage_4 = _upsampling(widths[3], 3)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Stacked branches (B, 15 channels, S / 4, S / 4), the finest one first."""
        x = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        x = self.layer1(functional.relu(self.bn2(self.conv2(x)), inplace=True))
        branches = _run(self.stage2, [transition(x) for transition in self.transition1])
        branches = _run(self.stage3, [*branches, self.transition2[-1](branches[-1])])
        branches = _run(self.stage4, [*branches, self.transition3[-1](branches[-1])])
        return (torch.cat(self._same_size(branches), dim=1),)

    def _same_size(self, branches: Sequence[Tensor]) -> list[Tensor]:
        finest, *coarser = branches
        if self.convolve:
            steps = (self.upsample_stage_2, self.upsample_stage_3, self.upsample_stage_4)
            return [finest, *(step(x) for step, x in zip(steps, coarser, strict=True))]
        size = finest.shape[-2:]
        return [
            finest,
            *(
                functional.interpolate(x, size, mode="bilinear", align_corners=True)
                for x in coarser
            ),
        ]


def _as_detector(config: MeshConfig) -> DetectorConfig:
    return DetectorConfig(
        channels=config.channels,
        stem=config.stem,
        bottlenecks=config.bottlenecks,
        modules=config.modules,
        blocks=config.blocks,
    )


def _widths(config: MeshConfig) -> list[int]:
    return [config.channels * 2**branch for branch in range(4)]


def _run(stage: nn.ModuleList, branches: list[Tensor]) -> list[Tensor]:
    for module in stage:
        branches = module(branches, NO_ATTENTION)
    return branches


def _upsampling(channels: int, doublings: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(doublings):
        layers += [
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    upsampling = nn.Sequential(*layers)
    initialise(upsampling)
    return upsampling

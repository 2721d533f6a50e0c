"""Stacked hourglass: Newell et al., Stacked Hourglass Networks for Human Pose Estimation, 2016, as
pytorch_stacked_hourglass builds it; state-dict keys are that reference's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gsam.detectors.config import DetectorConfig

_DEPTH = 4  # poolings inside an hourglass


class Hourglass(nn.Module):
    """A stack of hourglasses, each refining the heat maps of the one before.

    Normalised images (B, 3, H, W), H and W multiples of 64, give one map (B, J, H / 4, W / 4) per
    stack. Half of the skip convolutions never act (where widths agree), as in the reference.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        width, joints, stem = config.features, config.joints, config.stem
        stacks = range(config.stacks)
        self.pre = nn.Sequential(
            Conv(3, stem, 7, stride=2, norm=True),
            Residual(stem, 2 * stem),
            nn.MaxPool2d(2, 2),
            Residual(2 * stem, 2 * stem),
            Residual(2 * stem, width),
        )
        self.hgs = nn.ModuleList(
            nn.Sequential(Recursion(_DEPTH, width, config.increase)) for _ in stacks
        )
        self.features = nn.ModuleList(
            nn.Sequential(Residual(width, width), Conv(width, width, 1, norm=True)) for _ in stacks
        )
        self.outs = nn.ModuleList(Conv(width, joints, 1) for _ in stacks)
        self.merge_features = nn.ModuleList(Merge(width, width) for _ in stacks[1:])
        self.merge_preds = nn.ModuleList(Merge(joints, width) for _ in stacks[1:])

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Heat maps of every stack, the last being the one to decode."""
        hidden = self.pre(images)
        maps: list[Tensor] = []
        for stack, (hourglass, feature, out) in enumerate(
            zip(self.hgs, self.features, self.outs, strict=True)
        ):
            features = feature(hourglass(hidden))
            maps.append(out(features))
            if stack < len(self.merge_preds):
                merged = self.merge_preds[stack](maps[-1]) + self.merge_features[stack](features)
                hidden = hidden + merged
        return tuple(maps)


class Recursion(nn.Module):
    """One hourglass: at full resolution, plus pooled, `depth` - 1 more within, and enlarged.

    `increase` widens the pooled path of the outermost level alone.
    """

    def __init__(self, depth: int, width: int, increase: int = 0) -> None:
        super().__init__()
        inner = width + increase
        self.up1 = Residual(width, width)
        self.low1 = Residual(width, inner)
        self.low2 = Recursion(depth - 1, inner) if depth > 1 else Residual(inner, inner)
        self.low3 = Residual(inner, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, width, h, w) -> the same shape; h and w are multiples of 2 ** depth."""
        low = self.low3(self.low2(self.low1(functional.max_pool2d(hidden, 2, 2))))
        return self.up1(hidden) + functional.interpolate(low, scale_factor=2, mode="nearest")


class Residual(nn.Module):
    """Pre-activated bottleneck through half the output's width; widths (B, C, h, w) -> (B, C', …).

    `skip_layer` exists always and acts only where the widths differ.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        inner = width // 2
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = Conv(channels, inner, 1)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv2 = Conv(inner, inner, 3)
        self.bn3 = nn.BatchNorm2d(inner)
        self.conv3 = Conv(inner, width, 1)
        self.skip_layer = Conv(channels, width, 1)
        self.same_width = channels == width

    def forward(self, hidden: Tensor) -> Tensor:
        """No activation after the sum."""
        inner = self.conv1(functional.relu(self.bn1(hidden)))
        inner = self.conv2(functional.relu(self.bn2(inner)))
        inner = self.conv3(functional.relu(self.bn3(inner)))
        return inner + (hidden if self.same_width else self.skip_layer(hidden))


class Conv(nn.Module):
    """Convolution with a bias that keeps the size; with `norm`, batch norm and ReLU follow."""

    def __init__(
        self, channels: int, width: int, kernel: int, stride: int = 1, norm: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding=(kernel - 1) // 2)
        self.bn = nn.BatchNorm2d(width) if norm else None

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, width, h / stride, w / stride)."""
        hidden = self.conv(hidden)
        return hidden if self.bn is None else functional.relu(self.bn(hidden))


class Merge(nn.Module):
    """Back to the stack's width, so that the next hourglass sees what this one found."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = Conv(channels, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, width, h, w)."""
        return self.conv(hidden)

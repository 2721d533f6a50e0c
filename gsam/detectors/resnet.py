"""ResNet without its classifier, the trunk of CPN and SimpleBaseline (He et al. 2016).

Keys are torchvision's (conv1, bn1, layer1 .. layer4); the stride stands on a bottleneck's 3x3.
"""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

EXPANSION = 4
BLOCKS = {
    14: (1, 1, 1, 1),
    26: (2, 2, 2, 2),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 convolutions; `planes` in the middle, four times out."""

    def __init__(self, inputs: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        outputs = EXPANSION * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if stride != 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, 4 planes, h / stride, w / stride)."""
        inner = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        inner = functional.relu(self.bn2(self.conv2(inner)), inplace=True)
        inner = self.bn3(self.conv3(inner))
        return functional.relu(inner.add_(self.downsample(features)), inplace=True)


class Trunk(Protocol):
    """The modules that `trunk_features` runs, wherever they are registered."""

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential


class ResNet(nn.Module):
    """The trunk; `base` is its width (64 in the paper), `depth` one of `BLOCKS`."""

    def __init__(self, depth: int, base: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, base, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        counts = BLOCKS[depth]
        self.layer1 = _layer(base, base, counts[0], 1)
        self.layer2 = _layer(EXPANSION * base, 2 * base, counts[1], 2)
        self.layer3 = _layer(2 * EXPANSION * base, 4 * base, counts[2], 2)
        self.layer4 = _layer(4 * EXPANSION * base, 8 * base, counts[3], 2)
        initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The outputs of layers 1 to 4, see `trunk_features`."""
        return trunk_features(self, images)


def trunk_features(trunk: Trunk, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features of (B, 3, H, W) images after layers 1 to 4.

    Shapes (B, 4 base 2**i, H / 4 / 2**i, W / 4 / 2**i) for i = 0 .. 3.
    """
    stem = functional.relu(trunk.bn1(trunk.conv1(images)), inplace=True)
    first = trunk.layer1(functional.max_pool2d(stem, 3, 2, 1))
    second = trunk.layer2(first)
    third = trunk.layer3(second)
    return first, second, third, trunk.layer4(third)


def initialise(module: nn.Module) -> None:
    """He's normal values for convolutions whose output is normalised."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def initialise_heatmaps(convolution: nn.Conv2d) -> None:
    """Start a layer that answers heat maps next to zero, which most of a heat map is."""
    nn.init.normal_(convolution.weight, std=0.001)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def _layer(inputs: int, planes: int, count: int, stride: int) -> nn.Sequential:
    def blocks() -> Iterator[Bottleneck]:
        yield Bottleneck(inputs, planes, stride)
        for _ in range(count - 1):
            yield Bottleneck(EXPANSION * planes, planes)

    return nn.Sequential(*blocks())

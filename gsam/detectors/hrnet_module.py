"""One exchange unit of HRNet: parallel branches of residual blocks, then every branch sees all."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        inner = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        inner = self.bn2(self.conv2(inner))
        return functional.relu(inner.add_(features), inplace=True)


class ExchangeModule(nn.Module):
    """Branches (B, channels[i], h / 2**i, w / 2**i), refined and fused into the first `outputs`.

    Fused branch i is the ReLU of the sum over all branches j, each brought to size and width of i:
    from coarser ones by a 1x1 convolution and repeated cells, from finer ones by a chain of 3x3
    convolutions of stride 2.
    """

    def __init__(self, channels: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(blocks))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_bring(channels, source, target) for source in range(len(channels)))
            for target in range(outputs)
        )

    def forward(
        self, features: Sequence[Tensor], attention: Mapping[int, nn.Module]
    ) -> list[Tensor]:
        """The fused branches; `attention` maps branches to what refines them before the fusion."""
        refined = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        for branch, module in attention.items():
            refined[branch] = module(refined[branch])
        return [self._fuse(row, refined) for row in self.fuse_layers]

    def _fuse(self, row: nn.Module, refined: Sequence[Tensor]) -> Tensor:
        brought = [bring(x) for bring, x in zip(row.children(), refined, strict=True)]
        total = brought[0] + brought[1]
        for other in brought[2:]:
            total.add_(other)
        return functional.relu(total, inplace=True)


def downsample(inputs: int, outputs: int, stride: int, *, active: bool = True) -> nn.Sequential:
    """3x3 convolution and batch normalisation, with a ReLU if `active`."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))


def _bring(channels: Sequence[int], source: int, target: int) -> nn.Module:
    inputs, outputs = channels[source], channels[target]
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"),
        )
    halvings = target - source
    return nn.Sequential(
        *(downsample(inputs, inputs, 2) for _ in range(halvings - 1)),
        downsample(inputs, outputs, 2, active=False),
    )

"""HRNet (Sun et al. 2019): high resolution kept from end to end, with or without attention."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from gsam.detectors.attention import AttentionModule, place_name
from gsam.detectors.config import DetectorConfig
from gsam.detectors.hrnet_module import ExchangeModule, downsample
from gsam.detectors.resnet import EXPANSION, Bottleneck, initialise, initialise_heatmaps


class HRNet(nn.Module):
    """(B, 3, H, W) to one tuple entry of heat maps (B, J, H / 4, W / 4).

    Keys are the reference's. Attention modules, if any, stand before the last exchange of their
    stage, so that every sub-network's reaches the heat maps, and add keys under `attention.`; the
    paper's stages 1 to 3 are `stage2` to `stage4` here.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        stem, planes = config.stem, config.stem
        self.conv1 = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = nn.Conv2d(stem, stem, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem)
        wide = EXPANSION * planes
        self.layer1 = nn.Sequential(
            Bottleneck(stem, planes),
            *(Bottleneck(wide, planes) for _ in range(config.bottlenecks - 1)),
        )
        widths = [config.channels * 2**branch for branch in range(4)]
        self.transition1 = nn.ModuleList(
            [downsample(wide, widths[0], 1), nn.Sequential(downsample(wide, widths[1], 2))]
        )
        self.stage2 = _stage(widths[:2], config.modules[0], config.blocks, outputs=2)
        self.transition2 = _new_branch(widths[:3])
        self.stage3 = _stage(widths[:3], config.modules[1], config.blocks, outputs=3)
        self.transition3 = _new_branch(widths)
        self.stage4 = _stage(widths, config.modules[2], config.blocks, outputs=1)
        self.final_layer = nn.Conv2d(widths[0], config.joints, 1)
        initialise(self)
        initialise_heatmaps(self.final_layer)
        self.attention = _attention(config, widths)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Heat maps of normalised crops."""
        x = functional.relu(self.bn1(self.conv1(images)), inplace=True)
        x = self.layer1(functional.relu(self.bn2(self.conv2(x)), inplace=True))
        branches = [transition(x) for transition in self.transition1]
        branches = _run(self.stage2, branches, self._attention_of(1))
        branches = _run(self.stage3, _grow(self.transition2, branches), self._attention_of(2))
        branches = _run(self.stage4, _grow(self.transition3, branches), self._attention_of(3))
        return (self.final_layer(branches[0]),)

    def _attention_of(self, stage: int) -> dict[int, nn.Module]:
        names = {branch: place_name(stage, branch + 1) for branch in range(stage + 1)}
        return {b: self.attention[name] for b, name in names.items() if name in self.attention}


def _attention(config: DetectorConfig, widths: Sequence[int]) -> nn.ModuleDict:
    width, groups = config.attention_width, config.attention_groups
    return nn.ModuleDict(
        {
            place_name(stage, sub): AttentionModule(widths[sub - 1], width, groups)
            for stage, sub in config.attention_places()
        }
    )


def _stage(widths: Sequence[int], modules: int, blocks: int, outputs: int) -> nn.ModuleList:
    """Exchange modules; all but the last answer every branch, the last the first `outputs`."""
    between = [ExchangeModule(widths, blocks, len(widths)) for _ in range(modules - 1)]
    return nn.ModuleList([*between, ExchangeModule(widths, blocks, outputs)])


def _run(
    stage: nn.ModuleList, branches: list[Tensor], attention: Mapping[int, nn.Module]
) -> list[Tensor]:
    last = len(stage) - 1
    for number, module in enumerate(stage):
        branches = module(branches, attention if number == last else {})
    return branches


def _new_branch(widths: Sequence[int]) -> nn.ModuleList:
    """Identity for the branches that there are, and one half as large made from the last."""
    fresh = nn.Sequential(downsample(widths[-2], widths[-1], 2))
    return nn.ModuleList([*(nn.Identity() for _ in widths[:-1]), fresh])


def _grow(transition: nn.ModuleList, branches: list[Tensor]) -> list[Tensor]:
    return [*branches, transition[-1](branches[-1])]

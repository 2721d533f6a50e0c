"""SimpleBaseline: a ResNet and three transposed convolutions (Xiao et al. 2018)."""

from torch import Tensor, nn

from gsam.detectors.config import DetectorConfig
from gsam.detectors.resnet import EXPANSION, ResNet, initialise, initialise_heatmaps, trunk_features

UPSAMPLINGS = 3


class SimpleBaseline(nn.Module):
    """(B, 3, H, W) to one tuple entry of heat maps (B, J, H / 4, W / 4).

    Keys are the reference's: the trunk's modules stand beside `deconv_layers` and `final_layer`.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        trunk = ResNet(config.depth, config.base)
        self.conv1, self.bn1 = trunk.conv1, trunk.bn1
        self.layer1, self.layer2 = trunk.layer1, trunk.layer2
        self.layer3, self.layer4 = trunk.layer3, trunk.layer4
        self.deconv_layers = _upsampling(8 * EXPANSION * config.base, config.features)
        self.final_layer = nn.Conv2d(config.features, config.joints, 1)
        initialise_heatmaps(self.final_layer)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Heat maps of normalised crops."""
        coarsest = trunk_features(self, images)[-1]
        return (self.final_layer(self.deconv_layers(coarsest)),)


def _upsampling(inputs: int, features: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in range(UPSAMPLINGS):
        channels = features if step else inputs
        deconvolution = nn.ConvTranspose2d(channels, features, 4, 2, 1, bias=False)
        layers += [deconvolution, nn.BatchNorm2d(features), nn.ReLU(inplace=True)]
    upsampling = nn.Sequential(*layers)
    initialise(upsampling)
    return upsampling

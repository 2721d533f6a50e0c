"""The paper's attention module for HRNet: group spatial attention on a feature map."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from gsam.errors import DataError

KERNEL = 5
PREFIX = "attention."  # of the keys that an HRNet with attention has beside the official ones


class AttentionModule(nn.Module):
    """`x + Expand(Conv(Norm(GELU(Conv(Reduce(x))))))` on (B, C, h, w).

    The lifter's equation 3 in two dimensions: two 5x5 convolutions in groups with GELU and group
    normalisation between, at a width of their own, between two 1x1 convolutions; all with biases.
    The paper gives no drawing of it: with width 256 and 4 groups the nine rows of Table VI come
    within 0.6 % of the parameters printed there. It starts as the identity, so that the weights of
    an HRNet without attention mean the same in one with it.
    """

    def __init__(self, channels: int, width: int, groups: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1)
        self.conv1 = nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=groups)
        self.norm = nn.GroupNorm(groups, width)
        self.conv2 = nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=groups)
        self.expand = nn.Conv2d(width, channels, 1)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """The features with what their neighbourhoods add to them."""
        inner = self.norm(functional.gelu(self.conv1(self.reduce(features))))
        return features + self.expand(self.conv2(inner))


def place_name(stage: int, subnetwork: int) -> str:
    """What the module at a place is called in the state dict, after `PREFIX`."""
    return f"stage{stage}_sub{subnetwork}"


def with_own_attention(model: nn.Module, official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an HRNet without attention, completed by the attention modules of `model`.

    The result loads strictly. Raises DataError when `official` already has attention modules.
    """
    own = {key: value for key, value in model.state_dict().items() if key.startswith(PREFIX)}
    taken = sorted(set(own) & set(official))
    if taken:
        raise DataError(f"weights have attention modules of their own: {taken[0]!r}")
    return {**official, **own}

"""Group spatial attention, the paper's equations 3 and 6: short convolutions with a skip."""

from torch import Tensor, nn
from torch.nn import functional

NORM_EPS = 1e-5


class GroupAttention(nn.Module):
    """`x + Conv(Norm(GELU(Conv(x))))` along the tokens, (B, L, C) -> (B, L, C).

    In a spatial block (SAM) the tokens are joints and the kernel is 5, in a temporal block (TAM)
    they are frames and it is 3. `conv_groups = width` is the depth-wise form of the text. The norm
    is group normalisation with `norm_groups` groups of channels, each over all tokens of a sample;
    the paper does not say how many, the lifter passes its number of heads, so that a group is what
    one attention head reads.
    """

    def __init__(self, width: int, *, kernel: int, conv_groups: int, norm_groups: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, kernel, groups=conv_groups)
        self.norm = nn.GroupNorm(norm_groups, width, eps=NORM_EPS)
        self.conv2 = nn.Conv1d(width, width, kernel, groups=conv_groups)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each token with its neighbours and add the result to it."""
        # Seen as images one pixel high, (B, L, C) tokens are channels-last: nothing is transposed
        # or copied, and the depth-wise form trains 3 times as fast as with conv1d on a CPU.
        image = tokens.transpose(1, 2).unsqueeze(2)
        mixed = self.norm(functional.gelu(_convolve(image, self.conv1)))
        return tokens + _convolve(mixed, self.conv2).squeeze(2).transpose(1, 2)


def _convolve(image: Tensor, conv: nn.Conv1d) -> Tensor:
    """A 1-d convolution along the width of (B, C, 1, L)."""
    padding = (0, conv.kernel_size[0] // 2)
    return functional.conv2d(
        image, conv.weight.unsqueeze(2), conv.bias, padding=padding, groups=conv.groups
    )

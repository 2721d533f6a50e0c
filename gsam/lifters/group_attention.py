"""Group spatial attention (the paper's equations 3 and 6): short convolutions along joints or frames, with a skip."""

from torch import Tensor, nn
from torch.nn import functional

NORM_EPS = 1e-5


class GroupAttention(nn.Module):
    """`x + Conv(Norm(GELU(Conv(x))))` along the tokens, (B, L, C) -> (B, L, C).

    In a spatial block (SAM) the tokens are joints and the kernel is 5, in a temporal block (TAM) they are
    frames and it is 3. `conv_groups = width` is the depth-wise form of the text. The norm is group
    normalisation with `norm_groups` groups of channels, each over all tokens of a sample; the lifter passes
    its number of heads, so that a group is what one attention head reads.
    """

    def __init__(self, width: int, *, kernel: int, conv_groups: int, norm_groups: int) -> None:
        super().__init__()
        options = {"padding": kernel // 2, "groups": conv_groups}
        self.conv1 = nn.Conv1d(width, width, kernel, **options)
        self.norm = nn.GroupNorm(norm_groups, width, eps=NORM_EPS)
        self.conv2 = nn.Conv1d(width, width, kernel, **options)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each token with its neighbours and add the result to it."""
        mixed = self.conv1(tokens.transpose(1, 2))
        mixed = self.conv2(self.norm(functional.gelu(mixed)))
        return tokens + mixed.transpose(1, 2)

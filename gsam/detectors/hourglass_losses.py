"""What the stacked hourglass is trained on: the mean squared error of every stack."""

from collections.abc import Sequence

import torch
from torch import Tensor


def hourglass_loss(outputs: Sequence[Tensor], targets: Tensor, weight: Tensor) -> Tensor:
    """Loss of every sample (B,): the mean over stacks, joints and pixels.

    `outputs` and `targets` are (B, J, h, w). As in the reference a joint that is not labelled is
    trained towards an empty map, so `weight` (B, J), which emptied its target, is not looked at.
    """
    return stack_losses(outputs, targets).mean(dim=1)


def stack_losses(outputs: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Mean squared error of each stack, (B, stacks), as the reference reports it."""
    losses = [(output - targets).square().mean(dim=(1, 2, 3)) for output in outputs]
    return torch.stack(losses, dim=1)

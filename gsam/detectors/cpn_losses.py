"""What the cascaded pyramid network is trained on: every global map, and the hardest joints."""

from collections.abc import Sequence

import torch
from torch import Tensor

HARD_JOINTS = 8
"""Joints per person that the refined map learns from: those of largest error (section 3.2.2)."""

_VISIBLE = 1.1
_LABELLED = 0.1


def cpn_loss(outputs: Sequence[Tensor], targets: Tensor, weight: Tensor) -> Tensor:
    """Loss of every sample (B,); its mean is the reference's (pytorch-cpn, `train.py`).

    `outputs` are the four global maps and the refined one, each (B, J, h, w); `targets`
    (B, 4, J, h, w) are `cpn_targets`; `weight` (B, J) is 0 unlabelled, 1 labelled but hidden,
    2 visible. Global maps learn visible joints alone, against empty maps for the others. The
    refined one learns the 8 hardest of all labelled joints against the narrowest target.
    """
    *coarse, refined = outputs
    visible = (weight > _VISIBLE)[..., None, None]
    total = torch.zeros_like(weight[:, 0])
    for level, output in enumerate(coarse):
        total = total + 0.5 * (output - targets[:, level] * visible).square().mean(dim=(1, 2, 3))
    return total + hard_joint_loss(refined, targets[:, -1], weight > _LABELLED)


def hard_joint_loss(output: Tensor, target: Tensor, labelled: Tensor) -> Tensor:
    """Mean squared error over the joints of largest error, (B, J, h, w) twice -> (B,).

    The sum over the hardest 8 joints, or over all where there are fewer, is divided by their
    number; joints that are not `labelled` (B, J) count as without error.
    """
    error = (output - target).square().mean(dim=(2, 3)) * labelled
    return error.topk(min(HARD_JOINTS, error.shape[1]), dim=1).values.mean(dim=1)

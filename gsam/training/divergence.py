"""When a training counts as diverged: a result to be reported, not a failure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from gsam.training.config import TrainConfig

__all__ = ["diverged"]

ABSURD = 1000.0
"""Times the reference: weights that answer like this could overflow elsewhere."""


def diverged(
    model: nn.Module,
    losses: Sequence[float],
    checked: float,
    config: TrainConfig,
    reference: float,
) -> bool:
    """Whether the epoch that just ended went astray.

    It did when its training error, a weight or the model's error on the fixed examples is not
    finite; when the latter is absurd (ABSURD times the reference); or when the training error is
    above `config.blow_up` times the reference and has not fallen since the epoch before.

    losses: training error of every epoch so far; checked: error on the fixed examples after this
    epoch; reference: error of an answer that looks at no input; all in the task's unit.
    """
    loss = losses[-1]
    if not math.isfinite(loss) or not checked <= ABSURD * reference:
        return True
    fell = len(losses) < 2 or loss < losses[-2]
    if loss > config.blow_up * reference and not fell:
        return True
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    return not bool(torch.stack([t.isfinite().all() for t in tensors]).all())

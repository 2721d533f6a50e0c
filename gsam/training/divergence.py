"""When a training counts as diverged: a result to be reported, not a failure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from gsam.clips import ClipSet
from gsam.training.config import TrainConfig

__all__ = ["diverged", "mean_pose_error"]

ABSURD = 1000.0
"""Times the mean pose's error: weights that answer like this could overflow elsewhere."""


def mean_pose_error(clips: ClipSet, bounds: torch.Tensor) -> float:
    """MPJPE in metres of always predicting the mean pose of the clips in `bounds` (C, 2), on them.

    A model above a multiple of it knows less than nothing.
    """
    frames = torch.cat([torch.arange(int(a), int(b)) for a, b in bounds]).to(clips.device)
    targets = clips.targets[frames]
    error = torch.linalg.vector_norm(targets - targets.mean(dim=0), dim=-1).mean()
    return float(error)


def diverged(
    model: nn.Module,
    losses: Sequence[float],
    checked: float,
    config: TrainConfig,
    mean_pose: float,
) -> bool:
    """Whether the epoch that just ended went astray.

    It did when its training error, a weight or the model's error on the fixed windows is not
    finite; when the latter is absurd (ABSURD times the mean pose's); or when the training error is
    above `config.blow_up` times the mean pose's and has not fallen since the epoch before.

    losses: training error of every epoch so far; checked: error on the fixed windows after this
    epoch; mean_pose: the mean pose's error; all in metres.
    """
    loss = losses[-1]
    if not math.isfinite(loss) or not checked <= ABSURD * mean_pose:
        return True
    fell = len(losses) < 2 or loss < losses[-2]
    if loss > config.blow_up * mean_pose and not fell:
        return True
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    return not bool(torch.stack([t.isfinite().all() for t in tensors]).all())

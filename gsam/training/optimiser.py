"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import math

import torch
from torch import nn

from gsam.training.config import TrainConfig

__all__ = ["build_optimiser", "learning_rate", "set_learning_rate"]


def build_optimiser(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD in their fused form, one kernel per step instead of several per parameter.

    Weight decay acts on parameters with two or more axes that are weights of a layer: biases, norms
    and position tables are not shrunk towards zero.
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_weight = parameter.ndim >= 2 and "pos_embed" not in name
        (decayed if is_weight else free).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if not config.compile:
        _keep_eager()
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=True)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=(0.9, config.beta2), fused=True)


def _keep_eager() -> None:
    """Spare a training that compiles nothing the import of the compiler: 1.2 s in every process.

    Optimisers hide some methods from the compiler by wrappers that import it when they are first
    called, unless the hidden method is already known. PyTorch has no public name for that; where
    its names change, nothing but the time is lost.
    """
    for name in dir(torch.optim.Optimizer):
        method = getattr(torch.optim.Optimizer, name)
        code, hidden = getattr(method, "__code__", None), getattr(method, "__wrapped__", None)
        lazy = code is not None and code.co_filename == torch._compile.__file__
        if lazy and hidden is not None and not hasattr(hidden, "__dynamo_disable"):
            setattr(hidden, "__dynamo_disable", hidden)


def learning_rate(config: TrainConfig, epoch: int, part: float = 0.0) -> float:
    """The rate after `epoch` whole epochs and a `part` (0 to 1) of the next.

    Warm-up rises linearly and then hands over to the schedule: step (paper, IV-B) is x decay every
    decay_every epochs, cosine falls from the peak to zero at the end of the last epoch.
    """
    progress = (epoch + part) / config.epochs
    if progress < config.warmup:
        return config.lr * progress / config.warmup
    if config.schedule == "step":
        return config.lr * config.decay ** (epoch // config.decay_every)
    if config.schedule == "cosine":
        along = (progress - config.warmup) / (1 - config.warmup)
        return config.lr * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))
    return config.lr


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use `rate` from the next step on."""
    for group in optimiser.param_groups:
        group["lr"] = rate

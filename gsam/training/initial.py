"""A model's initial weights: those of its seed, whatever was drawn before."""

from collections.abc import Callable

import torch
from torch import nn

from gsam.training.order import stream

__all__ = ["fresh"]


def fresh(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The model that `make` builds, with the seed's own initial weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream("weights", seed))
        return make()

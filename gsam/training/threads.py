"""How many of torch's threads a network is worth."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["SMALL", "few_threads"]

SMALL = 1_000_000
"""Parameters below which a second thread gains a network next to nothing (lifters of the smoke
scale lose a quarter by it), and costs it many times its time where the core is not free: 500
images/s by one thread, 500 or 10 by two."""


@contextmanager
def few_threads(model: nn.Module) -> Iterator[None]:
    """One thread of torch for a small network, all of them for others."""
    threads = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    try:
        torch.set_num_threads(1 if small else threads)
        yield
    finally:
        torch.set_num_threads(threads)

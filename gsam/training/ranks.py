"""The ranks that a training is planned for, and the processes that run them; nothing for one alone.

A training planned for W workers always has W logical ranks, each with its own slice of every batch
and its own random state, whatever number P <= W of processes there is: process p runs the ranks p,
p + P, ... one after another. So a lost machine changes nothing but the order in which numbers are
added up, which is the last digits of a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from gsam.errors import ConfigError

__all__ = ["Ranks"]


class Ranks:
    """All `world` ranks of a training and `mine`, those that this process among `processes` runs:
    what they add up, agree on and copy."""

    def __init__(self, workers: int | None = None) -> None:
        """Ask torch.distributed, if it is initialised, which of the processes this one is.

        workers: ranks; by default as many as there are processes.

        Raises:
            ConfigError: there are more processes than `workers`.
        """
        together = dist.is_available() and dist.is_initialized()
        self.process = dist.get_rank() if together else 0
        self.processes = dist.get_world_size() if together else 1
        self.world = self.processes if workers is None else workers
        self.mine = range(self.process, self.world, self.processes)
        if self.processes > self.world:
            raise ConfigError(
                f"workers = {workers}: training in {self.processes} processes, "
                f"expected {self.processes} or more"
            )

    def total(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """Sum over all ranks of what this process has of its own, always added in their order."""
        if self.processes > 1:
            # Zeros where other processes put their ranks': nothing is rounded on the way.
            table = parts[0].new_zeros(self.world, *parts[0].shape)
            table[self.process :: self.processes] = torch.stack(list(parts))
            dist.all_reduce(table)
            parts = table.unbind()
        return reduce(torch.add, parts)

    def total_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes, in one message."""
        if self.processes == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def copy_buffers(self, model: nn.Module) -> None:
        """Give all processes the first one's buffers: running statistics saw rank 0's slices."""
        if self.processes > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def agreed(self, value: bool) -> bool:
        """The first process's value."""
        if self.processes == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, 0)
        return values[0]

    def gathered(self, values: Sequence[Any]) -> list[Any]:
        """Every rank's value, in their order, from those of each process's own ranks."""
        if self.processes == 1:
            return list(values)
        found: list[Any] = [None] * self.processes
        dist.all_gather_object(found, list(values))
        return [found[rank % self.processes][rank // self.processes] for rank in range(self.world)]

"""Several ranks in one process, one after another, as if each were alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch import nn

from gsam.training.order import stream

__all__ = ["Generators", "Turns"]

Generators = dict[str, torch.Tensor]
"""A rank's random state: of the generator `cpu` and, where it trains on a GPU, `cuda`."""

B = TypeVar("B")


class Turns:
    """Keeps apart what each rank changes as it is computed: torch's random state, which decides
    dropout, and a model's buffers, of which those of the first rank here stay, as running
    statistics. Costs nothing where there is one rank."""

    def __init__(
        self, model: nn.Module, ranks: Sequence[int], seed: int, device: torch.device
    ) -> None:
        """Give every rank its own random state, which follows from seed and rank."""
        self.device, self.buffers = device, list(model.buffers())
        self.waiting: list[Generators] = []
        for rank in ranks:
            torch.manual_seed(stream("dropout", seed, rank))
            self.waiting.append(self._now())

    def of(self, batches: Sequence[B]) -> Iterator[B]:
        """One batch for each rank, whose turn lasts, backward pass included, until the next."""
        if len(self.waiting) == 1:
            yield from batches
            return
        kept: list[torch.Tensor] = []
        for place, batch in enumerate(batches):
            self._use(self.waiting[place])
            yield batch
            self.waiting[place] = self._now()
            kept = kept or [buffer.clone() for buffer in self.buffers]
        for buffer, value in zip(self.buffers, kept, strict=True):
            buffer.copy_(value)

    def generators(self) -> list[Generators]:
        """The random state of every rank, between two steps."""
        return [self._now()] if len(self.waiting) == 1 else list(self.waiting)

    def restore(self, generators: Sequence[Generators]) -> None:
        """Go on from these random states."""
        self.waiting = list(generators)
        self._use(self.waiting[0])

    def _now(self) -> Generators:
        found = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    def _use(self, state: Generators) -> None:
        torch.set_rng_state(state["cpu"])
        if "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)

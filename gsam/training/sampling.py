"""Which samples an epoch is made of, in what order: a function of the seed and the epoch alone.

Every rank has its own slice of each batch of the same order, so one worker or eight see the same
batches, and an interrupted training finds its place again from the number of the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gsam.training.order import stream
from gsam.training.task import shares as cut

__all__ = ["SampleOrder", "Slice"]

Numbers = NDArray[np.int64]

_LAP = 1 << 32
"""More than any epoch's number."""


@dataclass(frozen=True)
class Slice:
    """One rank's part of one batch: its items, each with the number of its random stream, which
    is the epoch's (from 0) unless the item came before in that epoch. `spare`: the batch has no
    item for this rank, which is lent its first to be computed without weight."""

    items: tuple[int, ...]
    draws: tuple[int, ...]
    spare: bool


@dataclass(frozen=True, eq=False)
class SampleOrder:
    """The batches of every epoch, for the rank number `rank` of `world`.

    pools: the items (n,) of every source of samples. shares: which part of an epoch is from each,
    in proportion (one number for each pool, which is not empty where it is above 0); a pool that is
    smaller than its share is walked again, one that is larger gives another random part each time.
    limit: items per epoch; 0: as many as all pools have. Of a single pool never more than it has.
    """

    pools: tuple[Numbers, ...]
    shares: tuple[float, ...]
    seed: int
    batch_size: int
    limit: int = 0
    rank: int = 0
    world: int = 1

    @property
    def size(self) -> int:
        """Items per epoch, over all ranks."""
        every = sum(map(len, self.pools))
        wanted = self.limit or every
        return min(wanted, every) if len(self.pools) == 1 else wanted

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Items of each pool in an epoch: their shares, rounded so that they add up."""
        exact = np.array(self.shares) / sum(self.shares) * self.size
        counts = np.floor(exact).astype(int)
        order = np.argsort(counts - exact, kind="stable")
        counts[order[: self.size - counts.sum()]] += 1
        return tuple(counts.tolist())

    @cached_property
    def cuts(self) -> list[tuple[int, int]]:
        """Start and stop of every batch of an epoch."""
        return cut(self.size, self.batch_size)

    def for_rank(self, rank: int, world: int) -> SampleOrder:
        """The same order for another rank."""
        return replace(self, rank=rank, world=world)

    def epoch(self, epoch: int) -> Numbers:
        """An epoch in its order, for all ranks together: items and their draws (size, 2)."""
        if len(self.pools) == 1:
            return self._walk(0, epoch)
        drawn = np.concatenate([self._walk(pool, epoch) for pool in range(len(self.pools))])
        return drawn[np.random.default_rng(stream("mix", self.seed, epoch)).permutation(self.size)]

    def _walk(self, pool: int, epoch: int) -> Numbers:
        """As many items of a pool as its share asks for; every lap is in an order of its own."""
        items, count = self.pools[pool], self.counts[pool]
        laps = []
        for lap in range(-(-count // max(len(items), 1))):
            # Training on one pool that is walked once keeps the streams it was first given.
            number = stream("people", self.seed, epoch, *((pool, lap) if pool or lap else ()))
            order = np.random.default_rng(number).permutation(len(items))
            laps.append(np.stack([items[order], np.full(len(items), epoch + lap * _LAP)], axis=1))
        return np.concatenate(laps)[:count] if laps else np.empty((0, 2), np.int64)

    def slices(self, epoch: int) -> list[Slice]:
        """This rank's part of every batch of an epoch."""
        order = self.epoch(epoch)
        parts = []
        for start, stop in self.cuts:
            mine = order[start + self.rank : stop : self.world]
            lent = order[start : start + 1]
            items, draws = (mine if len(mine) else lent).T.tolist()
            parts.append(Slice(tuple(items), tuple(draws), not len(mine)))
        return parts

"""Training samples made one by one from numbered random streams, by a few threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gsam.training.ranks import Ranks
from gsam.training.sampling import SampleOrder

__all__ = ["ArrayBatch", "Arrays", "Feed", "Maker", "ThreadFeed", "side_by_side", "stack"]

AHEAD = 3
"""Batches in the making while one is trained on."""

Arrays = dict[str, NDArray[Any]]
"""A sample: arrays by name, the same names, shapes and dtypes for every one of a training."""

Maker = Callable[[int, int], Arrays]
"""Makes the sample of an item with the random stream of that number: whoever makes one, whenever,
it has the same bytes. Raises DataError where what it is made from is damaged."""


@dataclass(frozen=True, eq=False)
class ArrayBatch:
    """The arrays of B samples, each (B, ...); `spare`: to be computed, but not counted."""

    arrays: Arrays
    spare: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))


class Feed(Protocol):
    """Where the training gets its batches from."""

    def __call__(self, order: SampleOrder, epoch: int) -> Iterator[ArrayBatch]:
        """The batches of one epoch for the order's rank, in order; the rank's next call asks for
        the epoch that follows. Those of several ranks are read side by side."""


def side_by_side(
    feed: Feed, order: SampleOrder, ranks: Ranks, epoch: int
) -> Iterator[tuple[ArrayBatch, ...]]:
    """Of every batch of an epoch the slices of all ranks that this process runs."""
    return zip(
        *(feed(order.for_rank(rank, ranks.world), epoch) for rank in ranks.mine), strict=True
    )


def stack(samples: Sequence[Arrays], spare: bool = False) -> ArrayBatch:
    """Samples as one batch."""
    names = samples[0].keys()
    return ArrayBatch({name: np.stack([one[name] for one in samples]) for name in names}, spare)


class ThreadFeed(AbstractContextManager["ThreadFeed"]):
    """Samples made by threads of this process, a few batches ahead; a context manager.

    Decoding and warping leave Python's lock, so threads do for a few thousand images a second.
    """

    def __init__(self, make: Maker, threads: int | None = None) -> None:
        """`threads`: by default as many as the processors that this process may use."""
        count = threads or len(os.sched_getaffinity(0))
        self.make = make
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="samples")

    def __call__(self, order: SampleOrder, epoch: int) -> Iterator[ArrayBatch]:
        """The batches of one epoch."""
        waiting: deque[tuple[list[Future[Arrays]], bool]] = deque()
        try:
            for part in order.slices(epoch):
                jobs = [
                    self.pool.submit(self.make, item, draw)
                    for item, draw in zip(part.items, part.draws, strict=True)
                ]
                waiting.append((jobs, part.spare))
                if len(waiting) > AHEAD:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            for jobs, _ in waiting:
                for job in jobs:
                    job.cancel()

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)


def _finished(jobs: list[Future[Arrays]], spare: bool) -> ArrayBatch:
    return stack([job.result() for job in jobs], spare)

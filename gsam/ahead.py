"""Work done by threads a little ahead of who consumes it, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

import torch

from gsam.training.precision import numerics

__all__ = ["ahead", "each_alone"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    initializer: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """`map(work, items)` by threads that keep a little ahead of who consumes it; in order."""
    rest = iter(items)
    with ThreadPoolExecutor(threads, initializer=initializer) as pool:
        queue = deque(pool.submit(work, item) for item in islice(rest, threads + 1))
        try:
            while queue:
                first = queue.popleft()
                queue.extend(pool.submit(work, item) for item in islice(rest, 1))
                yield first.result()
        finally:
            for waiting in queue:
                waiting.cancel()


def each_alone(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """As `ahead`, in full float32 and with one thread of torch for each piece of work.

    Sums of networks on a CPU then do not depend on how many threads there are.
    """
    before = torch.get_num_threads()
    try:
        with numerics("float32"):
            yield from ahead(work, items, threads, partial(torch.set_num_threads, 1))
    finally:
        # Threads that others start would inherit the pool's number.
        torch.set_num_threads(before)

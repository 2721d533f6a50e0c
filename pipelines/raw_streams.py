"""Several downloads at once, under one bar of bytes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["at_once", "in_bytes", "shown"]

STREAMS = 8
"""Objects that are fetched at the same time."""

T = TypeVar("T")


def at_once(
    fetch: Callable[[T, Callable[[int], None]], None],
    items: Iterable[T],
    advance: Callable[[int], None],
) -> None:
    """Call `fetch(item, advance)` for all items, some at a time; what one raises ends all."""
    over = threading.Event()

    def checked(count: int) -> None:
        if over.is_set():
            raise CancelledError
        advance(count)

    with ThreadPoolExecutor(STREAMS) as pool:
        jobs = [pool.submit(fetch, item, checked) for item in items]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def shown(location: str, total: int, files: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal, one line elsewhere; yields what to call with arrived bytes."""
    from tqdm import tqdm

    watched, updating = sys.stderr.isatty(), threading.Lock()
    if not watched:
        print(f"fetching {in_bytes(total)} from {location} (files: {files})", file=sys.stderr)
    with tqdm(
        total=total,
        desc=f"fetch {location}",
        unit="B",
        unit_scale=True,
        leave=False,
        dynamic_ncols=True,
        disable=not watched,
    ) as bar:

        def advance(count: int) -> None:
            with updating:
                bar.update(count)

        yield advance


def in_bytes(count: float) -> str:
    """A number of bytes for people to read."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"

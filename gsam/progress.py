"""A progress bar for whoever watches a terminal, and nothing for whoever does not."""

import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on standard error, only when that is a terminal.

    Without one, too, where the library is alone and tqdm is not installed.
    """
    if not sys.stderr.isatty() or find_spec("tqdm") is None:
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=description, total=total, leave=False, dynamic_ncols=True)

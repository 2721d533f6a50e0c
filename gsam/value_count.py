"""How many values a walk through lists and dictionaries out of a file would meet.

In a pickle or a YAML file ten lines can refer to each other 10^10 times: whoever then walks through
them, be it to print them in a message, does not come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["count_values"]


def count_values(
    value: Any, parts: Callable[[Any], Iterable[Any] | None] = lambda value: None
) -> int:
    """Values in `value`, each counted as often as it is referred to; long texts count more.

    `parts` says what is in values that are no containers (None: nothing). Raises ValueError for a
    container that holds itself, RecursionError for one that is nested too deep.
    """
    known: dict[int, int] = {}
    alive: list[Any] = []

    def count(value: Any) -> int:
        if isinstance(value, str | bytes):
            return 1 + len(value) // 16
        if id(value) in known:
            if known[id(value)] == 0:
                raise ValueError("holds a value that holds itself")
            return known[id(value)]
        inside = _inside(value)
        inside = parts(value) if inside is None else inside
        if inside is None:
            return 1
        known[id(value)] = 0
        # Ids are unique among values that are kept.
        alive.append(value)
        known[id(value)] = total = 1 + sum(map(count, inside))
        return total

    return count(value)


def _inside(value: Any) -> Iterable[Any] | None:
    if isinstance(value, dict):
        return (*value, *value.values())
    if isinstance(value, list | tuple | set):
        return value
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        items: list[Any] = value.ravel().tolist()
        return items
    return None

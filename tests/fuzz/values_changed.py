"""Trees of values, damaged: a value exchanged for one of another kind, dropped, doubled, nested."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

__all__ = ["places", "twisted"]

_PLAIN: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 17, 255, 2**31, -(2**31), 2**63, 2**64, 10**400),
    *(0.0, 0.5, -1.5, 1e300, 1e-300, float("nan"), float("inf"), -float("inf")),
    *("", "a", "é\udcff"[:1], "../../etc/passwd", "0", "nan", "a" * 3000, "a\nb", "\0"),
    *([], {}, [[]], [1, 2, 3], [1, "a", None], {"a": 1}, [[1, 2], [3]], [None] * 17),
)
_DTYPES = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?", "c8", "U4", "S4", "O", "M8[s]")


def twisted(random: Random, tree: Any) -> Any:
    """A copy of the tree with one to three places changed."""
    tree = [copy.deepcopy(tree)]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _twist(random, *random.choice(places(tree)))
    return tree[0]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value; levels of few values count as much as those of many."""
    found, level = [], [(tree, 0)]
    while level:
        found.append(level)
        inner = []
        for container, key in level:
            value = container[key]
            if isinstance(value, dict):
                inner += [(value, name) for name in value]
            elif isinstance(value, list):
                inner += [(value, place) for place in range(min(len(value), 50))]
        level = inner
    pairs = []
    most = max(len(level) for level in found)
    for level in found:
        pairs += level * max(1, most // (4 * len(level)))
    return pairs


def _twist(random: Random, container: Any, key: Any) -> None:
    value = container[key]
    what = random.random()
    if isinstance(value, np.ndarray) and what < 0.75:
        container[key] = _array(random, value)
    elif what < 0.5:
        container[key] = copy.deepcopy(random.choice(_PLAIN))
    elif what < 0.6:
        container[key] = _odd_array(random)
    elif what < 0.7 and isinstance(container, dict):
        container[random.choice(("", "x", "é", "a/b", "S99", key + "x"))] = container.pop(key)
    elif what < 0.8 and not isinstance(key, int):
        del container[key]
    elif what < 0.9:
        container[key] = [value, value]
    else:
        deep: Any = value
        for _ in range(random.choice((1, 3, 3000))):
            deep = [deep]
        container[key] = deep


def _odd_array(random: Random) -> np.ndarray:
    shape = random.choice(((), (0,), (1,), (3,), (0, 17, 3), (1, 1, 1, 1, 1), (17, 3), (4, 4)))
    kind = random.choice(_DTYPES)
    if kind == "O":
        filled = np.empty(shape, object)
        filled[...] = random.choice((None, "a", 1))
        return filled
    return np.zeros(shape, kind)


def _array(random: Random, array: np.ndarray) -> np.ndarray:
    changes: list[Callable[[], np.ndarray]] = [
        lambda: array[:0],
        lambda: array[..., :1],
        lambda: array[..., :0],
        lambda: array[:1],
        lambda: array[None],
        lambda: array.ravel(),
        lambda: array.T,
        lambda: array.astype(random.choice(_DTYPES)),
        lambda: np.concatenate([array, array]),
        lambda: np.concatenate([array, array], axis=-1),
        lambda: array * 1000,
        lambda: array * np.float64(1e300),
        lambda: array * 0,
        lambda: -array,
        lambda: _with(random, array, random.choice((np.nan, np.inf, -1, 1e38, 2**31))),
        lambda: array.reshape(-1)[0],
        lambda: _odd_array(random),
    ]
    with np.errstate(all="ignore"):
        try:
            return np.asarray(random.choice(changes)())
        except (TypeError, ValueError, IndexError, OverflowError):
            return _odd_array(random)


def _with(random: Random, array: np.ndarray, value: float) -> np.ndarray:
    out = array.copy()
    out.reshape(-1)[random.randrange(out.size)] = value
    return out

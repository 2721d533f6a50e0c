"""What a pickle has built, made plain: holders turned into the arrays and values that they hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from gsam.pickle_names import (
    ArrayHolder,
    DtypeHolder,
    Holder,
    Refused,
    SparseHolder,
    array_of,
    element_type,
)
from gsam.value_count import count_values

__all__ = ["plain_value"]

_MAX_VALUES = 10_000_000
"""Values in a pickle, each counted as often as it is referred to: the largest files hold 100,000
arrays."""


def plain_value(value: Any) -> Any:
    """The value with holders replaced by what they hold; lists and dicts change in place.

    Raises Refused for one that refers to too many or holds an impossible array, ValueError for one
    that holds itself.
    """
    if count_values(value, _parts) > _MAX_VALUES:
        raise Refused(f"refers to more than {_MAX_VALUES} values")
    return _plain(value, {})


def _parts(value: Any) -> tuple[Any, ...] | None:
    if not isinstance(value, Holder):
        return None
    state = value.state if isinstance(value.state, tuple) else (value.state,)
    return tuple(_thinned(part) for part in (*state, *value.arguments))


def _thinned(part: Any) -> Any:
    """An array's bytes so cut that 512 of them count as one value: no more than `MAX_BYTES` can be
    copied however often they are referred to, and the largest file of keypoints passes."""
    return part[: len(part) // 32] if isinstance(part, str | bytes | bytearray) else part


def _plain(value: Any, done: dict[int, tuple[object, object]]) -> Any:
    """`plain_value` of a part of it.

    `done` maps the id of a value to the value (kept alive, so that ids stay unique) and its result.
    """
    if id(value) in done:
        return done[id(value)][1]
    result = value
    if isinstance(value, list | dict):
        done[id(value)] = (value, value)
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            value[key] = _plain(value[key], done)
    elif isinstance(value, tuple):
        result = tuple(_plain(item, done) for item in value)
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        done[id(value)] = (value, value)
        for place in np.ndindex(value.shape):
            value[place] = _plain(value[place], done)
    elif isinstance(value, Holder):
        result = _held(value, done)
    done[id(value)] = (value, result)
    return result


def _held(holder: Holder, done: dict[int, tuple[object, object]]) -> Any:
    state = holder.state
    if isinstance(holder, ArrayHolder):
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise Refused("leaves an array without a state")
        shape, dtype, fortran, data = state[-4:]
        return _plain(array_of(shape, dtype, data, bool(fortran)), done)
    if isinstance(holder, DtypeHolder):
        return element_type(holder)
    if not isinstance(state, dict):
        return holder
    parts = _plain(state, done)
    if isinstance(holder, SparseHolder):
        from scipy.sparse import csc_matrix

        shape = parts.get("_shape", parts.get("shape"))
        matrix = csc_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=shape)
        matrix.check_format(full_check=True)
        return matrix
    if isinstance(parts.get("x"), np.ndarray):
        return parts["x"]
    if isinstance(parts.get("a"), np.ndarray) and "idxs" in parts:
        selected = parts["a"].ravel()[np.asarray(parts["idxs"]).ravel()]
        return selected.reshape(parts.get("preferred_shape", selected.shape))
    return holder

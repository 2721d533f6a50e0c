"""The names a pickle may use, and what answers them: things of ours that only hold data.

Not even NumPy's own constructors are on the list: a pickle can hand the real `numpy.dtype` a state
that makes plain bytes pass as pointers. `gsam.unpickle` turns the holders into arrays once a
pickle has ended. The list is that of NumPy arrays (old and new spellings), Python-2 containers,
SciPy's CSC matrices and chumpy arrays.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from gsam.errors import DataError

__all__ = [
    "ALLOWED",
    "ArrayHolder",
    "ChumpyNode",
    "DtypeHolder",
    "Holder",
    "Refused",
    "SparseHolder",
    "array_of",
    "checked_texts",
    "element_type",
]


class Refused(pickle.UnpicklingError):
    """A pickle asked for something that is not on the list."""


class _Global:
    """What the unpickler gets for an allowed name: callable, and closed to any change of state."""

    __slots__ = ("_call",)
    _call: Callable[..., object]

    def __init__(self, call: Callable[..., object]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: object) -> object:
        return self._call(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise Refused(f"sets {name!r} of a function")

    def __setstate__(self, state: object) -> None:
        raise Refused("sets the state of a function")


class Holder:
    """An object under construction: takes any arguments, keeps its state, calls nothing."""

    arguments: tuple[object, ...] = ()
    state: object = None

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        self.state = state


class ArrayHolder(Holder):
    """`numpy.ndarray`: state (version, shape, dtype, is Fortran ordered, data)."""


class DtypeHolder(Holder):
    """`numpy.dtype`: arguments (name, align, copy), state (version, byte order, ...)."""


class SparseHolder(Holder):
    """`scipy.sparse.csc_matrix`: state {data, indices, indptr, _shape or shape}."""


class ChumpyNode(Holder):
    """A node of chumpy, the dead library in SMPL's files; left in place of one that holds no array.

    A `chumpy.ch.Ch` becomes its array (state {x: array}), a `Select` the selection (state {a: node,
    idxs, preferred_shape}); other expressions are never evaluated, and using one is a DataError.
    """

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise DataError("a chumpy expression is not evaluated, expected a plain chumpy.ch.Ch")


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise Refused(f"encodes bytes as {encoding!r}, expected latin1")
    return text.encode("latin1")


def _no_bytes(*arguments: object) -> bytes:
    # How protocols up to 2 write b""; with an argument it would allocate any size.
    if arguments:
        raise Refused("makes bytes from something")
    return b""


def _only_named(*_arguments: object) -> object:
    raise Refused("calls a class that may only be named")


def _reconstruct(*_arguments: object) -> ArrayHolder:
    return ArrayHolder()


def _reconstructor(kind: object, *_arguments: object) -> object:
    if not (isinstance(kind, type) and issubclass(kind, Holder)):
        raise Refused("reconstructs a class that is not on the list")
    return kind()


def _dictionary(pairs: object = ()) -> dict[Any, Any]:
    if not isinstance(pairs, list | tuple | dict):
        raise Refused("fills a dictionary from something else than pairs")
    return dict(pairs)


def _default_dictionary(*_factory: object) -> dict[Any, Any]:
    return {}


def _set(items: object = ()) -> set[Any]:
    if not isinstance(items, list | tuple):
        raise Refused("fills a set from something else than a list")
    return set(items)


def _scalar(dtype: object, data: object = b"") -> object:
    return array_of((), dtype, data, False)[()]


def _frombuffer(data: object, dtype: object, shape: object, order: object = "C") -> object:
    return array_of(shape, dtype, data, order == "F")


def element_type(dtype: object) -> np.dtype[Any]:
    """The dtype that a holder describes: plain numbers, texts and objects; records are refused."""
    if not isinstance(dtype, DtypeHolder) or not dtype.arguments:
        raise Refused("uses something else than a dtype as a dtype")
    name = dtype.arguments[0]
    name = name.decode("latin1") if isinstance(name, bytes) else name
    if not isinstance(name, str) or not re.fullmatch(r"[<>=|]?([biufcSU]\d{1,6}|[?O]\d?)", name):
        raise Refused(f"uses the dtype {name!r}, expected numbers, texts or objects")
    state = dtype.state if isinstance(dtype.state, tuple) else ()
    order: Any = state[1] if len(state) > 1 else "="
    order = order.decode("latin1") if isinstance(order, bytes) else order
    if order not in ("<", ">", "=", "|"):
        raise Refused(f"uses the byte order {order!r}")
    if "O" in name:
        return np.dtype(object)
    return np.dtype(name) if order == "|" else np.dtype(name).newbyteorder(order)


def array_of(shape: Any, dtype: object, data: Any, fortran: bool) -> Any:
    """An array (or its element, for a scalar) from checked parts; the data is copied."""
    kind = element_type(dtype)
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise Refused(f"gives an array the shape {shape!r}")
    order: Any = "F" if fortran else "C"
    if kind.hasobject:
        if not isinstance(data, list):
            raise Refused("fills an array of objects from something else than a list")
        flat = np.empty(len(data), object)
        for index, item in enumerate(data):
            flat[index] = item
        return flat.reshape(shape, order=order)
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(data, bytes | bytearray):
        raise Refused("fills an array from something else than bytes")
    return checked_texts(np.frombuffer(data, kind).reshape(shape, order=order).copy(order="K"))


def checked_texts(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array; DataError for texts of numbers that are no characters, on which Python fails."""
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        numbers = np.frombuffer(array.tobytes(), array.dtype.str[0] + "u4")
        if numbers.max() > sys.maxunicode:
            raise DataError("an array of texts holds what is no character, expected texts")
    return array


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("builtins", "__builtin__")
ALLOWED: dict[tuple[str, str], object] = {
    **{(module, "_reconstruct"): _Global(_reconstruct) for module in _MULTIARRAY},
    **{(module, "scalar"): _Global(_scalar) for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Global(_frombuffer) for module in _NUMERIC},
    **{(module, "_reconstructor"): _Global(_reconstructor) for module in ("copyreg", "copy_reg")},
    **{(module, "bytes"): _Global(_no_bytes) for module in _BUILTINS},
    **{(module, "set"): _Global(_set) for module in _BUILTINS},
    **{
        (module, name): _Global(_only_named)
        for module in _BUILTINS
        for name in ("object", "list", "dict", "int", "float", "str", "tuple")
    },
    ("numpy", "ndarray"): _Global(_only_named),
    ("numpy", "dtype"): DtypeHolder,
    ("_codecs", "encode"): _Global(_encode),
    ("collections", "OrderedDict"): _Global(_dictionary),
    ("collections", "defaultdict"): _Global(_default_dictionary),
    ("scipy.sparse.csc", "csc_matrix"): SparseHolder,
    ("scipy.sparse._csc", "csc_matrix"): SparseHolder,
}

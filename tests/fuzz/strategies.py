"""Damaged files as hypothesis draws them: what breaks a reader shrinks to its least form."""

from __future__ import annotations

import contextlib
import copy
import io
import pickletools
import re
import zipfile
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.fuzz.bytes_changed import changed
from tests.fuzz.reader import Reader
from tests.fuzz.values_changed import places

__all__ = ["damaged"]

_TOKEN = re.compile(rb"[A-Za-z_]+|-?\d[\d.eE+-]*|\s+|.", re.DOTALL)
_MOST_TOKENS = 4000
_UNWRITABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
_UNWRITABLE += (pa.ArrowException,)
_FIXED = 8  # Bytes of a word where the format has no tokens of its own.
_SPECIAL = st.sampled_from((float("nan"), float("inf"), -1.0, 0.0, 1e38, 1e308, 2.0**63, 1e-320))
_DTYPES = st.sampled_from(
    ("<f8", "<f4", "<f2", ">f8", "i1", "<i8", "u1", "<u8", "?", "<c16", "<U3", "S3", "O", "<M8[s]")
)
_KEYS = st.sampled_from(("", "x", "a/b", "é", "S99", "0")) | st.text(max_size=5)
_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from((2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400)),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(("nan", "1e5", "../../etc/passwd", "a" * 5000, "\ud800", "S9/Walking 1.x")),
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_ODD_TOKENS = st.sampled_from(
    (
        *(b"0", b"-1", b"nan", b"1e999", b"-inf", b"1_0", b"9" * 5000, b"2147483648", b"1e-320"),
        *(
            b"",
            b"\xff",
            b"\0",
            b"\n",
            b'"',
            b"{",
            b"[",
            b"null",
            b"\xd9\xa3",
            b"\xff" * 4,
            bytes(8),
        ),
    )
) | st.binary(min_size=1, max_size=8)


@st.composite
def _arrays(draw: st.DrawFn) -> np.ndarray:
    """Any dtype, any small shape."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    kind = np.dtype(draw(_DTYPES))
    if kind.hasobject:
        filled = np.empty(shape, object)
        filled[...] = draw(st.none() | st.integers() | st.text(max_size=3))
        return filled
    return np.full(shape, draw(hnp.from_dtype(kind)), kind)


@st.composite
def _arrays_like(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """The array with other values, another dtype or another shape."""
    what = draw(st.integers(0, 7))
    at = draw(st.integers(0, max(array.size - 1, 0)))
    with np.errstate(all="ignore"):
        try:
            if what == 0:
                out = array.copy()
                out.reshape(-1)[at] = draw(_SPECIAL)
                return out
            if what == 1:
                return array * draw(st.sampled_from((1e-3, 1e3, -1, 0, 1e30, 1e300, float("nan"))))
            if what == 2:
                return array.astype(draw(_DTYPES))
            if what == 3:
                axis = draw(st.integers(0, array.ndim - 1))
                return np.take(array, range(draw(st.integers(0, array.shape[axis]))), axis)
            if what == 4:
                return np.concatenate([array, array], draw(st.integers(0, array.ndim - 1)))
            if what == 5:
                return array.transpose(draw(st.permutations(range(array.ndim))))
            if what == 6:
                return draw(st.sampled_from((array[None], array.ravel(), array[..., None])))
        except (TypeError, ValueError, OverflowError, IndexError):
            pass
    return draw(_arrays())


@st.composite
def _trees_like(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one to three of its values exchanged, dropped, renamed, nested or swapped."""
    held = [_unshared(tree)]
    for _ in range(draw(st.integers(1, 3))):
        found = places(held)
        container, key = draw(st.sampled_from(found))
        value = container[key]
        what = draw(st.sampled_from(("value", "like", "other", "nested", "key", "dropped")))
        if what == "like" and isinstance(value, np.ndarray):
            container[key] = draw(_arrays_like(value))
        elif what == "like" and isinstance(value, int | float) and not isinstance(value, bool):
            container[key] = draw(st.sampled_from((-value, value + 0.5, str(value), float(value))))
        elif what == "other":
            other, name = draw(st.sampled_from(found))
            container[key] = _unshared(other[name])
        elif what == "nested":
            container[key] = draw(
                st.sampled_from(([value], [value, _unshared(value)], {"a": value}, []))
            )
        elif what == "key" and isinstance(container, dict):
            container[draw(_KEYS)] = container.pop(key)
        elif what == "dropped" and container is not held:
            del container[key]
        else:
            container[key] = draw(_VALUES | _arrays())
    return held[0]


def _unshared(tree: Any) -> Any:
    """A copy in which a list that stands in many places is many lists: they would all grow."""
    if isinstance(tree, dict):
        return {key: _unshared(value) for key, value in tree.items()}
    return [_unshared(value) for value in tree] if isinstance(tree, list) else copy.deepcopy(tree)


def _tokens(content: bytes) -> list[bytes]:
    """Instructions of a pickle, words of a text, else eight bytes each."""
    if content[:1] == b"\x80":
        with contextlib.suppress(ValueError):  # No pickle, though it begins like one.
            starts = [at for _, _, at in pickletools.genops(content) if at is not None]
            return [content[a:b] for a, b in pairwise([*starts, len(content)])]
    head = content[: 1 << 16]
    if content[:6] == b"\x93NUMPY" or b"\0" not in head[:512]:
        found = _TOKEN.findall(head)[:_MOST_TOKENS]
        return [*found, content[sum(map(len, found)) :]]
    return [content[at : at + _FIXED] for at in range(0, len(content), _FIXED)]


@st.composite
def _retold(draw: st.DrawFn, content: bytes) -> bytes:
    """Tokens dropped, doubled, exchanged for one another or for what no writer writes."""
    tokens = _tokens(content)
    for _ in range(draw(st.integers(1, 4))):
        last = len(tokens) - 1
        # Headers decide more than what follows them.
        at = draw(st.integers(0, min(last, 40)) | st.integers(0, last))
        what = draw(st.sampled_from(("odd", "dropped", "doubled", "exchanged", "cut", "many")))
        if what == "odd":
            tokens[at] = draw(_ODD_TOKENS)
        elif what == "doubled":
            tokens.insert(at, tokens[at])
        elif what == "exchanged":
            other = draw(st.integers(0, last))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif what == "many":
            tokens[at : at + 1] = [tokens[at]] * draw(st.integers(2, 2000))
        elif len(tokens) > 1:
            tokens = tokens[:at] + tokens[at + 1 if what == "dropped" else len(tokens) :] or [b""]
    return b"".join(tokens)[: 1 << 20]


@st.composite
def _inside_zip(draw: st.DrawFn, content: bytes) -> bytes:
    """A member retold: the header of an array is a text, an object in it a pickle."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = draw(st.sampled_from(sorted(members)))
    head, mark, rest = members[name].partition(b"\n\x80")
    whole = not mark or draw(st.booleans())
    told = draw(_retold(members[name] if whole else mark[1:] + rest))
    members[name] = told if whole else head + mark[:1] + told
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, value in members.items():
            archive.writestr(member, value)
    return out.getvalue()


@st.composite
def _retyped(draw: st.DrawFn, reader: Reader) -> bytes:
    try:
        return reader.dump(draw(_trees_like(reader.content())))
    except _UNWRITABLE:
        # Not every tree can be written in every format.
        return reader.good


def damaged(reader: Reader) -> st.SearchStrategy[bytes]:
    """The reader's good file with values, tokens or bytes of it changed."""
    good = reader.good
    ways = [_retold(good), st.builds(changed, st.randoms(use_true_random=False), st.just(good))]
    if good[:2] == b"PK":
        ways[0] = _inside_zip(good)
    return st.one_of(*([_retyped(reader)] * reader.twists), *ways)

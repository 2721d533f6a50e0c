"""Turn a mapping into a typed dataclass; every unknown key and wrong value is named at once."""

import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from gsam.errors import ConfigError

T = TypeVar("T")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """`did you mean X?` for a misspelt name, or the list of what is allowed."""
    names = sorted(allowed)
    # Keys of a file need not be texts.
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    listed = ", ".join(names)
    return f"did you mean {close[0]!r}? (allowed: {listed})" if close else f"allowed: {listed}"


def problems_of(cls: type, values: Mapping[str, Any], where: str) -> list[str]:
    """Every reason why `values` cannot become a `cls`; empty when it can.

    A dataclass may add rules between fields in a method `problems() -> list[str]`.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    found = []
    for key, value in values.items():
        if key not in fields:
            found.append(f"{where}: unknown key {key!r}; {nearest(key, fields)}")
        elif not _fits(value, hints[key]):
            found.append(f"{where}.{key} = {value!r}: expected {_name(hints[key])}")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            found.append(f"{where}.{name}: missing; expected {_name(hints[name])}")
    if not found:
        rules = getattr(_construct(cls, values), "problems", list)
        found.extend(f"{where}: {problem}" for problem in rules())
    return found


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a `cls` from `values`.

    Raises:
        ConfigError: names every problem, one line each.
    """
    found = problems_of(cls, values, where)
    if found:
        raise ConfigError("; ".join(found))
    return _construct(cls, values)


def _construct(cls: type[T], values: Mapping[str, Any]) -> T:
    hints = typing.get_type_hints(cls)
    return cls(**{key: _convert(value, hints[key]) for key, value in values.items()})


def _convert(value: Any, hint: Any) -> Any:
    """JSON and YAML have no tuples and write 1.0 as 1: give the field what it declares."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = next(arg for arg in typing.get_args(hint) if _fits(value, arg))
        return None if value is None else _convert(value, inner)
    if origin is tuple:
        args = typing.get_args(hint)
        return tuple(_convert(item, args[0]) for item in value)
    if hint is float:
        return float(value)
    return value


def _fits(value: Any, hint: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return value in args
    if origin in (tuple, list):
        return isinstance(value, (list, tuple)) and all(_fits(item, args[0]) for item in value)
    if origin is dict:
        return isinstance(value, Mapping)
    if hint is type(None):
        return value is None
    if hint is float:
        # A whole number may be larger than any float.
        whole = isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, float) or (whole and abs(value) <= sys.float_info.max)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _name(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_name(arg) for arg in args)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, args))
    if origin in (tuple, list):
        return f"a list of {_name(args[0])}"
    return {type(None): "null", float: "a number", int: "a whole number", str: "a text"}.get(
        hint, getattr(hint, "__name__", str(hint))
    )

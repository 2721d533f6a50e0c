"""Plain mappings become typed records; every mistake is named at once."""

from dataclasses import dataclass
from typing import Literal

import pytest

from gsam.configs import build, nearest
from gsam.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Example:
    rate: float
    kind: Literal["a", "b"] = "a"
    sizes: tuple[int, ...] = ()
    limit: int | None = None

    def problems(self) -> list[str]:
        return [f"rate = {self.rate}: expected more than 0"] if self.rate <= 0 else []


def test_values_take_the_declared_type() -> None:
    built = build(Example, {"rate": 1, "sizes": [3, 5], "limit": None}, "here")
    assert built == Example(rate=1.0, sizes=(3, 5))
    assert isinstance(built.rate, float) and isinstance(built.sizes, tuple)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build(Example, {"raet": 1.0, "kind": "c", "sizes": [1.5], "limit": True}, "file.yaml")
    message = str(caught.value)
    for part in ("'raet'; did you mean 'rate'?", "kind = 'c': expected one of a, b", "sizes"):
        assert part in message
    assert "limit = True: expected a whole number or null" in message
    assert "file.yaml.rate: missing; expected a number" in message


def test_rules_between_fields_are_asked_when_the_types_are_right() -> None:
    with pytest.raises(ConfigError, match=r"rate = -1\.0: expected more than 0"):
        build(Example, {"rate": -1}, "here")


def test_nearest_lists_what_is_allowed_when_nothing_is_near() -> None:
    assert nearest("zzzz", ["gsam", "strided"]) == "allowed: gsam, strided"

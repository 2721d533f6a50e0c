"""What a file's values would cost whoever walks through them, and YAML that is held to it."""

from pathlib import Path
from typing import Any

import pytest

from gsam.plain_yaml import load_yaml
from gsam.value_count import count_values


def test_a_value_counts_as_often_as_it_is_referred_to() -> None:
    shared = [1, 2]
    assert count_values(3) == 1
    assert count_values(shared) == 3
    assert count_values({"a": shared, "b": (shared, shared)}) == 1 + 2 + 3 + (1 + 6)
    laughs: Any = ["ha"]
    for _ in range(20):
        laughs = [laughs] * 10
    assert count_values(laughs) > 10**20
    laughs.append(laughs)
    with pytest.raises(ValueError, match="holds itself"):
        count_values(laughs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML \\(line 1\\)"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("a: " + "9" * 5000, "digits"),
        ("[" * 5000, "nested too deep|not valid YAML"),
        ("#" * (1 << 20) + "\na: 1", "larger than"),
        ("a: &a [*a]", "holds itself"),
        ("a: 2001-99-99", "month|not valid"),
    ],
)
def test_settings_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_yaml(path)


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &x [1, 2.5]\nb: *x\nc: null\n", encoding="utf-8")
    assert load_yaml(path) == {"a": [1, 2.5], "b": [1, 2.5], "c": None}

"""The conditions behind a table, said once for what all its rows share."""

from collections.abc import Mapping, Sequence
from typing import Any


def shared_lines(title: str, conditions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """One line for what every named row shares, then one per group of rows for what differs.

    `conditions` are pairs of a row's name and its conditions.
    """
    texts = [{key: _plain(value) for key, value in own.items()} for _, own in conditions]
    if not texts:
        return []
    keys = sorted({key for text in texts for key in text})
    shared = [key for key in keys if len({text.get(key) for text in texts}) == 1]
    common = _joined(texts[0], shared)
    groups: dict[str, list[str]] = {}
    for (name, _), text in zip(conditions, texts, strict=True):
        own = _joined(text, [key for key in keys if key not in shared])
        names = groups.setdefault(own, [])
        if own and name not in names:
            names.append(name)
    lines = [f"{title}: {common}"] if common else []
    return lines + [f"{title} of {', '.join(names)}: {own}" for own, names in groups.items() if own]


def _joined(text: Mapping[str, str], keys: Sequence[str]) -> str:
    return "; ".join(f"{key.replace('_', ' ')}: {text[key]}" for key in keys if text.get(key))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "" if value is None else str(value)

"""The evaluation protocols behind a table, said once for what all its rows share."""

from collections.abc import Mapping, Sequence
from typing import Any

from gsam.results.measured import Scores


def protocol_lines(scores: Sequence[Scores]) -> list[str]:
    """One line for what every row shares, then one per group of rows for what sets it apart."""
    texts = [{key: _plain(value) for key, value in s.protocol.items()} for s in scores]
    if not texts:
        return []
    keys = sorted({key for text in texts for key in text})
    shared = [key for key in keys if len({text.get(key) for text in texts}) == 1]
    lines = ["Protocol: " + _joined(texts[0], shared)] if shared else []
    groups: dict[str, list[str]] = {}
    for row, text in zip(scores, texts, strict=True):
        own = _joined(text, [key for key in keys if key not in shared])
        names = groups.setdefault(own, [])
        if own and row.name not in names:
            names.append(row.name)
    lines += [f"Protocol of {', '.join(names)}: {own}" for own, names in groups.items() if own]
    return lines


def _joined(text: Mapping[str, str], keys: Sequence[str]) -> str:
    return "; ".join(f"{key.replace('_', ' ')}: {text[key]}" for key in keys if text.get(key))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "" if value is None else str(value)

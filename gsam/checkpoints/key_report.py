"""What a checkpoint's keys have to do with a module's, as data and as a short table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["KeyReport", "compare_keys", "fitting_weights"]

_SHOWN = 10
# Counts the batches of training; old PyTorch had no such buffer, and nothing here reads it.
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, kw_only=True)
class KeyReport:
    """Keys by what becomes of them, each list sorted.

    `filled` are counters of batches that the checkpoint is too old to have; they start at 0.
    `wrong_shape` says for each key which shape was found and which was expected.
    """

    matched: tuple[str, ...]
    filled: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True when every key of the module is there, and no other."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    def counts(self) -> str:
        """One line of numbers."""
        return ", ".join(f"{len(keys)} {title}" for title, keys in self._kinds())

    def table(self) -> str:
        """A line per kind of key, and the first few keys of each kind that stops the load."""
        lines = [f"{title:<12} {len(keys):>6}" for title, keys in self._kinds()]
        for title, keys in self._kinds()[2:]:
            lines += [f"  {title}: {key}" for key in keys[:_SHOWN]]
            if len(keys) > _SHOWN:
                lines.append(f"  {title}: and {len(keys) - _SHOWN} more")
        return "\n".join(lines)

    def _kinds(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            ("matched", self.matched),
            ("filled", self.filled),
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("wrong shape", self.wrong_shape),
        ]


def compare_keys(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> KeyReport:
    """Compare a checkpoint's state dict with a module's."""
    absent = sorted(set(expected) - set(found))
    common = sorted(set(expected) & set(found))
    fits = {key: found[key].shape == expected[key].shape for key in common}
    return KeyReport(
        matched=tuple(key for key in common if fits[key]),
        filled=tuple(key for key in absent if key.endswith(_COUNTER)),
        missing=tuple(key for key in absent if not key.endswith(_COUNTER)),
        unexpected=tuple(sorted(set(found) - set(expected))),
        wrong_shape=tuple(
            f"{key} {tuple(found[key].shape)}, expected {tuple(expected[key].shape)}"
            for key in common
            if not fits[key]
        ),
    )


def fitting_weights(
    report: KeyReport, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The checkpoint's weights that the module has too, in its number formats; counters at 0."""
    weights = {key: found[key].to(expected[key].dtype) for key in report.matched}
    counters = {key: torch.zeros((), dtype=expected[key].dtype) for key in report.filled}
    return weights | counters

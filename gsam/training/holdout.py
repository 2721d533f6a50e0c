"""Which training takes are kept back for the validation curve; test takes choose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from gsam.clips import ClipSet

__all__ = ["TAKES", "held_out", "kept_back"]

TAKES = 4
"""Most takes that are held out: all their cameras are, and all their frames."""
NAMES_PER_HELD = 10

T = TypeVar("T")


def kept_back(names: Sequence[T], most: int) -> set[T]:
    """One of every ten sorted names but at most `most`, evenly spread; none of fewer than ten."""
    count = min(most, len(names) // NAMES_PER_HELD)
    return {names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)}


def held_out(clips: ClipSet, windows: int) -> tuple[list[int], list[int]]:
    """Numbers of the clips to train on and to validate on: whole takes, none if `windows` is 0."""
    held = kept_back(clips.sequences(), TAKES if windows else 0)
    trained = [i for i, clip in enumerate(clips.info) if clip.sequence not in held]
    validated = [i for i, clip in enumerate(clips.info) if clip.sequence in held]
    return trained, validated

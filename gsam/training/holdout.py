"""Which training takes are kept back for the validation curve; test takes choose nothing."""

from __future__ import annotations

from gsam.clips import ClipSet

__all__ = ["held_out"]

LARGEST = 4
TAKES_PER_HELD = 10


def held_out(clips: ClipSet, windows: int) -> tuple[list[int], list[int]]:
    """Numbers of the clips to train on and to validate on.

    Whole takes, all their cameras, are held out: one of every ten but at most four, evenly spread
    over the sorted names; none when `windows` is 0 or there are fewer than ten takes.
    """
    takes = clips.sequences()
    count = min(LARGEST, len(takes) // TAKES_PER_HELD) if windows else 0
    kept_back = {takes[(2 * i + 1) * len(takes) // (2 * count)] for i in range(count)}
    trained = [i for i, clip in enumerate(clips.info) if clip.sequence not in kept_back]
    validated = [i for i, clip in enumerate(clips.info) if clip.sequence in kept_back]
    return trained, validated

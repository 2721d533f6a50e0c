"""Settings of the twin's videos: how many, how long, how large, from which seed."""

from dataclasses import dataclass

VIDEO_FPS = 30
"""Frames per second of the videos, and rows per second of their labels."""
SPLITS = {"train": 24, "validation": 12, "test": 24}
"""Sequences of the original, the most that a split can have."""
SMALLEST_PICTURE = 64


@dataclass(frozen=True, kw_only=True)
class TwinVideoConfig:
    """What is rendered for the raw layout of 3DPW.

    train, validation, test: number of sequences, the first so many of the original's names as
    `gsam.twin.video.sequences` orders them. seconds: length of each. step: every step-th frame has
    a picture; labels have a row for every frame. longer_side: of a picture, pixels (the original's
    1920); supersample: samples per pixel and axis. seed: everything drawn follows from it.
    """

    train: int = 10
    validation: int = 4
    test: int = 6
    seconds: float = 8.0
    step: int = 6
    longer_side: int = 256
    supersample: int = 1
    seed: int = 0

    @property
    def rows(self) -> int:
        """Frames N of a sequence, with a picture or without."""
        return round(self.seconds * VIDEO_FPS)

    def problems(self) -> list[str]:
        """Values that cannot be rendered."""
        ranges = {
            **{split: (1, most) for split, most in SPLITS.items()},
            # A step or gesture takes a second; the longest sequence of the original lasts 73.
            "seconds": (1.0, 120.0),
            "step": (1, 30),
            "longer_side": (SMALLEST_PICTURE, 1920),
            "supersample": (1, 4),
            "seed": (0, 2**32 - 1),
        }
        return [
            f"{name} = {getattr(self, name)}: expected {low} to {high}"
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        ]

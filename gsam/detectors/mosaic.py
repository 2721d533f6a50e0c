"""Mosaic and mix-up of person crops, which the paper's conclusion names for occluded joints.

The paper gives no definition; this is ours, for detectors that answer with one person per crop.

Mosaic: four person crops fill the four corners of one input. The target's tile is the largest and
always holds the input's middle, so that the network can tell whose joints are asked for. Only the
target's joints inside its own tile supervise; where the other three people have joints, the heat
maps are to stay empty.

Mix-up: a second person's crop shines through the first. Only the target's joints supervise, with
their full weight; the target always has the larger share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TARGET_SIDE = (0.55, 0.75)
"""The target's tile covers such a share of the input's height, and of its width."""
TARGET_SHARE = (0.6, 0.9)
"""Share of the target's pixel values in a mix."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of the input, px."""

    left: int
    top: int
    width: int
    height: int


def draw_tiles(height: int, width: int, rng: np.random.Generator) -> list[Tile]:
    """Four tiles that cover an input of `height` x `width` px; the target's is the first."""
    tall, wide = (
        round(side * share)
        for side, share in zip((height, width), rng.uniform(*TARGET_SIDE, 2), strict=True)
    )
    at_bottom, at_right = (rng.random(2) < 0.5).tolist()
    rows, columns = _spans(tall, height, at_bottom), _spans(wide, width, at_right)
    return [Tile(left, top, w, h) for top, h in rows for left, w in columns]


def _spans(length: int, total: int, at_end: bool) -> list[tuple[int, int]]:
    """(start, length) of the target's span and of what is left of `total`."""
    rest = total - length
    return [(rest, length), (0, rest)] if at_end else [(0, length), (length, rest)]


def assemble(
    tiles: Sequence[Tile], crops: Sequence[NDArray[np.uint8]], height: int, width: int
) -> NDArray[np.uint8]:
    """Crops (h, w, 3) of the tiles' sizes put into one input (height, width, 3)."""
    image = np.empty((height, width, 3), np.uint8)
    for tile, crop in zip(tiles, crops, strict=True):
        image[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] = crop
    return image


def mix(
    target: NDArray[np.uint8], other: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Two crops of one shape, blended; the first has a share of 0.6 to 0.9."""
    # In 256ths: whole numbers blend to the same bytes on every processor.
    share = round(256 * rng.uniform(*TARGET_SHARE))
    blended = target.astype(np.uint16) * share + other.astype(np.uint16) * (256 - share) + 128
    return (blended >> 8).astype(np.uint8)

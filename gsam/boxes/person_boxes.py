"""Boxes of the people of a picture, what finds them, and how they are cut to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsam.errors import DataError

__all__ = ["BoxSource", "PersonBoxes", "clip_boxes", "clip_inside"]


@dataclass(frozen=True)
class PersonBoxes:
    """N people of one picture: boxes `xywh` (N, 4) float32 px, `scores` (N,) float32."""

    xywh: NDArray[np.float32]
    scores: NDArray[np.float32]


class BoxSource(Protocol):
    """Finds the people of pictures."""

    def __call__(
        self, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]], /
    ) -> list[PersonBoxes]:
        """Boxes of each picture (H, W, 3) RGB; `names` tell sources that hold boxes which one."""


def clip_boxes(boxes: ArrayLike, width: int, height: int, image: str) -> NDArray[np.float32]:
    """Boxes (N, 4: x, y, w, h px) cut to a picture of `width` x `height`.

    Raises:
        DataError: a box that is not finite, has no area or lies outside; names image and box.
    """
    given = np.asarray(boxes, np.float64).reshape(-1, 4)
    inside, clipped = clip_inside(given, width, height)
    if not inside.all():
        box = ", ".join(f"{side:g}" for side in given[int(inside.argmin())])
        size = f"an area inside its {width} x {height} px"
        raise DataError(f"{image}: box ({box}) as x, y, width, height: expected {size}")
    return clipped


def clip_inside(
    boxes: NDArray[Any], width: int, height: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which boxes (N, 4) have an area inside the picture, and those (M, 4), cut to it."""
    with np.errstate(invalid="ignore"):
        low = np.maximum(boxes[:, :2], 0.0)
        high = np.minimum(boxes[:, :2] + boxes[:, 2:], (width, height))
        clipped = np.concatenate([low, high - low], axis=1).astype(np.float32)
        inside = np.isfinite(boxes).all(axis=1) & (clipped[:, 2:] > 0).all(axis=1)
        # A negative side can leave an area once it is cut.
        inside &= (boxes[:, 2:] > 0).all(axis=1)
    return inside, clipped[inside]

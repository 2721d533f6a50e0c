"""The annotated people of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["HIDDEN", "VISIBLE", "People", "box_around"]

HIDDEN, VISIBLE = 1, 3
"""Two of a joint's four levels; 0 is unlabelled or outside the image, 2 hidden by the own body."""


@dataclass(frozen=True, eq=False)
class People:
    """N people with J joints each, pixels of the stored image, centre of the first pixel = (0, 0).

    points (N, J, 2) float32; visibility (N, J) uint8 levels (0 unlabelled or outside, 1 hidden by
    something else, 2 by the person's own body, 3 visible); boxes (N, 4) float32 x, y, width,
    height; areas (N,) float32 px²; crowds (N,) bool; ids (N,) int64, the numbers of the dataset's
    annotations; head_sizes (N,) float32 px, NaN of a person and None of a dataset without any.

    Raises DataError, naming the field, for other shapes, values that are not finite, levels above
    3 and boxes of negative size.
    """

    points: NDArray[np.float32]
    visibility: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    areas: NDArray[np.float32]
    crowds: NDArray[np.bool_]
    ids: NDArray[np.int64]
    head_sizes: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.points)
        if len(shape) != 3 or shape[2] != 2:
            raise DataError(f"people: points of shape {shape}, expected (N, J, 2)")
        people, joints = shape[:2]
        self._hold("points", np.float32, (people, joints, 2))
        self._hold("visibility", np.uint8, (people, joints))
        self._hold("boxes", np.float32, (people, 4))
        self._hold("areas", np.float32, (people,))
        self._hold("crowds", np.bool_, (people,))
        self._hold("ids", np.int64, (people,))
        if self.head_sizes is not None:
            self._hold("head_sizes", np.float32, (people,))
        if (self.visibility > VISIBLE).any():
            raise DataError(f"people: visibility {self.visibility.max()}, expected 0 to {VISIBLE}")
        if (self.boxes[:, 2:] < 0).any():
            raise DataError(f"people: a box of size {self.boxes[:, 2:].min(axis=0)}, expected >= 0")

    def _hold(self, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> None:
        array = np.ascontiguousarray(getattr(self, name), dtype=kind)
        if array.shape != shape:
            raise DataError(f"people: {name} of shape {array.shape}, expected {shape}")
        if not (np.isfinite(array) | (np.isnan(array) & (name == "head_sizes"))).all():
            raise DataError(f"people: {name} are not all finite, expected numbers")
        object.__setattr__(self, name, array)

    @classmethod
    def none(cls, joints: int) -> People:
        """Nobody."""
        return cls(
            np.empty((0, joints, 2), np.float32),
            np.empty((0, joints), np.uint8),
            np.empty((0, 4), np.float32),
            np.empty(0, np.float32),
            np.empty(0, np.bool_),
            np.empty(0, np.int64),
        )

    def __len__(self) -> int:
        return len(self.points)


def box_around(points: NDArray[np.floating], padding: float = 0.1) -> NDArray[np.float64]:
    """Box (..., 4) x, y, width, height around points (..., J, 2).

    It is padded on each side by this share of its longer side: joints lie inside the body.
    """
    low, high = points.min(axis=-2), points.max(axis=-2)
    pad = padding * (high - low).max(axis=-1, keepdims=True)
    return np.concatenate([low - pad, high - low + 2 * pad], axis=-1).astype(np.float64)

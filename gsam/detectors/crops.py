"""A person's crop: from a box to centre and size, the affine map to the network's input, the warp.

Follows HRNet (lib/utils/transforms.py, lib/dataset/coco.py), in pixels where it counts in 200 px.
Every function but `warp` takes any number of leading axes.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsam.errors import DataError

PADDING = 1.25  # a crop's size over its box's

Array = NDArray[np.float64]


def crop_of_box(boxes: ArrayLike, height: int, width: int) -> tuple[Array, Array]:
    """Centre (..., 2) and size (..., 2: width, height) in image pixels of the crops of boxes.

    `boxes` (..., 4) are x, y, width, height in image pixels; a box is enlarged about its centre to
    the shape of the input of `height` x `width` pixels, and by `PADDING`.

    Raises:
        DataError: a box that is not finite or has no area, by its number.
    """
    box = np.asarray(boxes, dtype=np.float64)
    corner, extent = box[..., :2], box[..., 2:]
    bad = ~(np.isfinite(box).all(axis=-1) & (extent > 0).all(axis=-1))
    if bad.any():
        number = int(np.flatnonzero(bad)[0])
        values = box.reshape(-1, 4)[number].tolist()
        raise DataError(f"box {number} is {values}: expected x, y, width > 0, height > 0")
    aspect = width / height
    full = np.stack(
        [
            np.maximum(extent[..., 0], extent[..., 1] * aspect),
            np.maximum(extent[..., 1], extent[..., 0] / aspect),
        ],
        axis=-1,
    )
    return corner + extent / 2, full * PADDING


def crop_matrix(
    centre: ArrayLike, source_width: ArrayLike, rotation: ArrayLike, height: int, width: int
) -> Array:
    """Affine maps (..., 2, 3) from image pixels to pixels of an input of `height` x `width`.

    `centre` (..., 2) goes to the input's middle (width / 2, height / 2), `source_width` (...)
    image pixels become `width`, and the image turns by `rotation` (...) degrees (the reference's
    sense: a positive one turns the picture anticlockwise).
    """
    middle = np.asarray(centre, dtype=np.float64)
    angle = np.deg2rad(np.asarray(rotation, dtype=np.float64))
    zoom = width / np.asarray(source_width, dtype=np.float64)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.stack([np.stack([cos, sin], axis=-1), np.stack([-sin, cos], axis=-1)], axis=-2)
    linear = np.broadcast_to(linear, (*middle.shape[:-1], 2, 2))
    offset = np.array([width / 2, height / 2]) - (linear @ middle[..., None])[..., 0]
    return np.concatenate([linear, offset[..., None]], axis=-1)


def invert(matrices: ArrayLike) -> Array:
    """The affine maps (..., 2, 3) back."""
    matrix = np.asarray(matrices, dtype=np.float64)
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def transform(matrices: ArrayLike, points: ArrayLike) -> Array:
    """Points (..., N, 2) under affine maps (..., 2, 3)."""
    matrix = np.asarray(matrices, dtype=np.float64)
    linear, offset = matrix[..., :2], matrix[..., 2]
    moved = np.asarray(points, dtype=np.float64) @ np.swapaxes(linear, -1, -2)
    return moved + offset[..., None, :]


def warp(image: NDArray[np.uint8], matrix: ArrayLike, height: int, width: int) -> NDArray[np.uint8]:
    """The image (H, W, 3) seen through one affine map, (height, width, 3); black outside it."""
    forward = np.asarray(matrix, dtype=np.float64)
    return cv2.warpAffine(image, forward, (width, height), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]

"""The square that a mesh regressor sees of a person: from a stored box to the crop's pixels.

The boxes of the data are padded already (3DPW's by 1.2, MPII's are HRNet's squares), so that the
crop is the box made square and nothing more. Pixel centres are as in `gsam.detectors.crops`: a
box's centre goes to the crop's middle, S / 2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsam.detectors.crops import crop_matrix, warp
from gsam.errors import DataError
from gsam.images import ImageSet

__all__ = ["plain_crop", "plain_matrix", "square_of_box"]

Array = NDArray[np.float64]


def square_of_box(boxes: ArrayLike) -> tuple[Array, Array]:
    """Centre (..., 2) and side (...), px of the stored image, of the squares around boxes.

    `boxes` (..., 4) are x, y, width, height; the side is the longer one of the box.

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
    return corner + extent / 2, extent.max(axis=-1)


def plain_matrix(boxes: ArrayLike, size: int) -> Array:
    """Affine maps (..., 2, 3) from px of the stored image to px of the boxes' crops of `size` px.

    Raises:
        DataError: as `square_of_box`.
    """
    centre, side = square_of_box(boxes)
    return crop_matrix(centre, side, np.zeros(side.shape), size, size)


def plain_crop(images: ImageSet, person: int, size: int) -> NDArray[np.uint8]:
    """The crop (size, size, 3) uint8 RGB of a person, black outside the picture; nothing is drawn.

    Raises:
        DataError: the image is damaged or the person's box has no area, by the image's name.
    """
    image = int(images.person_image[person])
    try:
        matrix = plain_matrix(images.boxes[person], size)
    except DataError as error:
        number = images.person_ids[person]
        raise DataError(f"{images.name(image)}: person {number}: {error}") from error
    return warp(images.decode(image), matrix, size, size)

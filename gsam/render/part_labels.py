"""Part maps of a body by itself: what a mesh regressor's part branch learns.

As PARE renders SMPL over its crops, the map is of the person's body alone: clothes, things and
other people before it do not count. A map covers a square larger than the person's box, so that
turned and moved crops still find their labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsam.render.mesh import RenderMesh
from gsam.render.raster import rasterise

__all__ = ["MARGIN", "alone_part_map", "part_square"]

MARGIN = 1.5
"""A map's side over the longer side of the person's box."""

Floats = NDArray[np.float64]


def part_square(box: ArrayLike, margin: float = MARGIN) -> Floats:
    """The square (4,) x, y, width, height that a map covers around a box (4,), pixels."""
    x, y, width, height = np.asarray(box, dtype=np.float64)
    side = margin * max(width, height)
    return np.array([x + width / 2 - side / 2, y + height / 2 - side / 2, side, side])


def alone_part_map(
    mesh: RenderMesh, screen: ArrayLike, depth: ArrayLike, square: ArrayLike, size: int
) -> NDArray[np.uint8]:
    """Part map (size, size): 1 + SMPL joint of the part seen at each pixel, 0 where none is.

    Args:
        mesh: the body's surface.
        screen: (V, 2) projected vertices, pixels of the image.
        depth: (V,) along the camera's axis, metres; faces behind the camera are not drawn.
        square: (4,) x, y, width, height in pixels of the image that the map covers: its pixel
            (row i, column j) shows the point (x + j width / size, y + i height / size).
        size: of the map.

    Raises:
        DataError: a vertex in front of the camera is not finite.
    """
    x, y, side, _ = np.asarray(square, dtype=np.float64)
    samples = (np.asarray(screen, dtype=np.float64) - (x, y)) * (size / side)
    raster = rasterise(samples, depth, mesh.faces, size, size)
    return raster.image(mesh.parts[raster.faces], 0)

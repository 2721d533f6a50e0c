"""Triangles to pixels: an exact z-buffer in NumPy by spans, without shading.

Pixel (row i, column j) has its centre at the screen point (j, i). Of a triangle every pixel centre
inside it or on its border is drawn, so two triangles that share an edge leave no gap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["Raster", "rasterise"]

Floats = NDArray[np.float64]

# Nearer than this to the camera a triangle is dropped: its projection means nothing.
NEAREST = 0.05
# Half a thousandth of a pixel: rounding must not open a gap between neighbours.
SLACK = 5e-4


class Raster(NamedTuple):
    """The pixels that a mesh covers, in order of `row * width + column`.

    height, width of the image; pixels (P,) int64; faces (P,) int32, the nearest face in front of
    each; weights (P, 3) float32, perspective-correct barycentric coordinates; depth (P,) float32.
    """

    height: int
    width: int
    pixels: NDArray[np.int64]
    faces: NDArray[np.int32]
    weights: NDArray[np.float32]
    depth: NDArray[np.float32]

    def image(self, values: NDArray, fill: float) -> NDArray:
        """Values (P, ...) of the covered pixels as an image (H, W, ...), `fill` elsewhere."""
        grid = np.full((self.height * self.width, *values.shape[1:]), fill, dtype=values.dtype)
        grid[self.pixels] = values
        return grid.reshape(self.height, self.width, *values.shape[1:])


def rasterise(
    screen: npt.ArrayLike, depth: npt.ArrayLike, faces: npt.ArrayLike, height: int, width: int
) -> Raster:
    """Which face is seen at each pixel.

    Faces turned away from the camera, or with a corner nearer than 5 cm, are not drawn.

    Args:
        screen: (V, 2) projected vertices, pixels; anything outside the image is clipped.
        depth: (V,) distance along the camera's axis, metres.
        faces: (F, 3) vertex ids, counter-clockwise seen from outside.
        height: rows of the image.
        width: columns of the image.

    Raises:
        DataError: a vertex in front of the camera has no finite place on the screen.
    """
    points = np.asarray(screen, dtype=np.float64)
    distance = np.asarray(depth, dtype=np.float64)
    triangles = np.asarray(faces)
    if not np.isfinite(points[distance > NEAREST]).all():
        raise DataError("rasterise: screen: a vertex in front of the camera is not finite")
    kept = _kept(points, distance, triangles, height, width)
    x, y = points[:, 0][triangles[kept]], points[:, 1][triangles[kept]]
    inverse = 1.0 / distance[triangles[kept]]
    # Far to near, so that the nearest is mostly written last and few pixels need a second look.
    order = np.argsort(inverse.sum(axis=1), kind="stable")
    kept, x, y, inverse = kept[order], x[order], y[order], inverse[order]
    slopes = _slopes(x, y)
    owner = _nearest(x, y, inverse, slopes, height, width)
    pixels = np.flatnonzero(owner >= 0)
    return _resolve(pixels, owner[pixels], (x, y, inverse, slopes), kept, (height, width))


def _kept(
    points: Floats, distance: Floats, triangles: NDArray, height: int, width: int
) -> NDArray[np.int64]:
    """Ids of the faces that can show: turned to the camera, in front of it, within the image."""
    ahead = distance > NEAREST
    with np.errstate(invalid="ignore", over="ignore"):
        a, b, c = (points[triangles[:, corner]] for corner in range(3))
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        low = np.minimum(np.minimum(a, b), c)
        high = np.maximum(np.maximum(a, b), c)
    inside = (high >= -SLACK).all(axis=1) & (low <= (width - 1 + SLACK, height - 1 + SLACK)).all(
        axis=1
    )
    # Seen from outside, counter-clockwise is a negative area where y points down.
    return np.flatnonzero((area < -1e-12) & inside & ahead[triangles].all(axis=1))


def _slopes(x: Floats, y: Floats) -> Floats:
    """(T, 4): weights of corners 1 and 2 per pixel to the right and per pixel down."""
    ux, uy = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
    vx, vy = x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    area = ux * vy - vx * uy
    return np.stack([vy / area, -uy / area, -vx / area, ux / area], axis=1)


def _nearest(
    x: Floats, y: Floats, inverse: Floats, slopes: Floats, height: int, width: int
) -> NDArray[np.int32]:
    """The nearest of the triangles at every pixel (H * W,), -1 where there is none."""
    owner = np.full(height * width, -1, dtype=np.int32)
    triangle, row, first, count = _spans(x, y, height, width)
    steps = inverse[:, 1:] - inverse[:, :1]
    right = steps[:, 0] * slopes[:, 0] + steps[:, 1] * slopes[:, 1]
    down = steps[:, 0] * slopes[:, 2] + steps[:, 1] * slopes[:, 3]
    at_first = inverse[triangle, 0] + right[triangle] * (first - x[triangle, 0])
    at_first += down[triangle] * (row - y[triangle, 0])
    begin = np.cumsum(count) - count
    total = int(count.sum())
    span = np.repeat(np.arange(len(count)), count)
    along = np.arange(total) - begin[span]
    pixels = (row * width + first)[span] + along
    near = (at_first[span] + right[triangle][span] * along).astype(np.float32)
    owners = triangle[span].astype(np.int32)
    buffer = np.zeros(height * width, dtype=np.float32)
    while len(pixels):
        # Of equal indices NumPy keeps the last; what is nearer than that goes round again.
        buffer[pixels] = near
        owner[pixels] = owners
        again = np.flatnonzero(near > buffer[pixels])
        pixels, near, owners = pixels[again], near[again], owners[again]
    return owner


def _spans(
    x: Floats, y: Floats, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of pixels (S,): triangle, row, first column, number of columns (at least one)."""
    by_row = np.argsort(y, axis=1, kind="stable")
    xs, ys = np.take_along_axis(x, by_row, axis=1), np.take_along_axis(y, by_row, axis=1)
    top = np.maximum(np.ceil(ys[:, 0] - SLACK), 0).astype(np.int64)
    bottom = np.minimum(np.floor(ys[:, 2] + SLACK), height - 1).astype(np.int64)
    rows = np.maximum(bottom - top + 1, 0)
    triangle = np.repeat(np.arange(len(x)), rows)
    row = np.arange(len(triangle)) + np.repeat(top - (np.cumsum(rows) - rows), rows)
    long = _crossing(xs, ys, (0, 2), triangle, row)
    lower = row > ys[triangle, 1]
    short = np.where(
        lower,
        _crossing(xs, ys, (1, 2), triangle, row),
        _crossing(xs, ys, (0, 1), triangle, row),
    )
    first = np.maximum(np.ceil(np.minimum(long, short) - SLACK), 0).astype(np.int64)
    last = np.minimum(np.floor(np.maximum(long, short) + SLACK), width - 1).astype(np.int64)
    some = np.flatnonzero(last >= first)
    return triangle[some], row[some], first[some], (last - first + 1)[some]


def _crossing(
    xs: Floats, ys: Floats, ends: tuple[int, int], triangle: NDArray, row: NDArray
) -> Floats:
    """Where the edge between two corners crosses the rows (S,)."""
    a, b = ends
    drop = ys[:, b] - ys[:, a]
    slope = (xs[:, b] - xs[:, a]) / np.where(drop == 0, 1.0, drop)
    # Within the slack a row may lie outside the edge, whose end it then takes.
    down = np.clip(row - ys[triangle, a], 0, drop[triangle])
    return xs[triangle, a] + slope[triangle] * down


def _resolve(
    pixels: NDArray[np.int64],
    owner: NDArray[np.int32],
    corners: tuple[Floats, Floats, Floats, Floats],
    kept: NDArray[np.int64],
    size: tuple[int, int],
) -> Raster:
    """Depth and perspective-correct weights at the covered pixels."""
    x, y, inverse, slopes = corners
    height, width = size
    right, down = slopes[owner, :2], slopes[owner, 2:]
    across = (pixels % width - x[owner, 0])[:, None]
    below = (pixels // width - y[owner, 0])[:, None]
    second = np.clip(right * across + down * below, 0.0, 1.0)
    flat = np.empty((len(pixels), 3))
    flat[:, 1:] = second
    flat[:, 0] = np.maximum(1.0 - second.sum(axis=1), 0.0)
    flat *= inverse[owner]
    total = flat.sum(axis=1)
    weights = (flat / total[:, None]).astype(np.float32)
    spread = 1.0 / inverse[owner]
    depth = np.einsum("pc,pc->p", weights, spread).astype(np.float32)
    return Raster(height, width, pixels, kept[owner].astype(np.int32), weights, depth)

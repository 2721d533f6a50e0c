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

__all__ = ["NEAREST", "Raster", "rasterise"]

Floats = NDArray[np.float64]

# Metres: nearer than this to the camera a triangle is dropped: its projection means nothing.
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
    kept, x, y = _kept(points, distance, triangles, height, width)
    inverse = 1.0 / np.ascontiguousarray(distance[triangles[kept]].T)
    # Far to near, so that the nearest is mostly written last and few pixels need a second look.
    order = np.argsort(inverse[0] + inverse[1] + inverse[2], kind="stable")
    kept, x, y, inverse = kept[order], *(v.take(order, axis=1) for v in (x, y, inverse))
    slopes = _slopes(x, y)
    pixels, owner, near = _nearest(x, y, inverse, slopes, height, width)
    weights = _weights(pixels % width, pixels // width, owner, (x, y, inverse, slopes), near)
    depths = np.asarray(1.0 / near, dtype=np.float32)
    return Raster(height, width, pixels, kept[owner].astype(np.int32), weights, depths)


def _kept(
    points: Floats, distance: Floats, triangles: NDArray, height: int, width: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Ids (T,) of the faces that can show, turned to the camera, in front of it and within the
    image, and their corners x (3, T) and y (3, T).
    """
    corners = np.ascontiguousarray(triangles.T)
    x, y = points[:, 0][corners], points[:, 1][corners]
    with np.errstate(invalid="ignore", over="ignore"):
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    # Seen from outside, counter-clockwise is a negative area where y points down.
    ahead = (distance > NEAREST)[corners]
    turned = np.flatnonzero((area < -1e-12) & ahead[0] & ahead[1] & ahead[2])
    x, y = x.take(turned, axis=1), y.take(turned, axis=1)
    inside = (x.max(axis=0) >= -SLACK) & (x.min(axis=0) <= width - 1 + SLACK)
    inside &= (y.max(axis=0) >= -SLACK) & (y.min(axis=0) <= height - 1 + SLACK)
    if inside.all():
        return turned, x, y
    return turned[inside], x[:, inside], y[:, inside]


def _slopes(x: Floats, y: Floats) -> Floats:
    """(4, T): change of the weights of corners 1 and 2 per pixel to the right, and down."""
    ux, uy = x[1] - x[0], y[1] - y[0]
    vx, vy = x[2] - x[0], y[2] - y[0]
    area = ux * vy - vx * uy
    return np.stack([vy, -uy, -vx, ux]) / area


def _nearest(
    x: Floats, y: Floats, inverse: Floats, slopes: Floats, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Covered pixels (P,), ascending, the nearest triangle at each and its 1 / depth there."""
    triangle, row, first, count = _spans(x, y, height, width)
    one, two = inverse[1] - inverse[0], inverse[2] - inverse[0]
    right = (one * slopes[0] + two * slopes[1])[triangle]
    down = (one * slopes[2] + two * slopes[3])[triangle]
    at_first = inverse[0, triangle] + right * (first - x[0, triangle])
    at_first += down * (row - y[0, triangle])
    # All runs of pixels one after another; what is counted from a run's own start is shifted.
    begin = np.cumsum(count) - count
    span = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(span))
    pixels = (row * width + first - begin)[span] + number
    near = (at_first - right * begin)[span] + right[span] * number
    winner = np.full(height * width, -1, dtype=np.int64)
    again, contested = number, pixels
    while len(again):
        # Of equal indices NumPy keeps the last; what is nearer than that goes round again.
        winner[contested] = again
        closer = near[again] > near[winner[contested]]
        again, contested = again[closer], contested[closer]
    covered = np.flatnonzero(winner >= 0)
    best = winner[covered]
    return covered, triangle[span[best]], near[best]


def _spans(
    x: Floats, y: Floats, height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of pixels (S,): triangle, row, first column, number of columns (at least one)."""
    xs, ys = _by_row(x, y)
    top = np.maximum(np.ceil(ys[0] - SLACK), 0).astype(np.int64)
    bottom = np.minimum(np.floor(ys[2] + SLACK), height - 1).astype(np.int64)
    rows = np.maximum(bottom - top + 1, 0)
    triangle = np.repeat(np.arange(x.shape[1]), rows)
    row = np.arange(len(triangle)) + np.repeat(top - (np.cumsum(rows) - rows), rows)
    edges = _edges(xs, ys)
    long = _crossing(edges, triangle, row)
    # Above the middle corner the second edge, below it the third.
    short = _crossing(edges, triangle + len(x[0]) * (1 + (row > ys[1][triangle])), row)
    first = np.maximum(np.ceil(np.minimum(long, short) - SLACK), 0).astype(np.int64)
    last = np.minimum(np.floor(np.maximum(long, short) + SLACK), width - 1).astype(np.int64)
    some = np.flatnonzero(last >= first)
    return triangle[some], row[some], first[some], (last - first + 1)[some]


def _by_row(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Corners (3, T) of each triangle from the uppermost to the lowest."""
    xs, ys = x.copy(), y.copy()
    for a, b in ((0, 1), (1, 2), (0, 1)):
        swap = ys[a] > ys[b]
        xs[a], xs[b] = np.where(swap, xs[b], xs[a]), np.where(swap, xs[a], xs[b])
        ys[a], ys[b] = np.minimum(ys[a], ys[b]), np.maximum(ys[a], ys[b])
    return xs, ys


def _edges(xs: Floats, ys: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Upper end x and y, columns per row and rows of 3 T edges: long ones, upper and lower ones."""
    start, end = [0, 0, 1], [2, 1, 2]
    left, top = xs[start].ravel(), ys[start].ravel()
    rows = ys[end].ravel() - top
    return left, top, (xs[end].ravel() - left) / np.where(rows == 0, 1.0, rows), rows


def _crossing(
    edges: tuple[Floats, Floats, Floats, Floats], number: NDArray, row: NDArray
) -> Floats:
    """Where edges cross rows, both (S,)."""
    left, top, slope, rows = (values[number] for values in edges)
    # Within the slack a row may lie outside the edge, whose end it then takes.
    return left + slope * np.minimum(np.maximum(row - top, 0), rows)


def _weights(
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    owner: NDArray[np.int64],
    corners: tuple[Floats, Floats, Floats, Floats],
    near: Floats,
) -> NDArray[np.float32]:
    """Perspective-correct weights (P, 3) at pixels of the triangles `owner`."""
    x, y, inverse, slopes = corners
    across, below = column - x[0, owner], row - y[0, owner]
    weights = np.empty((3, len(owner)), dtype=np.float32)
    for corner in (1, 2):
        flat = slopes[corner - 1, owner] * across + slopes[corner + 1, owner] * below
        weights[corner] = np.clip(flat * inverse[corner, owner] / near, 0.0, 1.0)
    # Just outside of an edge, within the slack, the nearest point of the edge counts.
    weights[1:] /= np.maximum(weights[1] + weights[2], 1.0)
    weights[0] = np.maximum(1.0 - weights[1] - weights[2], 0.0)
    # One channel after another in memory: that is how shading reads them.
    return weights.T

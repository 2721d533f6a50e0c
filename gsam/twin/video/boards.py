"""Flat pictures that stand in the world, seen by a moving camera: the scenery behind people and
things before them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.render.occluders import Occluders, draw_occluders
from gsam.render.scenery import room, street
from gsam.twin.blocks import Array
from gsam.twin.video.filming import UP, looking

Image = NDArray[np.uint8]

# The scenery: metres across and up, from where below the floor, how far behind the people, and its
# pixels per metre.
ACROSS, UPWARDS, BELOW, BEHIND, FINENESS = 28.0, 14.0, 6.0, 7.0, 22
# Things stand at this share of the way from the camera to the nearest person.
THINGS_AT = 0.72
TRIES = 8
# Share of the joints that they hide, of the draw that comes nearest to it.
HIDDEN = (0.2, 0.5)


@dataclass(frozen=True, eq=False)
class Board:
    """Where a picture stands: the first pixel's centre and the steps to the next column and row,
    each (3,) world metres.
    """

    origin: Array
    column: Array
    row: Array

    def matrix(self, camera: Camera) -> Array:
        """The homography (3, 3) from the board's pixels to a camera's."""
        steps = np.stack([self.column, self.row, self.origin], axis=1)
        seen = camera.R @ steps
        seen[:, 2] += camera.t
        return camera.K @ seen


@dataclass(frozen=True, eq=False)
class Scenery:
    """What is behind the people: picture (h, w, 3) uint8 RGB, on a board."""

    picture: Image
    board: Board

    def seen(self, camera: Camera) -> Image:
        """The background (H, W, 3) of one of the camera's pictures."""
        size = (camera.width, camera.height)
        matrix = self.board.matrix(camera)
        seen = cv2.warpPerspective(self.picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(seen, dtype=np.uint8)


def draw_scenery(rng: np.random.Generator, camera: Camera, middle: Array, indoors: bool) -> Scenery:
    """A room or a street that faces a camera, upright on the floor behind `middle` (3,), metres."""
    size = round(FINENESS * UPWARDS), round(FINENESS * ACROSS)
    picture = (room if indoors else street)(rng, *size)
    ahead = camera.R[2] * (1.0, 0.0, 1.0)
    right, _, ahead = looking(ahead)
    origin = middle * (1.0, 0.0, 1.0) + BEHIND * ahead
    origin = origin + (UPWARDS - BELOW) * UP - 0.5 * ACROSS * right
    board = Board(origin, right / FINENESS, -UP / FINENESS)
    return Scenery(np.clip(np.rint(picture), 0, 255).astype(np.uint8), board)


@dataclass(frozen=True, eq=False)
class Things:
    """What stands before the people, on a board."""

    drawn: Occluders
    board: Board

    def seen(self, camera: Camera) -> Occluders:
        """The same, where it hides one of the camera's pictures."""
        size, matrix = (camera.width, camera.height), self.board.matrix(camera)
        alpha, colour = (
            np.asarray(cv2.warpPerspective(layer, matrix, size), dtype=np.float32)
            for layer in (self.drawn.alpha, self.drawn.colour)
        )
        return Occluders(alpha, colour)


def draw_things(rng: np.random.Generator, camera: Camera, points: Array, nearest: float) -> Things:
    """Things that hide some of the points (J, 3), world metres, from a camera.

    nearest: depth of the nearest person, metres. The picture on the board is larger than the
    camera's, whose view will move.
    """
    margin = max(camera.width, camera.height) // 2
    height, width = camera.height + 2 * margin, camera.width + 2 * margin
    marks = camera.project(camera.world_to_camera(points)) + margin
    low, high = marks.min(axis=0), marks.max(axis=0)
    focus = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    column, row = np.clip(np.rint(marks), 0, (width - 1, height - 1)).astype(int).T
    drawn: list[Occluders] = []
    while len(drawn) < TRIES:
        things = draw_occluders(rng, height, width, focus)
        if things is not None:
            drawn.append(things)
    hidden = [float((things.alpha[row, column] >= 0.5).mean()) for things in drawn]
    best = drawn[int(np.argmin(np.abs(np.array(hidden) - rng.uniform(*HIDDEN))))]
    depth = THINGS_AT * nearest
    corner = np.array([-(margin + camera.cx) / camera.fx, -(margin + camera.cy) / camera.fy, 1.0])
    column_step, row_step = depth * camera.R[0] / camera.fx, depth * camera.R[1] / camera.fy
    origin = camera.camera_to_world(depth * corner)
    return Things(best, Board(origin, column_step, row_step))

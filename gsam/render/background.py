"""Backgrounds drawn by recipe: a bank of scenes made once per process, and a room per camera."""

from __future__ import annotations

import functools
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.render.scenery import abstract, room, street

__all__ = ["BackgroundBank"]

Image = NDArray[np.uint8]

SCENES = (*[room] * 10, *[street] * 7, *[abstract] * 3)
HEIGHT, WIDTH = 320, 400  # of a scene in the bank
ROOM_SIDE = 512  # of the room of a camera that does not move
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class BackgroundBank:
    """Scenes to stand before, all from one seed; each is drawn when it is first needed."""

    def __init__(self, seed: int):
        """Nothing is drawn yet."""
        self.seed = seed
        self._scene = functools.cache(self._draw_scene)
        self._room = functools.cache(self._draw_room)

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Image:
        """A random piece of a random scene in a light of its own, uint8 (H, W, 3) RGB."""
        scene = self._scene(int(rng.integers(len(SCENES))))
        largest = min(HEIGHT / height, WIDTH / width)
        step = largest * rng.uniform(0.45, 1.0)
        rows, columns = max(1, int(step * height)), max(1, int(step * width))
        # Rather the lower part, where the floor is.
        top = int((HEIGHT - rows) * rng.uniform(0, 1) ** 0.6)
        left = int(rng.uniform(0, 1) * (WIDTH - columns))
        mirrored, warmth = rng.uniform() < 0.5, rng.uniform(0.88, 1.12, 3)
        strength, gain = rng.uniform(0.3, 1.05), rng.uniform(0.75, 1.2)
        piece = cv2.resize(scene[top : top + rows, left : left + columns], (width, height))
        if mirrored:
            piece = cv2.flip(piece, 1)
        mix = strength * np.eye(3) + (1 - strength) * GREY
        matrix = (gain * warmth[:, None] * mix).astype(np.float32)
        return np.asarray(cv2.transform(piece, matrix), dtype=np.uint8)

    def fixed(
        self,
        key: str,
        height: int,
        width: int,
        frame: tuple[int, int] | None = None,
        origin: tuple[float, float] = (0.0, 0.0),
        zoom: float = 1.0,
    ) -> Image:
        """The room that belongs to `key`, seen by a camera that does not move.

        Args:
            key: name of the camera.
            height: rows of the picture.
            width: columns of the picture.
            frame: height and width of the camera's full frame, pixels; None: the picture's.
            origin: x, y in the full frame of the picture's first pixel.
            zoom: picture pixels per pixel of the full frame: picture = (frame - origin) * zoom.

        Returns:
            uint8 (H, W, 3) RGB; pictures of one key show one room, whatever their part of it.
        """
        rows, columns = frame or (height, width)
        across, down = ROOM_SIDE / columns, ROOM_SIDE / rows
        matrix = np.array(
            [
                [across / zoom, 0, (origin[0] + 0.5) * across - 0.5],
                [0, down / zoom, (origin[1] + 0.5) * down - 0.5],
            ]
        )
        piece = cv2.warpAffine(
            self._room(key),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        return np.asarray(piece, dtype=np.uint8)

    def _draw_scene(self, number: int) -> Image:
        rng = np.random.default_rng([self.seed, number])
        return _bytes(SCENES[number](rng, HEIGHT, WIDTH))

    def _draw_room(self, key: str) -> Image:
        rng = np.random.default_rng([self.seed, len(SCENES), zlib.crc32(key.encode())])
        return _bytes(room(rng, ROOM_SIDE, ROOM_SIDE))


def _bytes(picture: NDArray[np.float32]) -> Image:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)

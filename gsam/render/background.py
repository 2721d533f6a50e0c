"""Backgrounds drawn by recipe: a bank of scenes made once per process, and a room per camera."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BackgroundBank"]

Image = NDArray[np.uint8]


class BackgroundBank:
    """Scenes to stand before, all from one seed."""

    def __init__(self, seed: int):
        """Scenes are drawn on first use."""
        self.seed = seed

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Image:
        """A random piece of a random scene, uint8 (H, W, 3) RGB."""
        small = rng.uniform(60, 200, (4, 4, 3)).astype(np.float32)
        big = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.clip(big, 0, 255).astype(np.uint8)

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
        room = self.draw(np.random.default_rng([self.seed, zlib.crc32(key.encode())]), 480, 480)
        sx, sy = columns / 480, rows / 480
        back = np.array([[1 / zoom / sx, 0, origin[0] / sx], [0, 1 / zoom / sy, origin[1] / sy]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            room, back, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT
        )

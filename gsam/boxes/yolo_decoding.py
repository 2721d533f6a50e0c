"""Around YOLOv3's network: a picture into its square input, its answers into boxes of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Letterbox", "decode_head", "letterbox", "suppress"]

_GREY = 0.5
_PERSON = 0  # first of COCO's 80 classes, and the only one of a person detector
_MAX_EXPONENT = 12.0  # e^12 anchors is wider than any picture, and still finite


@dataclass(frozen=True)
class Letterbox:
    """Where a picture (height, width px) lies in the input: size and upper left corner, px."""

    height: int
    width: int
    inner_height: int
    inner_width: int
    top: int
    left: int

    def to_picture(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) centre x, y, width, height in the input -> corner x, y, w, h, picture px."""
        scale = np.array([self.width / self.inner_width, self.height / self.inner_height] * 2)
        corners = boxes - np.array([self.left, self.top, 0, 0])
        corners[:, :2] -= corners[:, 2:] / 2
        return (corners * scale).astype(np.float32)


def letterbox(
    picture: NDArray[np.uint8], height: int, width: int
) -> tuple[NDArray[np.float32], Letterbox]:
    """A picture (H, W, 3) RGB as a planar input (3, height, width) from 0 to 1.

    It keeps its aspect and stands in the middle of grey, as in Darknet's `letterbox_image`.
    """
    rows, columns = picture.shape[:2]
    if width * rows < height * columns:
        inner_width, inner_height = width, max(1, rows * width // columns)
    else:
        inner_width, inner_height = max(1, columns * height // rows), height
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    canvas = np.full((height, width, 3), _GREY, np.float32)
    resized = cv2.resize(picture, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    canvas[top : top + inner_height, left : left + inner_width] = resized / np.float32(255)
    place = Letterbox(rows, columns, inner_height, inner_width, top, left)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)), place


def decode_head(
    raw: Tensor, anchors: Sequence[tuple[int, int]], height: int, width: int
) -> tuple[Tensor, Tensor]:
    """One yolo layer's map (B, A (5 + classes), h, w) as boxes (B, N, 4) and scores (B, N).

    Boxes are centre x, y, width, height in px of the input (height, width); N = A h w. The score is
    that of a person: objectness times the class's own probability (YOLOv3, section 2.1).
    """
    batch, _, rows, columns = raw.shape
    cells = raw.unflatten(1, (len(anchors), -1))
    x = (cells[:, :, 0].sigmoid() + torch.arange(columns, device=raw.device)) * (width / columns)
    y = (cells[:, :, 1].sigmoid() + torch.arange(rows, device=raw.device)[:, None]) * (
        height / rows
    )
    prior = torch.tensor(anchors, device=raw.device, dtype=raw.dtype)[:, :, None, None]
    sides = cells[:, :, 2:4].clamp(max=_MAX_EXPONENT).exp() * prior
    boxes = torch.stack([x, y, sides[:, :, 0], sides[:, :, 1]], dim=-1)
    scores = cells[:, :, 4].sigmoid() * cells[:, :, 5 + _PERSON].sigmoid()
    return boxes.reshape(batch, -1, 4), scores.reshape(batch, -1)


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float
) -> NDArray[np.int64]:
    """Rows of one class's boxes (N, 4: x, y, w, h) to keep, best first.

    A box goes when its intersection over union with a better one that is kept exceeds `overlap`;
    among equal scores the earlier row is the better.
    """
    order = np.argsort(-scores, kind="stable")
    low = boxes[order, :2].astype(np.float64)
    sides = boxes[order, 2:].astype(np.float64)
    high, areas = low + sides, sides.prod(axis=1)
    kept: list[int] = []
    alive = np.ones(len(order), bool)
    for place in range(len(order)):
        if not alive[place]:
            continue
        kept.append(place)
        shared = np.minimum(high, high[place]) - np.maximum(low, low[place])
        common = shared.clip(min=0).prod(axis=1)
        union = np.maximum(areas + areas[place] - common, np.finfo(np.float64).tiny)
        alive &= common / union <= overlap
    return order[kept]

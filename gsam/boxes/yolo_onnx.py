"""YOLOv3 from an ONNX file, run by OpenCV.

Two forms are common and read here: the raw maps of the three scales (B, 3 (5 + classes), h, w), as
Darknet's layers answer, and one list (B, N, 5 + classes) of boxes already decoded into px of the
input (centre x, y, width, height, objectness, classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gsam.boxes.onnx_trial import try_onnx
from gsam.boxes.yolo import Yolo
from gsam.boxes.yolo_decoding import decode_head
from gsam.errors import DataError

__all__ = ["load_onnx_yolo"]

# YOLOv3's own (section 2.3), from the finest scale to the coarsest.
_ANCHORS = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
Array = NDArray[np.float32]


def load_onnx_yolo(path: str | Path, height: int = 416, width: int = 416) -> Yolo:
    """The network of an ONNX file for inputs of (height, width) px, tried once on a grey picture.

    First in a process of its own: OpenCV ends the one that reads some damaged files.

    Raises:
        DataError: no such file, one that OpenCV cannot read or run at that size, or answers of
            another form.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file, expected YOLOv3 as ONNX")
    try_onnx(path, height, width)
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise DataError(f"{path}: OpenCV cannot read this as ONNX ({_reason(error)})") from error
    names = network.getUnconnectedOutLayersNames()

    def run(batch: Array) -> tuple[Array, Array]:
        # One by one: exported networks are often fixed to a batch of one.
        parts = [_decode(_forward(each[None]), height, width, str(path)) for each in batch]
        boxes, scores = zip(*parts, strict=True)
        return np.concatenate(boxes), np.concatenate(scores)

    def _forward(batch: Array) -> Sequence[Array]:
        try:
            network.setInput(batch)
            answers: Sequence[Any] = network.forward(names)
            return answers
        except cv2.error as error:
            size = f"{height}x{width} px"
            raise DataError(f"{path}: cannot be run on {size} ({_reason(error)})") from error

    run(np.full((1, 3, height, width), 0.5, np.float32))
    return Yolo(height, width, run)


def _decode(outputs: Sequence[Array], height: int, width: int, where: str) -> tuple[Array, Array]:
    shapes = [output.shape for output in outputs]
    if len(outputs) == 1 and outputs[0].ndim == 3 and outputs[0].shape[2] > 5:
        rows = outputs[0]
        return rows[:, :, :4], rows[:, :, 4] * rows[:, :, 5]
    fits = [len(shape) == 4 and shape[1] % 3 == 0 and shape[1] // 3 > 5 for shape in shapes]
    if len(outputs) != len(_ANCHORS) or not all(fits):
        expected = "expected three maps (1, 3 (5 + classes), h, w) or one list (1, N, 5 + classes)"
        raise DataError(f"{where}: answers of the shapes {shapes}, {expected}")
    finest_first = sorted(outputs, key=lambda output: -output.shape[3])
    heads = [
        decode_head(torch.from_numpy(raw), anchors, height, width)
        for raw, anchors in zip(finest_first, _ANCHORS, strict=True)
    ]
    boxes, scores = (torch.cat(parts, dim=1).numpy() for parts in zip(*heads, strict=True))
    return boxes, scores


def _reason(error: cv2.error) -> str:
    return " ".join(str(error).split())[:200]

"""A YOLOv3 person detector as a source of boxes, from Darknet's files or from ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.boxes.darknet import load_darknet
from gsam.boxes.person_boxes import BoxSource, PersonBoxes, clip_inside
from gsam.boxes.yolo_decoding import decode_head, letterbox, suppress

__all__ = ["Yolo", "load_darknet_yolo", "yolo_boxes"]

_BATCH = 8


@dataclass(frozen=True)
class Yolo:
    """A network whose input is (height, width) px.

    `run` maps inputs (B, 3, height, width) to candidates (B, N, 4), centre x, y, width, height in
    px of the input, and their scores as people (B, N).
    """

    height: int
    width: int
    run: Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]


def load_darknet_yolo(
    config_path: str | Path, weights_path: str | Path, device: str | torch.device = "cpu"
) -> Yolo:
    """YOLOv3 from a .cfg and a .weights file, on `device`. Raises DataError as `load_darknet`."""
    network = load_darknet(config_path, weights_path).to(device)
    size = network.config.height, network.config.width
    anchors = [layer.anchors for layer in network.config.layers if layer.kind == "yolo"]

    @torch.inference_mode()
    def run(batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        maps = network(torch.from_numpy(batch).to(device))
        heads = [decode_head(raw, each, *size) for raw, each in zip(maps, anchors, strict=True)]
        boxes, scores = (torch.cat(parts, dim=1) for parts in zip(*heads, strict=True))
        return boxes.cpu().numpy(), scores.cpu().numpy()

    return Yolo(*size, run)


def yolo_boxes(yolo: Yolo, minimum_score: float = 0.5, overlap: float = 0.45) -> BoxSource:
    """Boxes of people, best first, from a network; the defaults are Darknet's.

    Candidates below `minimum_score` are dropped, then those that overlap a better one by more than
    `overlap` (intersection over union), and those that are not finite or lie outside the picture.
    """

    def find(names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]) -> list[PersonBoxes]:
        found: list[PersonBoxes] = []
        for start in range(0, len(pictures), _BATCH):
            part = pictures[start : start + _BATCH]
            inputs, places = zip(
                *(letterbox(each, yolo.height, yolo.width) for each in part), strict=True
            )
            boxes, scores = yolo.run(np.stack(inputs))
            for place, candidates, score in zip(places, boxes, scores, strict=True):
                good = (score >= minimum_score) & np.isfinite(candidates).all(axis=1)
                corners = place.to_picture(candidates[good])
                kept = suppress(corners, score[good], overlap)
                inside, clipped = clip_inside(corners[kept], place.width, place.height)
                found.append(PersonBoxes(clipped, score[good][kept][inside]))
        return found

    return find

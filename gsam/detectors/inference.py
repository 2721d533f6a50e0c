"""A trained detector at work: boxes of people in pictures to joints in the pictures' pixels."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from gsam.ahead import ahead, each_alone
from gsam.detectors.config import DetectorConfig
from gsam.detectors.crops import crop_matrix, crop_of_box, invert, warp
from gsam.detectors.flip import flip_average
from gsam.detectors.inputs import normalise
from gsam.detectors.objective import decode
from gsam.training.precision import numerics

__all__ = ["Crops", "Detector", "Joints", "cut", "cut_each", "join", "stack"]

MOST_THREADS = 16
"""On a CPU every thread holds the network's activations of a batch."""
BATCHES_UNDERWAY = 2

Joints = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Points (N, J, 2) and scores (N, J)."""

Item = TypeVar("Item")
Note = TypeVar("Note")


@dataclass(frozen=True)
class Crops:
    """B crops: pixels (B, height, width, 3) uint8 RGB of the detector's input size, and the affine
    maps to_image (B, 2, 3) from their pixels to those of the pictures they were cut from."""

    pixels: NDArray[np.uint8]
    to_image: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pixels)


def cut(config: DetectorConfig, image: NDArray[np.uint8], boxes: ArrayLike) -> Crops:
    """The crops of N people's boxes (N, 4: x, y, width, height px) in one picture (H, W, 3) RGB.

    Raises:
        DataError: a box that is not finite or has no area, by its number.
    """
    people = np.reshape(boxes, (-1, 4))
    return cut_each(config, [image] * len(people), people)


def cut_each(
    config: DetectorConfig, images: Sequence[NDArray[np.uint8]], boxes: ArrayLike
) -> Crops:
    """The crops of N boxes (N, 4), each of its own picture.

    Raises:
        DataError: a box that is not finite or has no area, by its number.
    """
    height, width = config.height, config.width
    centres, sizes = crop_of_box(np.reshape(boxes, (-1, 4)), height, width)
    matrices = crop_matrix(centres, sizes[:, 0], np.zeros(len(centres)), height, width)
    pixels = np.empty((len(matrices), height, width, 3), np.uint8)
    for index, (image, matrix) in enumerate(zip(images, matrices, strict=True)):
        pixels[index] = warp(image, matrix, height, width)
    return Crops(pixels, invert(matrices))


def join(crops: Sequence[Crops]) -> Crops:
    """Several pictures' crops as one batch."""
    return Crops(
        np.concatenate([each.pixels for each in crops]),
        np.concatenate([each.to_image for each in crops]),
    )


class Detector:
    """A detector of any family with its way of looking; the same pictures give the same joints.

    flip_test: average the heat maps with those of the mirrored crop. quarter_offset: move the best
    cell a quarter towards its larger neighbour. Crops go through the network `batch_size` at a
    time, on `device`; `threads` (default: as many as there are cores) prepare them and, on a CPU,
    each takes its own batch through the network by itself: its sums then do not depend on how many
    there are.
    """

    def __init__(
        self,
        model: nn.Module,
        config: DetectorConfig,
        *,
        flip_test: bool = True,
        quarter_offset: bool = True,
        batch_size: int = 32,
        device: str | torch.device = "cpu",
        threads: int | None = None,
    ) -> None:
        self.config = config
        self.flip_test = flip_test
        self.quarter_offset = quarter_offset
        self.batch_size = batch_size
        self.device = torch.device(device)
        self.threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
        # oneDNN's convolutions are faster in this order.
        model = model.to(self.device).eval()
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def detect(
        self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[ArrayLike]
    ) -> list[Joints]:
        """Joints of the people in several pictures.

        Args:
            images: RGB (H, W, 3), of any sizes.
            boxes: per picture (N, 4) x, y, width, height in its pixels; N may be 0.

        Returns:
            per picture, points (N, J, 2) in its pixels and scores (N, J), in the order of boxes.

        Raises:
            DataError: a box that is not finite or has no area.
        """
        people = [
            (image, box)
            for image, some in zip(images, boxes, strict=True)
            for box in np.reshape(some, (-1, 4))
        ]
        starts = range(0, len(people), self.batch_size)

        def prepare(start: int) -> Crops:
            some, where = zip(*people[start : start + self.batch_size], strict=True)
            return cut_each(self.config, some, where)

        points, scores = stack(self.stream(prepare, starts), self.config.joints)
        ends = np.cumsum([0, *(len(np.reshape(some, (-1, 4))) for some in boxes)])
        return [(points[a:b], scores[a:b]) for a, b in pairwise(ends)]

    def stream(self, prepare: Callable[[Item], Crops], items: Iterable[Item]) -> Iterator[Joints]:
        """The joints of each item's crops, in pixels of their pictures.

        `prepare` runs in threads, a little ahead; what it raises is raised here.
        """
        noted = self.stream_noted(lambda item: (prepare(item), None), items)
        yield from (joints for joints, _ in noted)

    def stream_noted(
        self, prepare: Callable[[Item], tuple[Crops, Note]], items: Iterable[Item]
    ) -> Iterator[tuple[Joints, Note]]:
        """As `stream`, each with what `prepare` gave beside the crops."""
        if self.device.type == "cuda":
            with numerics("float32"):
                yield from self._stream_cuda(prepare, items)
            return

        def work(item: Item) -> tuple[Joints, Note]:
            crops, note = prepare(item)
            return _fetched(self.look(crops)), note

        yield from each_alone(work, items, self.threads)

    def _stream_cuda(
        self, prepare: Callable[[Item], tuple[Crops, Note]], items: Iterable[Item]
    ) -> Iterator[tuple[Joints, Note]]:
        """The device works on a batch while the next is sent and the last is fetched."""
        underway: deque[tuple[tuple[Tensor, Tensor], Note]] = deque()
        for crops, note in ahead(prepare, items, self.threads):
            underway.append((self.look(crops), note))
            if len(underway) > BATCHES_UNDERWAY:
                joints, noted = underway.popleft()
                yield _fetched(joints), noted
        for joints, noted in underway:
            yield _fetched(joints), noted

    @torch.inference_mode()
    def look(self, crops: Crops) -> tuple[Tensor, Tensor]:
        """Points (B, J, 2) in pixels of the pictures and scores (B, J) of one batch, on the device,
        which may still be at work on them."""
        joints = self.config.joints
        if not len(crops):
            return torch.empty(0, joints, 2), torch.empty(0, joints)
        inputs = normalise(self.config, self._there(torch.from_numpy(crops.pixels)))
        to_image = self._there(torch.from_numpy(crops.to_image))
        heatmaps = self.model(inputs)[-1]
        if self.flip_test:
            mirrored = self.model(inputs.flip(3))[-1]
            heatmaps = flip_average(self.config, heatmaps, mirrored)
        points, scores = decode(self.config, heatmaps, self.quarter_offset)
        linear, offset = to_image[:, :, :2], to_image[:, :, 2]
        return points.double() @ linear.mT + offset[:, None], scores

    def _there(self, tensor: Tensor) -> Tensor:
        if self.device.type != "cuda":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)


def _fetched(joints: tuple[Tensor, Tensor]) -> Joints:
    points, scores = joints
    return points.float().cpu().numpy(), scores.float().cpu().numpy()


def stack(found: Iterable[Joints], joints: int) -> Joints:
    """Several batches' points and scores as one array each: (P, J, 2) and (P, J) float32."""
    points, scores = [np.empty((0, joints, 2), np.float32)], [np.empty((0, joints), np.float32)]
    for place, score in found:
        points.append(place)
        scores.append(score)
    return np.concatenate(points), np.concatenate(scores)

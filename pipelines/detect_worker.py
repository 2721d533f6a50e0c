"""One process's part of a detection: the model, pictures and boxes, opened once for many shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.boxes.person_boxes import BoxSource
from gsam.boxes.sources import open_boxes
from gsam.configs import build
from gsam.detectors import DetectorConfig
from gsam.detectors.inference import Crops, Detector, Joints, cut_each
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.weights import load_detector
from pipelines.detect_storage import Found

__all__ = ["DetectConfig", "DetectJob", "Looker", "Shard"]


@dataclass(frozen=True, kw_only=True)
class DetectConfig:
    """How a detector looks at pictures: `boxes` is `truth` or a file (see gsam.boxes.sources)."""

    boxes: str = "truth"
    flip_test: bool = True
    quarter_offset: bool = True
    batch_size: int = 32

    def problems(self) -> Iterator[str]:
        """Values that make no sense."""
        if self.batch_size < 1:
            yield f"batch_size = {self.batch_size}: expected at least 1"


@dataclass(frozen=True)
class DetectJob:
    """A detector's weights, the folder of the pictures, which of its splits, and how to look."""

    weights: str
    images: str
    splits: tuple[str, ...]
    config: DetectConfig

    def open(self) -> dict[str, ImageSet]:
        """The pictures of every split.

        Raises:
            DataError: an image table or its shards cannot be used.
        """
        return {split: ImageSet.load(self.images, split) for split in self.splits}


@dataclass(frozen=True)
class Shard:
    """Pictures start to stop of a split."""

    name: str
    split: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class _Batch:
    """Whose crops go through the network together: see Found for picture and boxes."""

    shard: Shard
    picture: NDArray[np.int64]
    boxes: NDArray[np.float32]


class Looker:
    """Computes shards; the same shard gives the same bytes in every process."""

    def __init__(
        self, job: DetectJob, images: Mapping[str, ImageSet], threads: int | None = None
    ) -> None:
        """`threads` of a Detector.

        Raises:
            DataError: no such detector, or it is not for the joints of the pictures.
        """
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model, notes = load_detector(job.weights)
        config = build(DetectorConfig, notes["detector"], f"{job.weights}: detector")
        for split, each in images.items():
            if each.skeleton.name != config.joint_set:
                raise DataError(
                    f"{job.weights}: a detector of {config.joint_set}, "
                    f"expected {each.skeleton.name} as {job.images}/{split}.parquet has"
                )
        self.images = images
        self.names = {split: each.rows["image"].to_pylist() for split, each in images.items()}
        self.sources = {split: _boxes(each, job, device) for split, each in images.items()}
        self.detector = Detector(
            model,
            config,
            flip_test=job.config.flip_test,
            quarter_offset=job.config.quarter_offset,
            batch_size=job.config.batch_size,
            device=device,
            threads=threads,
        )

    def look(self, shards: Sequence[Shard]) -> Iterator[tuple[Shard, Found]]:
        """The people of each shard, in turn.

        Raises:
            DataError: a picture is damaged, a box cannot be used, or an answer is not finite.
        """
        size = self.detector.batch_size
        items = (
            (shard, range(start, min(start + size, shard.stop)))
            for shard in shards
            for start in range(shard.start, shard.stop, size)
        )
        answers = self.detector.stream_noted(self._prepare, items)
        for shard, parts in groupby(answers, key=lambda answer: answer[1].shard):
            yield shard, Found.joined([self._found(*part) for part in parts])

    def _prepare(self, item: tuple[Shard, range]) -> tuple[Crops, _Batch]:
        shard, numbers = item
        pictures, people, boxes = [], [], []
        for number in numbers:
            picture = self.images[shard.split].decode(number)
            box = self._person(shard.split, number, picture)
            if len(box):
                pictures.append(picture)
                people.append(number)
                boxes.append(box)
        every = np.concatenate([np.empty((0, 4), np.float32), *boxes])
        batch = _Batch(shard, np.array(people, np.int64), every)
        return cut_each(self.detector.config, pictures, every), batch

    def _person(self, split: str, number: int, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The box (1, 4) of the person whom the take is about, or (0, 4): the likeliest, and of
        equally likely ones the largest."""
        source = self.sources[split]
        if source is None:
            images = self.images[split]
            first, last = np.searchsorted(images.person_image, (number, number + 1))
            boxes = images.boxes[first:last][~images.crowds[first:last]]
            scores = np.ones(len(boxes), np.float32)
        else:
            (people,) = source([self.names[split][number]], [picture])
            boxes, scores = people.xywh, people.scores
        order = np.lexsort((boxes[:, 2:].prod(axis=1), scores))
        return boxes[order[-1:]]

    def _found(self, joints: Joints, batch: _Batch) -> Found:
        points, scores = joints
        wrong = ~(np.isfinite(points).all(axis=(1, 2)) & np.isfinite(scores).all(axis=1))
        if wrong.any():
            number = int(batch.picture[wrong][0])
            name = self.images[batch.shard.split].name(number)
            raise DataError(f"{name}: the detector's answer is not finite, expected numbers")
        return Found(batch.picture, batch.boxes, points, scores)


def _boxes(images: ImageSet, job: DetectJob, device: str) -> BoxSource | None:
    """Where boxes come from; None: the annotated ones, as they are (crops may reach outside)."""
    if job.config.boxes == "truth":
        flat = ~(images.boxes[:, 2:] > 0).all(axis=1) & ~images.crowds
        if flat.any():
            person = int(flat.argmax())
            name, box = images.name(int(images.person_image[person])), images.boxes[person]
            raise DataError(f"{name}: box {box.tolist()}, expected width and height above 0")
        return None
    names = images.rows["image"].to_pylist()
    return open_boxes(job.config.boxes, names=names, device=device)

"""Crops of people for training: made one by one from numbered random streams, by a few threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.order import PeopleOrder, Slice
from gsam.detectors.samples import Sample, make_sample
from gsam.images import ImageSet
from gsam.training.order import stream

__all__ = ["Cropper", "Crops", "Feed", "ThreadFeed", "stack"]

AHEAD = 3
"""Batches in the making while one is trained on."""


@dataclass(frozen=True, eq=False)
class Crops:
    """A batch: images (B, h, w, 3) uint8 RGB, points (B, J, 2) float32 px of the crop, weight
    (B, J) float32 (0: joint unsupervised); `spare`: to be computed, but not counted."""

    images: NDArray[np.uint8]
    points: NDArray[np.float32]
    weight: NDArray[np.float32]
    spare: bool = False


class Feed(Protocol):
    """Where the training gets its batches from."""

    def __call__(self, order: PeopleOrder, epoch: int) -> Iterator[Crops]:
        """The batches of one epoch, in order; the next call asks for the epoch that follows."""


@dataclass(frozen=True, eq=False)
class Cropper:
    """Makes crops of the people of `images`; whoever makes one, whenever, it has the same bytes."""

    images: ImageSet
    config: DetectorConfig
    augment: AugmentConfig | None = None
    seed: int = 0

    def one(self, person: int, epoch: int) -> Sample:
        """One person's crop in one epoch.

        Raises:
            DataError: the person's image cannot be decoded.
        """
        number = stream("augment", self.seed, epoch, person)
        return make_sample(
            self.images, person, self.config, self.augment, np.random.default_rng(number)
        )

    def all(self, part: Slice) -> Crops:
        """A batch, in the order of its people."""
        return stack([self.one(person, part.epoch) for person in part.people], part.spare)


def stack(samples: Sequence[Sample], spare: bool = False) -> Crops:
    """Crops as one batch."""
    return Crops(
        np.stack([sample.image for sample in samples]),
        np.stack([sample.points for sample in samples]),
        np.stack([sample.weight for sample in samples]),
        spare,
    )


class ThreadFeed(AbstractContextManager["ThreadFeed"]):
    """Crops made by threads of this process, a few batches ahead; a context manager.

    Decoding and warping leave Python's lock, so threads do for a few thousand images a second.
    """

    def __init__(self, cropper: Cropper, threads: int | None = None) -> None:
        """`threads`: by default as many as the processors that this process may use."""
        count = threads or len(os.sched_getaffinity(0))
        self.cropper = cropper
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="crops")

    def __call__(self, order: PeopleOrder, epoch: int) -> Iterator[Crops]:
        """The batches of one epoch."""
        waiting: deque[tuple[list[Future[Sample]], bool]] = deque()
        try:
            for part in order.slices(epoch):
                jobs = [self.pool.submit(self.cropper.one, p, epoch) for p in part.people]
                waiting.append((jobs, part.spare))
                if len(waiting) > AHEAD:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            for jobs, _ in waiting:
                for job in jobs:
                    job.cancel()

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)


def _finished(jobs: list[Future[Sample]], spare: bool) -> Crops:
    return stack([job.result() for job in jobs], spare)

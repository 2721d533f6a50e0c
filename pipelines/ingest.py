"""Training crops from Ray Data: decoded, cropped and augmented by actors on CPUs.

Every training process has a pipeline of its own, from its own slice of the global order. Actors
are sent numbers of steps and find out whose crops those are: nothing but finished batches travels.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from gsam.configs import build
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.feed import Cropper, Crops
from gsam.detectors.order import PeopleOrder
from gsam.errors import DataError
from gsam.images import ImageSet

__all__ = ["RayFeed", "actors_for"]

STEPS_AT_ONCE = 4096
"""A pipeline plans all its steps before the first; a longer training starts a new one in between.
"""
READ_AHEAD = 2
CROPS_AT_ONCE = 128
"""Small batches travel together: each parcel costs Ray some 30 ms."""


def actors_for(workers: int, cpus: int | None = None) -> int:
    """Actors of each training process, where `cpus` (default: this machine's) are shared fairly."""
    return max(1, ((cpus or os.cpu_count() or 1) - workers) // workers)


class _CropActor:
    """One actor: the images, opened once."""

    def __init__(self, source: dict[str, Any], order: PeopleOrder, first: int) -> None:
        """`first` is the step that Ray Data's row 0 stands for."""
        import cv2

        cv2.setNumThreads(1)
        self.cropper = Cropper(
            ImageSet.load(source["folder"], source["split"]),
            build(DetectorConfig, source["detector"], "detector"),
            build(AugmentConfig, source["augment"], "augment"),
            order.seed,
        )
        self.order, self.first = order, first
        self.epoch, self.slices = 0, order.slices(0)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """A batch for each row; a user's error travels as data, not in Ray's traceback."""
        found = [self._batch(self.first + int(row)) for row in rows["id"]]
        return {name: [batch[name] for batch in found] for name in found[0]}

    def _batch(self, step: int) -> dict[str, Any]:
        epoch, place = divmod(step, len(self.order.cuts))
        if epoch != self.epoch:
            self.epoch, self.slices = epoch, self.order.slices(epoch)
        try:
            crops = self.cropper.all(self.slices[place])
        except DataError as error:
            return {"error": str(error)} | dict.fromkeys(_ARRAYS, b"")
        return {"error": ""} | {name: getattr(crops, name).tobytes() for name in _ARRAYS}


_ARRAYS = {"images": np.uint8, "points": np.float32, "weight": np.float32}


class RayFeed(AbstractContextManager["RayFeed"]):
    """Batches from a pipeline that runs on from epoch to epoch; a context manager."""

    def __init__(self, source: dict[str, Any], epochs: int, actors: int, cpus: float = 1.0) -> None:
        """
        Args:
            source: `folder` and `split` of the images, `detector` and `augment` as mappings.
            epochs: of the whole training; nothing is made beyond them.
            actors: of this process's pipeline, with `cpus` each.
        """
        self.source, self.epochs, self.actors, self.cpus = source, epochs, actors, cpus
        self.config = build(DetectorConfig, source["detector"], "detector")
        self.next_step = -1
        self.batches: Iterator[Any] = iter(())

    def __call__(self, order: PeopleOrder, epoch: int) -> Iterator[Crops]:
        """The batches of one epoch.

        Raises:
            DataError: an image cannot be decoded.
        """
        for step, part in enumerate(order.slices(epoch), epoch * len(order.cuts)):
            row = next(self.batches, None) if step == self.next_step else None
            if row is None:
                self.batches = self._start(order, step)
                row = next(self.batches)
            self.next_step = step + 1
            if row["error"][0]:
                raise DataError(str(row["error"][0]))
            yield self._crops(row, len(part.people), part.spare)

    def __exit__(self, *error: object) -> None:
        """End the pipeline and its actors."""
        self.batches = iter(())

    def _start(self, order: PeopleOrder, first: int) -> Iterator[Any]:
        """Batches from the step `first` on, in order."""
        import ray

        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        last = min(self.epochs * len(order.cuts), first + STEPS_AT_ONCE)
        actor: Any = _CropActor
        together = max(1, CROPS_AT_ONCE * order.world // order.batch_size)
        parcels = -(-(last - first) // together)
        crops = ray.data.range(last - first, override_num_blocks=parcels).map_batches(
            actor,
            fn_constructor_args=(self.source, order, first),
            batch_size=together,
            concurrency=min(self.actors, parcels),
            num_cpus=self.cpus,
        )
        return iter(crops.iter_batches(batch_size=1, prefetch_batches=READ_AHEAD))

    def _crops(self, row: dict[str, Any], people: int, spare: bool) -> Crops:
        """The arrays of a batch, from their bytes."""
        height, width, joints = self.config.height, self.config.width, self.config.joints
        shapes = {"images": (height, width, 3), "points": (joints, 2), "weight": (joints,)}
        arrays = {
            name: np.frombuffer(row[name][0], kind).reshape(people, *shapes[name]).copy()
            for name, kind in _ARRAYS.items()
        }
        return Crops(**arrays, spare=spare)

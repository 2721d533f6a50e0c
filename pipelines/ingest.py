"""Training samples from Ray Data: decoded, cropped and augmented by actors on CPUs.

Every training process has a pipeline of its own, from its own slice of the global order. Actors
are sent numbers of steps and find out whose samples those are: nothing but finished batches
travels.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from gsam.errors import DataError
from gsam.training.feed import ArrayBatch, Arrays, Maker, stack
from gsam.training.sampling import SampleOrder

__all__ = ["RayFeed", "actors_for"]

STEPS_AT_ONCE = 4096
"""A pipeline plans all its steps before the first; a longer training starts a new one in between.
"""
READ_AHEAD = 2
SAMPLES_AT_ONCE = 128
"""Small batches travel together: each parcel costs Ray some 30 ms."""

Opener = Callable[[], Maker]
"""Opens what samples are made from, in an actor; Ray pickles it."""


def actors_for(workers: int, cpus: int | None = None) -> int:
    """Actors of each training process, where `cpus` (default: this machine's) are shared fairly."""
    return max(1, ((cpus or os.cpu_count() or 1) - workers) // workers)


class _Actor:
    """One actor: its data, opened once."""

    def __init__(self, opened: Opener, order: SampleOrder, first: int) -> None:
        """`first` is the step that Ray Data's row 0 stands for."""
        import cv2

        cv2.setNumThreads(1)
        self.make = opened()
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
        part = self.slices[place]
        try:
            made = [self.make(*which) for which in zip(part.items, part.draws, strict=True)]
        except DataError as error:
            return {"error": str(error), "header": "", "data": b""}
        return {"error": "", **_packed(stack(made).arrays)}


def _packed(arrays: Arrays) -> dict[str, Any]:
    """Arrays as one row of text and bytes, which Ray moves without a look at them."""
    header = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    data = b"".join(np.ascontiguousarray(array).data for array in arrays.values())
    return {"header": json.dumps(header), "data": data}


def _unpacked(header: str, data: bytes) -> Arrays:
    """The arrays again, with memory of their own."""
    arrays, place = {}, 0
    for name, kind, shape in json.loads(header):
        count = int(np.prod(shape))
        flat = np.frombuffer(data, np.dtype(kind), count, place)
        arrays[name] = flat.reshape(shape).copy()
        place += flat.nbytes
    return arrays


class RayFeed(AbstractContextManager["RayFeed"]):
    """Batches from a pipeline that runs on from epoch to epoch; a context manager."""

    def __init__(self, opened: Opener, epochs: int, actors: int, cpus: float = 1.0) -> None:
        """
        Args:
            opened: gives each actor what makes its samples.
            epochs: of the whole training; nothing is made beyond them.
            actors: of this process's pipeline, with `cpus` each.
        """
        self.opened, self.epochs, self.actors, self.cpus = opened, epochs, actors, cpus
        self.next_step = -1
        self.batches: Iterator[Any] = iter(())

    def __call__(self, order: SampleOrder, epoch: int) -> Iterator[ArrayBatch]:
        """The batches of one epoch.

        Raises:
            DataError: a sample cannot be made, as an image that cannot be decoded.
        """
        for step, part in enumerate(order.slices(epoch), epoch * len(order.cuts)):
            row = next(self.batches, None) if step == self.next_step else None
            if row is None:
                self.batches = self._start(order, step)
                row = next(self.batches)
            self.next_step = step + 1
            if row["error"][0]:
                raise DataError(str(row["error"][0]))
            yield ArrayBatch(_unpacked(row["header"][0], row["data"][0]), part.spare)

    def __exit__(self, *error: object) -> None:
        """End the pipeline and its actors."""
        self.batches = iter(())

    def _start(self, order: SampleOrder, first: int) -> Iterator[Any]:
        """Batches from the step `first` on, in order."""
        import ray

        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        last = min(self.epochs * len(order.cuts), first + STEPS_AT_ONCE)
        actor: Any = _Actor
        together = max(1, SAMPLES_AT_ONCE * order.world // order.batch_size)
        parcels = -(-(last - first) // together)
        samples = ray.data.range(last - first, override_num_blocks=parcels).map_batches(
            actor,
            fn_constructor_args=(self.opened, order, first),
            batch_size=together,
            concurrency=min(self.actors, parcels),
            num_cpus=self.cpus,
        )
        return iter(samples.iter_batches(batch_size=1, prefetch_batches=READ_AHEAD))

"""Training samples from Ray Data: decoded, cropped and augmented by actors on CPUs.

Every rank of a training has a pipeline of its own, from its own slice of the global order; a
process that stands in for others has theirs as well. Actors are sent numbers of steps and find out
whose samples those are: nothing but finished batches travels.

Actors ask Ray for no CPUs of theirs. They are as many as the CPUs that training leaves, so they are
not too many; but none waits for one that training holds, or keeps another training from starting.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gsam.errors import DataError, GsamError
from gsam.training.feed import ArrayBatch, Arrays, Maker, stack
from gsam.training.sampling import SampleOrder
from pipelines.placement import Placed

__all__ = ["RayFeed", "actors_for", "homes", "worker_feed"]

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


def homes(cpus: Mapping[str, float], own: str, actors: int, processes: int) -> list[str]:
    """Nodes for a process's actors: its own as long as it has CPUs for them, then the others.

    Args:
        cpus: CPUs of every node, by its id.
        own: the node that the process runs on.
        processes: training processes on that node.
    """
    local = max(1, int(cpus.get(own, 0)) // max(1, processes) - 1)
    others = [
        node for node, count in sorted(cpus.items()) if node != own for _ in range(int(count))
    ]
    spread = others[:: max(1, len(others) // max(1, actors - local))]
    return ([own] * min(local, actors) + spread)[:actors] or [own]


def worker_feed(opened: "Opener", epochs: int, workers: int) -> "RayFeed":
    """The feed of a Ray Train worker, with its share of the cluster's CPUs.

    Args:
        opened, epochs: as of `RayFeed`.
        workers: ranks of the training; those without a process are other processes' too.
    """
    import ray
    from ray import train

    context = train.get_context()
    processes = context.get_world_size()
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    cpus = {node["NodeID"]: node["Resources"]["CPU"] for node in nodes}
    # Where there are GPUs, a worker's share of the CPUs is one GPU's: others may be taken.
    gpus = sum(node["Resources"].get("GPU", 0) for node in nodes)
    actors = actors_for(max(processes, int(gpus)), int(sum(cpus.values())))
    own = ray.get_runtime_context().get_node_id()
    return RayFeed(
        opened,
        epochs,
        actors,
        ranks=-(-workers // processes),
        nodes=homes(cpus, own, actors, context.get_local_world_size()),
    )


class _Actor:
    """One actor: its data, opened once."""

    def __init__(self, opened: Opener, order: SampleOrder, first: int) -> None:
        """`first` is the step that Ray Data's row 0 stands for."""
        import cv2

        cv2.setNumThreads(1)
        try:
            self.make, self.error = opened(), ""
        except GsamError as error:
            self.error = str(error)
        self.order, self.first = order, first
        self.epoch, self.slices = 0, order.slices(0)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """A batch for each row; a user's error travels as data, not in Ray's traceback."""
        found = [self._batch(self.first + int(row)) for row in rows["id"]]
        return {name: [batch[name] for batch in found] for name in found[0]}

    def _batch(self, step: int) -> dict[str, Any]:
        if self.error:
            return {"error": self.error, "header": "", "data": b""}
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


@dataclass
class _Pipeline:
    """One rank's batches on their way, and the step of the next; none yet: -1."""

    next_step: int = -1
    batches: Iterator[Any] = field(default_factory=lambda: iter(()))


class RayFeed(AbstractContextManager["RayFeed"]):
    """Batches from pipelines that run on from epoch to epoch, one for each rank; a context manager.

    The iterators of several ranks may be advanced in turn.
    """

    def __init__(
        self,
        opened: Opener,
        epochs: int,
        actors: int,
        *,
        ranks: int = 1,
        nodes: Sequence[str] = (),
    ) -> None:
        """
        Args:
            opened: gives each actor what makes its samples.
            epochs: of the whole training; nothing is made beyond them.
            actors: of this process, shared by the pipelines of its ranks.
            ranks: how many ranks this process trains.
            nodes: where the actors are to run, one after another (default: Ray decides).
        """
        self.opened, self.epochs = opened, epochs
        self.actors = max(1, actors // ranks)
        self.nodes = tuple(nodes)
        self.pipelines: dict[int, _Pipeline] = {}

    def __call__(self, order: SampleOrder, epoch: int) -> Iterator[ArrayBatch]:
        """The batches of one epoch, of the order's rank.

        Raises:
            DataError: a sample cannot be made, as an image that cannot be decoded.
        """
        pipeline = self.pipelines.setdefault(order.rank, _Pipeline())
        for step, part in enumerate(order.slices(epoch), epoch * len(order.cuts)):
            row = next(pipeline.batches, None) if step == pipeline.next_step else None
            if row is None:
                pipeline.batches = self._start(order, step)
                row = next(pipeline.batches)
            pipeline.next_step = step + 1
            if row["error"][0]:
                raise DataError(str(row["error"][0]))
            yield ArrayBatch(_unpacked(row["header"][0], row["data"][0]), part.spare)

    def __exit__(self, *error: object) -> None:
        """End the pipelines and their actors."""
        self.pipelines.clear()

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
        # Rows of this process, unlike a range, are read by no task that would wait for a CPU.
        rows = [{"id": step} for step in range(last - first)]
        samples = ray.data.from_items(rows, override_num_blocks=parcels).map_batches(
            actor,
            fn_constructor_args=(self.opened, order, first),
            batch_size=together,
            concurrency=min(self.actors, parcels),
            num_cpus=0,
            ray_remote_args_fn=Placed(self.nodes, soft=True) if self.nodes else None,
        )
        return iter(samples.iter_batches(batch_size=1, prefetch_batches=READ_AHEAD))

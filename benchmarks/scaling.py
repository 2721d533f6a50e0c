"""Training a lifter on one and two workers of one thread each: alone, by torch's own
DistributedDataParallel, and by Ray Train."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from benchmarks.harness import Effort, Series, Table, Value
from benchmarks.synthetic import clip_set
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.batches import Gather, batch_errors
from gsam.training.checkpoint import CheckpointFolder, Keeper
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.lifting import LiftingTask
from gsam.training.loop import fit
from gsam.training.optimiser import build_optimiser
from gsam.training.order import Windows, epoch_order
from gsam.training.task import shares
from pipelines.ray_train import RayKeeper, fit_on_ray
from stages.common import progress

__all__ = ["run"]

GOAL = 5
"""Per cent that Ray may cost an epoch over torch's processes alone."""
CLIP_FRAMES = 256
WAYS = ("torch DDP", "our loop", "Ray Train")


@dataclass(frozen=True)
class Work:
    """The same training for every way: a lifter, windows per epoch and step, epochs timed."""

    frames: int = 9
    width: int = 32
    depth: int = 4
    windows: int = 384
    batch: int = 128
    epochs: int = 3

    def config(self) -> LifterConfig:
        """Centre head, no dropout: nothing but the way of training differs."""
        heads = min(8, self.width // 2)
        return LifterConfig(
            name="gsam", frames=self.frames, width=self.width, depth=self.depth, heads=heads
        )

    def recipe(self) -> TrainConfig:
        """A checkpoint after every epoch, as in short epochs of a cluster's training."""
        return TrainConfig(epochs=self.epochs + 1, batch_size=self.batch, checkpoint_seconds=0)

    def window_config(self) -> WindowConfig:
        """No validation beyond the probe of divergence."""
        return WindowConfig(
            stride=1, epoch_windows=self.windows, validation_windows=0, jitter=False
        )


QUICK_WORK = Work(width=8, depth=1, windows=32, batch=16, epochs=2)


def seconds(marks: list[float]) -> float:
    """Median time of an epoch, given the instants at which epochs ended; the first warms up."""
    return statistics.median(b - a for a, b in pairwise(marks))


def _fit(work: Work, world: int, keeper: Keeper) -> list[float]:
    """Our loop; the instants at which its epochs ended."""
    marks: list[float] = []
    clips = clip_set(clips=work.windows // CLIP_FRAMES + 2, frames=CLIP_FRAMES)
    task = LiftingTask(clips, work.window_config(), frames=work.frames, head="centre")
    torch.manual_seed(0)
    model = build_lifter(work.config())

    def ended(row: Any) -> None:
        marks.append(time.perf_counter())

    fit(model, task, work.recipe(), seed=0, keeper=keeper, report=ended, workers=world)
    return marks


def _joined(rank: int, world: int, place: str) -> None:
    """Become one of `world` gloo processes of one thread."""
    torch.set_num_threads(1)
    if world > 1:
        meeting = f"file://{place}/meeting"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)


def _ours(rank: int, world: int, work: Work, place: str) -> None:
    """Our loop in torch's own processes, checkpoints in a local folder."""
    _joined(rank, world, place)
    marks = _fit(work, world, CheckpointFolder(f"{place}/rank{rank}"))
    if rank == 0:
        Path(place, "marks.json").write_text(json.dumps(marks))


def _ddp(rank: int, world: int, work: Work, place: str) -> None:
    """The plainest loop that torch's documentation would have one write, on the same windows."""
    _joined(rank, world, place)
    clips = clip_set(clips=work.windows // CLIP_FRAMES + 2, frames=CLIP_FRAMES)
    windows = Windows(clips.bounds(range(len(clips))), work.frames, 1, "centre")
    gather = Gather(clips, work.frames, "centre")
    torch.manual_seed(0)
    model = build_lifter(work.config()).train()
    wrapped = DistributedDataParallel(model) if world > 1 else model
    optimiser = build_optimiser(model, work.recipe())
    marks = []
    for epoch in range(work.epochs + 1):
        order = epoch_order(
            windows, seed=0, epoch=epoch, jitter=False, mirror=True, limit=work.windows
        )
        for start, stop in shares(len(order), work.batch):
            batch = gather(order.slice(start, stop, rank, world))
            error = batch_errors(wrapped(batch.keypoints), batch)[0] / batch.weight.sum()
            error.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        marks.append(time.perf_counter())
    if rank == 0:
        Path(place, "marks.json").write_text(json.dumps(marks))


def _ray_worker(settings: dict[str, Any]) -> None:
    """Our loop as Ray Train runs it."""
    from ray import train

    torch.set_num_threads(1)
    marks = _fit(Work(**settings["work"]), settings["world"], RayKeeper())
    if train.get_context().get_world_rank() == 0:
        Path(settings["place"], "marks.json").write_text(json.dumps(marks))


def epoch_seconds(way: str, world: int, work: Work) -> float:
    """Time of an epoch of a new training in processes of its own."""
    with tempfile.TemporaryDirectory() as place:
        if way == "Ray Train":
            settings = {"work": vars(work), "world": world, "place": place}
            fit_on_ray(_ray_worker, settings, reads=[], workers=world, name="bench", root=place)
        else:
            target = _ddp if way == "torch DDP" else _ours
            mp.spawn(target, args=(world, work, place), nprocs=world)
        return seconds(json.loads(Path(place, "marks.json").read_text()))


def run(effort: Effort) -> list[Table]:
    """One table: windows per second of every way with one and two workers."""
    work = QUICK_WORK if effort.quick else Work()
    worlds = (1,) if effort.quick else (1, 2)
    rounds = min(effort.rounds, 3)
    cases = [(way, world) for _ in range(rounds) for world in worlds for way in WAYS]
    taken: dict[tuple[str, int], list[float]] = {}
    for case in progress(cases, "scaling"):
        taken.setdefault(case, []).append(epoch_seconds(*case, work))
    rates = {
        case: Series(tuple(work.windows / value for value in values))
        for case, values in taken.items()
    }
    rows: list[dict[str, Value]] = []
    for world in worlds:
        for way in WAYS:
            rate = rates[way, world]
            cost = (rates["our loop", world] / rate).scaled(100)
            rows.append(
                {
                    "workers": world,
                    "way": way,
                    "windows/s": rate,
                    "x one worker": rate / rates[way, 1],
                    "% of our loop's epoch": cost,
                }
            )
    note = (
        f"{work.config().name}, {work.frames} frames, width {work.width}, {work.windows} windows "
        f"an epoch in steps of {work.batch}; one thread a worker.\nEpochs after the first, each "
        "with its checkpoint (torch DDP: none). Ray's cost is its row's last column less\n100 "
        f"(goal: under {GOAL})."
    )
    return [Table("scaling", "Lifter training on workers", rows, note)]

"""What saturates first on eight H200 with 100 million frames: a calculation from rates measured
here, held to a training of a model that only sleeps."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.detectors import SETTINGS, forward_flops, write_images
from benchmarks.harness import Case, Effort, Table, Value, compare
from benchmarks.ingest import crop_rate, crops_on_ray
from benchmarks.lifters import window_flops
from benchmarks.synthetic import clip_set, write_clips
from gsam.clips import ClipSet
from gsam.detectors import build_detector
from gsam.lifters import LifterConfig, count_parameters
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.lifting import LiftingTask
from gsam.training.loop import fit
from gsam.training.order import Windows, epoch_order
from gsam.training.sampling import SampleOrder

__all__ = ["Machine", "Need", "run", "saturation"]

FRAMES = 100_000_000
BATCH = 8192
TRAIN_PER_FORWARD = 3
FLOAT = 4


@dataclass(frozen=True)
class Machine:
    """A server as its data sheets describe it. `share`: of the peak that training is assumed to
    reach; nothing here was measured on a GPU."""

    gpus: int = 8
    flops: float = 989e12  # bfloat16, dense
    share: float = 0.35
    memory: float = 141e9
    link: float = 450e9  # bytes/s between GPUs, each way
    cores: int = 112
    store: float = 12.5e9  # bytes/s, a network of 100 Gbit/s


@dataclass(frozen=True)
class Need:
    """What one sample of a training takes. flops: of a forward pass; parameters: of the network;
    crops: made per second and core (0: none); bytes: read per sample; ordered: samples per second
    that a process puts into the order of an epoch."""

    flops: float
    parameters: int
    crops: float
    bytes: float
    ordered: float


def saturation(need: Need, machine: Machine) -> dict[str, float]:
    """Seconds that each part of the machine works on an epoch of FRAMES samples: the longest one
    saturates first. `order` comes before the steps, all others run beside each other."""
    steps = FRAMES / BATCH
    ring = 2 * (machine.gpus - 1) / machine.gpus * need.parameters * FLOAT
    peak = machine.gpus * machine.flops * machine.share
    spare = machine.cores - machine.gpus
    return {
        "GPUs": FRAMES * TRAIN_PER_FORWARD * need.flops / peak,
        "gradients": steps * ring / machine.link,
        "crops": FRAMES / (need.crops * spare) if need.crops else 0.0,
        "store": FRAMES * need.bytes / machine.store,
        "order": FRAMES / need.ordered,
    }


class Sleeper(nn.Module):
    """Answers zeros after `seconds` per window."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.answer = nn.Parameter(torch.zeros(1, 1, 17, 3))

    def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
        """(B, T, J, 2) -> (B, 1, J, 3)."""
        if self.training:
            time.sleep(len(keypoints) * self.seconds)
        return self.answer.expand(len(keypoints), -1, -1, -1)


def simulated(clips: ClipSet, frames: int, seconds: float) -> float:
    """Seconds of an epoch, with a window around every frame, of a model that only sleeps."""
    marks: list[float] = []
    window_config = WindowConfig(stride=1, validation_windows=0, jitter=False)
    task = LiftingTask(clips, window_config, frames=frames, head="centre")
    recipe = TrainConfig(epochs=3, batch_size=BATCH, optimizer="sgd", blow_up=1e9)
    fit(Sleeper(seconds), task, recipe, seed=0, report=lambda _: marks.append(time.perf_counter()))
    return min(b - a for a, b in pairwise(marks))


def order_rate(clips: ClipSet, frames: int, effort: Effort) -> float:
    """Windows per second that a process puts into order."""
    windows = Windows(clips.bounds(range(len(clips))), frames, 1, "centre")

    def order(epochs: int) -> float:
        return sum(
            len(epoch_order(windows, seed=0, epoch=epoch, jitter=False, mirror=True))
            for epoch in range(epochs)
        )

    return compare([Case("order", order)], effort, "order")["order"].median


def sample_order_rate(people: int, effort: Effort) -> float:
    """People per second of a detector's epoch that one process of eight puts into order."""
    samples = SampleOrder((np.arange(people),), (1.0,), 0, BATCH, rank=0, world=8)

    def order(epochs: int) -> float:
        return sum(
            people * len(samples.slices(epoch)) / len(samples.cuts) for epoch in range(epochs)
        )

    return compare([Case("order", order)], effort, "order of people")["order"].median


def load_rate(effort: Effort) -> float:
    """Frames per second that a process reads from the clips' files."""
    with tempfile.TemporaryDirectory() as place:
        write_clips(Path(place), 200 if effort.quick else 20_000)

        def load(times: int) -> float:
            return sum(ClipSet.load(place, "train").num_frames for _ in range(times))

        return compare([Case("load", load)], effort, "load")["load"].median


def run(effort: Effort) -> list[Table]:
    """Two tables: hours per part and epoch; the calculation against the sleeping model."""
    machine = Machine()
    total = 20_000 if effort.quick else 2_000_000
    clips = clip_set(clips=total // 2_000, frames=2_000)
    rows, checks = [], []
    for frames in (27, 81):
        config = LifterConfig(name="gsam", frames=frames)
        ordered = order_rate(clips, frames, effort)
        need = Need(window_flops(config), count_parameters(config), 0.0, 0.0, ordered)
        rows.append(_row(f"lifter, {frames} frames, every frame", need, machine))
        checks.append(_checked(clips, frames, need, machine))
    setting = SETTINGS[0 if effort.quick else -1]
    with tempfile.TemporaryDirectory() as place, crops_on_ray():
        images = write_images(Path(place), 64 if effort.quick else 1024, setting.side)
        size = sum(file.stat().st_size for file in Path(place).glob("*.tar")) / len(images)
        crops = crop_rate(setting, images, effort).median
    network = build_detector(setting.config)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    ordered = sample_order_rate(total, effort)
    need = Need(forward_flops(setting.config), parameters, crops, size, ordered)
    rows.append(_row(f"detector, {setting.title}", need, machine))
    return [
        Table("capacity", "Eight H200, 100 million frames: minutes per epoch", rows, _note(effort)),
        Table("capacity_sleep", "One GPU's loop with a model that only sleeps", checks, _CHECKED),
    ]


def _row(name: str, need: Need, machine: Machine) -> dict[str, Value]:
    taken = saturation(need, machine)
    first = max(taken, key=lambda part: taken[part])
    minutes: dict[str, Value] = {part: value / 60 for part, value in taken.items()}
    return {"training": name, **minutes, "saturates first": first}


def _checked(clips: ClipSet, frames: int, need: Need, machine: Machine) -> dict[str, Value]:
    """The loop of one GPU of many, which takes all steps of a smaller epoch by itself."""
    window = TRAIN_PER_FORWARD * need.flops / (machine.flops * machine.share)
    expected = clips.num_frames * (window + 1 / need.ordered)
    found = simulated(clips, frames, window)
    return {
        "frames of a window": frames,
        "windows": clips.num_frames,
        "calculated, s": expected,
        "simulated, s": found,
        "simulated / calculated": found / expected,
    }


def _note(effort: Effort) -> str:
    machine = Machine()
    frame = (17 * 2 + 17 * 3) * FLOAT + 1
    held = FRAMES * frame
    load = FRAMES / load_rate(effort)
    return (
        f"Measured here: order, crops, bytes per picture, reading. From data sheets: the machine.\n"
        f"Assumed: training reaches {100 * machine.share:.0f} % of a GPU's bfloat16 peak. "
        "Parts work beside each other; order comes first.\n"
        f"All clips of a lifter: {held / 1e9:.0f} GB on each GPU of {machine.memory / 1e9:.0f}; "
        f"one process reads them once in {load / 60:.0f} minutes."
    )


_CHECKED = (
    "The project's own loop, order and gathering included, on a CPU; what it adds to sleeping and\n"
    "ordering is gathering windows, which a GPU does beside its network."
)

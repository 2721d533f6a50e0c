"""How fast training batches are made: gathered by index, and cut by a Python generator."""

from __future__ import annotations

import torch

from benchmarks.harness import Case, Effort, Table, Value, compare, ratios
from benchmarks.lifters import BATCH
from benchmarks.official import ChunkGenerator
from benchmarks.synthetic import clip_set
from gsam.clips import ClipSet
from gsam.training.batches import Gather
from gsam.training.order import Windows, epoch_order

__all__ = ["run"]

BATCH_SIZE = 1024


def gathered(clips: ClipSet, frames: int) -> Case:
    """Batches as training gathers them, half of the windows mirrored; the unit is a batch."""
    windows = Windows(clips.bounds(range(len(clips))), frames, 1, "centre")
    order = epoch_order(windows, seed=0, epoch=0, jitter=False, mirror=True)
    gather = Gather(clips, frames, "centre")
    batches = max(1, len(order) // BATCH_SIZE)

    def take(count: int) -> float:
        seen = 0
        for index in range(count):
            start = index % batches * BATCH_SIZE
            seen += len(gather(order.slice(start, start + BATCH_SIZE)).keypoints)
        return seen

    return Case(f"gathered {frames}", take)


def generated(clips: ClipSet, frames: int) -> Case:
    """The same windows by the generator, copied into float32 tensors as the official loop does."""
    parts = [clips.frames_of(clip) for clip in range(len(clips))]
    generator = ChunkGenerator(
        [clips.keypoints[part].numpy() for part in parts],
        [clips.targets[part].numpy() for part in parts],
        BATCH_SIZE,
        frames,
    )
    batches = generator.epoch()

    def take(count: int) -> float:
        nonlocal batches
        seen = 0
        while count:
            for poses, windows in batches:
                torch.from_numpy(poses.astype("float32"))
                seen += len(torch.from_numpy(windows.astype("float32")))
                count -= 1
                if not count:
                    return seen
            batches = generator.epoch()
        return seen

    return Case(f"generated {frames}", take)


def run(effort: Effort) -> list[Table]:
    """Windows put together per second."""
    clips = clip_set(2, 40) if effort.quick else clip_set(64, 286)
    rows: list[dict[str, Value]] = []
    for frames in BATCH:
        found = compare(
            [generated(clips, frames), gathered(clips, frames)], effort, f"windows, {frames} frames"
        )
        rows.append(
            {
                "frames": frames,
                "generator, windows/s": found[f"generated {frames}"],
                "gathered, windows/s": found[f"gathered {frames}"],
                "x generator": ratios(found, f"gathered {frames}", f"generated {frames}"),
            }
        )
    note = f"Batches of {BATCH_SIZE} windows, half of them mirrored, as float32 tensors."
    return [Table("windows", "Training windows", rows, note)]

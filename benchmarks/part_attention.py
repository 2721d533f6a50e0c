"""Part self-attention: memory and time against the matrix written out, and its share of a step.

    python -m benchmarks.part_attention NAME SIDE

is a measured process: one pass forwards and backwards over maps of SIDE x SIDE pixels, whose peak
memory beyond what the process had before it prints, in bytes.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.harness import Case, Effort, Series, Table, Value, compare, ratios
from gsam.meshes.build import build_mesh
from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.part_attention import PartAttention

__all__ = ["WrittenOut", "run"]

HEADS, WIDTH = 2, 16
SIDES = (56, 112)
SHARES = (1, 2, 4)
"""Numbers of heads that a whole training step is measured with."""

GOAL = 0.15
MB = 1e6
WARMUP = 8  # side of the maps that load every library before memory is measured


class WrittenOut(PartAttention):
    """The same module with A as a matrix of all pixels by all pixels, as the paper writes it."""

    def _attend(self, pixels: Tensor) -> Tensor:
        query, key, value = (
            vectors.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for vectors in (self.query(pixels), self.key(pixels), pixels)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) * self.width**-0.5, dim=-1)
        return (weights @ value).transpose(1, 2).flatten(2)


KINDS: dict[str, type[PartAttention]] = {"fused": PartAttention, "written out": WrittenOut}


def attention(kind: str, side: int) -> tuple[PartAttention, Tensor]:
    """A module whose heads all count, and maps for it."""
    torch.manual_seed(0)
    module = KINDS[kind](PARTS, WIDTH, HEADS)
    nn.init.normal_(module.mix)
    return module, torch.randn(1, PARTS, side, side, requires_grad=True)


def passes(kind: str, side: int) -> Case:
    """Passes forwards and backwards over the maps of one person."""
    module, maps = attention(kind, side)

    def work(units: int) -> float:
        for _ in range(units):
            module(maps).sum().backward()
        return units

    return Case(f"{kind} {side}", work)


def peak(kind: str, side: int) -> float:
    """Bytes that a pass in a fresh process takes at most, beyond what the process is itself."""
    command = [sys.executable, "-m", "benchmarks.part_attention", kind, str(side)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def step(heads: int, config: MeshConfig, batch: int) -> Case:
    """Training steps of PARE without data and loss: forwards, backwards, no optimiser."""
    torch.manual_seed(0)
    own = replace(config, attention_heads=heads, attention_width=WIDTH)
    model = build_mesh(own).train()
    images = torch.randn(batch, 3, config.size, config.size)
    images = images.to(memory_format=torch.channels_last)

    def work(units: int) -> float:
        for _ in range(units):
            model.zero_grad()
            found = model(images)
            total = found.rotations.sum() + found.shape.sum() + found.camera.sum()
            total.backward()
        return units * batch

    return Case(f"{heads} heads", work)


def run(effort: Effort) -> list[Table]:
    """One table for the module by itself, one for whole steps of PARE."""
    return [_alone(effort), _within(effort)]


def _alone(effort: Effort) -> Table:
    rows: list[dict[str, Value]] = []
    for side in (16,) if effort.quick else SIDES:
        found = compare([passes(kind, side) for kind in KINDS], effort, f"maps {side} x {side}")
        for kind in KINDS:
            rate = found[f"{kind} {side}"]
            rows.append(
                {
                    "maps": f"{side} x {side}",
                    "attention": kind,
                    "passes/s": rate,
                    "x written out": rate / found[f"written out {side}"],
                    "memory, MB": peak(kind, side) / MB,
                }
            )
    note = (
        f"Forwards and backwards, {HEADS} heads, keys of {WIDTH}, one person. Memory: the most\n"
        "that one pass in a fresh process takes beyond the process itself."
    )
    return Table("part_attention", "Part self-attention by itself", rows, note)


def _within(effort: Effort) -> Table:
    config = MeshConfig(size=224)
    if effort.quick:
        config = replace(
            config, size=64, channels=4, stem=4, bottlenecks=1, modules=(1, 1, 1), blocks=1
        )
    batch = 1 if effort.quick else 4
    heads = SHARES[:1] if effort.quick else SHARES
    found = compare([step(count, config, batch) for count in (0, *heads)], effort, "PARE steps")
    rows: list[dict[str, Value]] = [{"network": "PARE", "people/s": found["0 heads"]}]
    for count in heads:
        slower = ratios(found, "0 heads", f"{count} heads")
        rows.append(
            {
                "network": f"PARE, {count} heads",
                "people/s": found[f"{count} heads"],
                "more time, %": Series(tuple(100 * (times - 1) for times in slower.values)),
            }
        )
    side = config.size // 4
    note = (
        f"PARE-W32, maps of {side} x {side}, batches of {batch}, forwards and backwards without\n"
        f"data and optimiser; the goal is less than {GOAL:.0%} more time."
    )
    return Table("part_attention_share", "Part self-attention in a training step", rows, note)


def _measured(kind: str, side: int) -> None:
    """The measured process, see the module's documentation."""
    torch.set_num_threads(1)
    passes(kind, WARMUP).run(1)
    work = passes(kind, side)
    before = _most_memory()
    work.run(1)
    print(_most_memory() - before)


def _most_memory() -> int:
    """Bytes of memory that this process had at most; of it alone, unlike getrusage's number."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    _measured(sys.argv[1], int(sys.argv[2]))

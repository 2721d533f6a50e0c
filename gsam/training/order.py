"""Which windows an epoch trains on, and in what order: a function of the seed and the epoch alone.

Every rank has its own slice of each batch of the same order, so one worker or eight see the same
batches, and an interrupted run finds its place again from the number of the epoch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import torch

__all__ = ["Head", "Order", "Windows", "epoch_order", "fixed_order", "stream"]

Head = Literal["centre", "sequence"]


def stream(purpose: str, *numbers: int) -> int:
    """Seed of an independent random stream, the same on every machine and in every process."""
    text = ":".join([purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


@dataclass(frozen=True)
class Windows:
    """Windows of `frames` frames at every `stride`-th frame of clips given by their bounds.

    bounds (C, 2) int64: first frame of each clip and the one past its last.
    head: a `centre` window trains its middle frame, a `sequence` window all its frames in the clip.
    """

    bounds: torch.Tensor
    frames: int
    stride: int
    head: Head

    def starts(self, phases: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """First frame of every window (n,) and the clip that the window is of (n,).

        Without `phases` they are those of `gsam.windows.window_starts`: they cover the clip, the
        last one moved back to end with it. phases (C,) in 0 .. stride - 1 say instead where each
        clip's grid begins; nothing is moved then, and up to a stride at either end is left out.
        Every clip has a window. Windows around a centre, and those of clips shorter than a window
        (centred on the clip, as in scoring), reach beyond their clip.
        """
        first, length = self.bounds[:, 0], self.bounds[:, 1] - self.bounds[:, 0]
        origin, end = self._grid(length, phases)
        moved = self.head == "sequence" and phases is None and self.stride <= self.frames
        steps = (end - origin + (self.stride - 1 if moved else 0)) // self.stride
        clip = torch.repeat_interleave(torch.arange(len(first)), steps + 1)
        place = torch.arange(len(clip)) - ((steps + 1).cumsum(0) - steps - 1)[clip]
        starts = torch.minimum(origin[clip] + place * self.stride, end[clip])
        return first[clip] + starts, clip

    def _grid(
        self, length: torch.Tensor, phases: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """First and last possible start in each clip, relative to its first frame."""
        half = self.frames // 2
        if self.head == "centre":
            phase = torch.full_like(length, half % self.stride) if phases is None else phases
            return phase % length - half, length - 1 - half
        room = length - self.frames
        inside = room.clamp(min=0)
        phase = torch.zeros_like(length) if phases is None else phases % (inside + 1)
        padded = -(-room // 2)
        return torch.where(room < 0, padded, phase), torch.where(room < 0, padded, inside)


@dataclass(frozen=True)
class Order:
    """Windows in training order: first frame, bounds of the clip, mirrored or not; all (n,)."""

    starts: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    mirrored: torch.Tensor

    def __len__(self) -> int:
        return len(self.starts)

    def to(self, device: torch.device) -> Order:
        """The same on another device."""
        return Order(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def slice(self, start: int, stop: int, rank: int = 0, world: int = 1) -> Order:
        """Every `world`-th window from `start + rank` on, before `stop`."""
        part = slice(start + rank, stop, world)
        return Order(self.starts[part], self.first[part], self.last[part], self.mirrored[part])


def fixed_order(windows: Windows, limit: int) -> Order:
    """At most `limit` windows, evenly spread over those without a shift, none mirrored."""
    starts, clip = windows.starts()
    if len(starts) > limit:
        pick = torch.arange(limit) * len(starts) // limit
        starts, clip = starts[pick], clip[pick]
    return _order(windows, starts, clip, torch.zeros(len(starts), dtype=torch.bool))


def epoch_order(
    windows: Windows, *, seed: int, epoch: int, jitter: bool, mirror: bool, limit: int = 0
) -> Order:
    """The order of one epoch: grid phases, one global permutation and the mirrored half.

    limit: only the first so many windows of the permutation; 0: all.
    """
    generator = torch.Generator().manual_seed(stream("order", seed, epoch))
    phases = None
    if jitter:
        phases = torch.randint(windows.stride, (len(windows.bounds),), generator=generator)
    starts, clip = windows.starts(phases)
    permutation = torch.randperm(len(starts), generator=generator)
    mirrored = torch.rand(len(starts), generator=generator) < (0.5 if mirror else 0.0)
    if limit:
        permutation = permutation[:limit]
    return _order(windows, starts[permutation], clip[permutation], mirrored[permutation])


def _order(
    windows: Windows, starts: torch.Tensor, clip: torch.Tensor, mirrored: torch.Tensor
) -> Order:
    return Order(starts, windows.bounds[clip, 0], windows.bounds[clip, 1] - 1, mirrored)

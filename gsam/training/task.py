"""What the loop asks of the thing that is trained: its batches, its loss and how it is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from gsam.training.ranks import Ranks

__all__ = ["Checked", "CurveRow", "Epoch", "Loss", "Task", "shares"]

B = TypeVar("B")

CurveRow = dict[str, float | int | None]


@dataclass(frozen=True)
class Epoch(Generic[B]):
    """What one epoch trains on: `size` windows or people over all ranks, in `steps` batches;
    `batches` yields of each, in order, the slices of all ranks that this process runs."""

    size: int
    steps: int
    batches: Iterator[Sequence[B]]


@dataclass(frozen=True)
class Loss:
    """value: this rank's part of the batch's mean loss, to be differentiated. seen (2,): the sum
    of the reported error over this rank's examples and their number, without gradient."""

    value: torch.Tensor
    seen: torch.Tensor


@dataclass(frozen=True)
class Checked:
    """The error on the fixed examples, in the unit of the training error, and further measures of
    the validation curve by the name of their column."""

    error: float
    more: Mapping[str, float]


class Task(Protocol[B]):
    """One kind of training. Everything that a method returns follows from its arguments and the
    task's own settings, so that an interrupted training finds its place again from the epoch."""

    device: torch.device

    def reference(self, model: nn.Module) -> float:
        """The error of an answer that looks at no input: what divergence is measured against."""

    def epoch(self, *, seed: int, epoch: int, batch_size: int, ranks: Ranks) -> Epoch[B]:
        """The batches of an epoch (from 0): one global order, of which every rank takes its slice.

        A rank for which a batch has no example is given one without weight.
        """

    def inputs(self, batch: B) -> torch.Tensor:
        """What the model is called with."""

    def counts(self, batch: B) -> torch.Tensor:
        """What this rank's sums of losses are divided by, before the ranks' are added (n,)."""

    def loss(self, outputs: Any, batch: B, counts: torch.Tensor) -> Loss:
        """The loss of the model's answer; `counts` are those of all ranks together, over 0."""

    def check(self, model: nn.Module, batch_size: int) -> Checked:
        """The error on the fixed examples, the same for all processes; the model is in evaluation
        mode and without gradients."""

    def columns(self, error: float | None, checked: Checked | None) -> CurveRow:
        """The curve's columns beside `epoch` and `lr`; None where a number is not finite or, for
        those of `checked`, after a divergence."""


def shares(size: int, batch_size: int) -> list[tuple[int, int]]:
    """Start and stop of every batch of an epoch: as few as there can be, of equal sizes.

    A last batch of one example would be too small for batch normalisation.
    """
    steps = -(-size // batch_size)
    return [(size * i // steps, size * (i + 1) // steps) for i in range(steps)]

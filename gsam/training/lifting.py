"""Lifting as a training task: windows of resident clips, MPJPE, whole takes held out."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from gsam.clips import ClipSet
from gsam.training.batches import Batch, Gather, batch_errors, pair_weight
from gsam.training.config import WindowConfig
from gsam.training.holdout import held_out
from gsam.training.order import Head, Order, Windows, epoch_order, fixed_order
from gsam.training.ranks import Ranks
from gsam.training.task import Checked, CurveRow, Epoch, Loss, shares

__all__ = ["LiftingTask", "mean_pose_error"]

PROBED_WINDOWS = 32
CHECKED_AT_ONCE = 256


class LiftingTask:
    """Trains (B, frames, J, 2) -> (B, 1, J, 3) with the `centre` head, (B, frames, J, 3) with
    `sequence`; errors are in metres."""

    def __init__(self, clips: ClipSet, config: WindowConfig, *, frames: int, head: Head) -> None:
        """The clips decide the device; `frames` is the length of a window."""
        self.config, self.device = config, clips.device
        self.gather = Gather(clips, frames, head)
        self.motion = config.velocity_weight > 0 and head == "sequence"
        trained, validated = held_out(clips, config.validation_windows)
        self.windows = Windows(clips.bounds(trained), frames, config.stride, head)
        # Where no take is held out, some windows that are trained on show at least a divergence.
        self.validated = bool(validated)
        shown = Windows(clips.bounds(validated or trained), frames, frames, head)
        limit = config.validation_windows if validated else PROBED_WINDOWS
        self.fixed = fixed_order(shown, limit).to(self.device)
        self.mean_pose = mean_pose_error(clips, self.windows.bounds)

    def reference(self, model: nn.Module) -> float:
        """The mean pose's error."""
        return self.mean_pose

    def epoch(self, *, seed: int, epoch: int, batch_size: int, ranks: Ranks) -> Epoch[Batch]:
        """Windows in an order that follows from seed and epoch."""
        order = epoch_order(
            self.windows,
            seed=seed,
            epoch=epoch,
            jitter=self.config.jitter,
            mirror=self.config.mirror,
            limit=self.config.epoch_windows,
        ).to(self.device)
        cuts = shares(len(order), batch_size)
        return Epoch(len(order), len(cuts), self._batches(order, cuts, ranks))

    def _batches(
        self, order: Order, cuts: list[tuple[int, int]], ranks: Ranks
    ) -> Iterator[list[Batch]]:
        """The slices of this process's ranks."""
        for start, stop in cuts:
            yield [self._slice(order, start, stop, rank, ranks.world) for rank in ranks.mine]

    def _slice(self, order: Order, start: int, stop: int, rank: int, world: int) -> Batch:
        """One rank's part of a batch; a window without weight where it has none for it."""
        mine = order.slice(start, stop, rank, world)
        if len(mine):
            return self.gather(mine)
        spare = self.gather(order.slice(start, start + 1))
        return Batch(spare.keypoints, spare.target, torch.zeros_like(spare.weight))

    def inputs(self, batch: Batch) -> torch.Tensor:
        """The keypoints."""
        return batch.keypoints

    def counts(self, batch: Batch) -> torch.Tensor:
        """Supervised frames and, where motion counts, pairs of them."""
        weights = [batch.weight.sum()]
        if self.motion:
            weights.append(pair_weight(batch.weight).sum())
        return torch.stack(weights)

    def loss(self, outputs: torch.Tensor, batch: Batch, counts: torch.Tensor) -> Loss:
        """MPJPE over supervised frames and, where motion counts, that of their differences."""
        position, velocity = batch_errors(outputs, batch, motion=self.motion)
        value = position / counts[0]
        if velocity is not None:
            value = value + self.config.velocity_weight * velocity / counts[1]
        return Loss(value, torch.stack([position.detach(), batch.weight.sum()]))

    def check(self, model: nn.Module, batch_size: int) -> Checked:
        """Mean error on the fixed windows: those of held-out takes if there are any."""
        seen = torch.zeros(2, device=self.device)
        size = max(1, min(batch_size, CHECKED_AT_ONCE))
        for start in range(0, len(self.fixed), size):
            batch = self.gather(self.fixed.slice(start, min(start + size, len(self.fixed))))
            seen[0] += batch_errors(model(batch.keypoints), batch)[0]
            seen[1] += batch.weight.sum()
        return Checked(float(seen[0] / seen[1].clamp(min=1)), {})

    def columns(self, error: float | None, checked: Checked | None) -> CurveRow:
        """Errors in millimetres."""
        shown = checked is not None and self.validated
        return {
            "train_loss_mm": None if error is None else 1000 * error,
            "val_mpjpe_mm": 1000 * checked.error if shown and checked else None,
        }


def mean_pose_error(clips: ClipSet, bounds: torch.Tensor) -> float:
    """MPJPE in metres of always predicting the mean pose of the clips in `bounds` (C, 2), on them.

    A model above a multiple of it knows less than nothing.
    """
    frames = torch.cat([torch.arange(int(a), int(b)) for a, b in bounds]).to(clips.device)
    targets = clips.targets[frames]
    error = torch.linalg.vector_norm(targets - targets.mean(dim=0), dim=-1).mean()
    return float(error)

"""The training loop: pure PyTorch, for one process or many, resumable to the same bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gsam.clips import ClipSet
from gsam.errors import DataError
from gsam.training.batches import Batch, Gather, batch_errors, pair_weight
from gsam.training.checkpoint import Keeper, State
from gsam.training.config import TrainConfig
from gsam.training.divergence import diverged, mean_pose_error
from gsam.training.holdout import held_out
from gsam.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from gsam.training.order import Head, Order, Windows, epoch_order, fixed_order, stream
from gsam.training.precision import autocast, numerics
from gsam.training.ranks import Ranks

__all__ = ["Outcome", "fit"]

# Steps between looks at the loss: each makes a GPU wait, and none is lost time for long.
STEPS_PER_LOOK = 64

_RESULT = ("status", "diverged_epoch", "curve", "windows")

PROBED_WINDOWS = 32

CurveRow = dict[str, float | int | None]


@dataclass(frozen=True)
class Outcome:
    """What training ended with: `status` ok or diverged (then in which epoch, from 1), the weights
    of the last good epoch on the CPU, the curve (epoch, lr in its middle, train_loss_mm,
    val_mpjpe_mm) of every epoch, and the number of windows trained on."""

    status: str
    diverged_epoch: int | None
    weights: dict[str, torch.Tensor]
    curve: list[CurveRow]
    windows: int

    @classmethod
    def from_state(cls, state: State) -> Outcome:
        """From the last checkpoint of a finished training."""
        return cls(**{"weights": state["model"], **{key: state[key] for key in _RESULT}})


def fit(
    model: nn.Module,
    clips: ClipSet,
    config: TrainConfig,
    *,
    frames: int,
    head: Head,
    seed: int,
    keeper: Keeper | None = None,
    report: Callable[[CurveRow], None] | None = None,
) -> Outcome:
    """Train `model` in place on the device of `clips`, from the newest checkpoint if there is one.

    Args:
        model: (B, frames, J, 2) -> (B, 1, J, 3) with the `centre` head, (B, frames, J, 3) with
            `sequence`.
        frames: window length.
        seed: decides order, mirroring and dropout; the model brings its own initial weights.
        keeper: where checkpoints are; none are made without one.
        report: called with each epoch's row of the curve.

    Raises:
        DataError: a checkpoint belongs to another training.
    """
    devices = [clips.device] if clips.device.type == "cuda" else []
    with torch.random.fork_rng(devices), numerics(config.precision, config.deterministic):
        return _Fit(model, clips, config, frames, head, seed, keeper, report).run()


class _Fit:
    """One training: everything a checkpoint holds, and what follows from clips and recipe."""

    def __init__(
        self,
        model: nn.Module,
        clips: ClipSet,
        config: TrainConfig,
        frames: int,
        head: Head,
        seed: int,
        keeper: Keeper | None,
        report: Callable[[CurveRow], None] | None,
    ) -> None:
        self.config, self.seed, self.keeper, self.report = config, seed, keeper, report
        self.ranks = Ranks()
        self.device = clips.device
        self.model = model.to(self.device)
        self.stepped = torch.compile(self.model) if config.compile else self.model
        self.parameters = list(model.parameters())
        self.optimiser = build_optimiser(model, config)
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
        self.epoch = 0
        self.status = "ok"
        self.diverged_epoch: int | None = None
        self.curve: list[CurveRow] = []
        self.losses: list[float] = []
        self.seen = 0
        torch.manual_seed(stream("dropout", seed, self.ranks.rank))

    def run(self) -> Outcome:
        state = self.keeper.load() if self.keeper else None
        if state is not None:
            self._restore(state)
        saved = time.monotonic()
        while self.epoch < self.config.epochs and self.status == "ok":
            good = {name: value.clone() for name, value in self.model.state_dict().items()}
            self._epoch(good)
            if self.report:
                self.report(self.curve[-1])
            finished = self.epoch == self.config.epochs or self.status != "ok"
            due = finished or time.monotonic() - saved >= self.config.checkpoint_seconds
            if self.keeper and self.ranks.agreed(due):
                self.keeper.save(self.epoch, self._state())
                saved = time.monotonic()
        return Outcome.from_state(self._state())

    def _epoch(self, good: dict[str, torch.Tensor]) -> None:
        """Train one epoch and judge it; `good` are the weights to return to when it went astray."""
        rate = learning_rate(self.config, self.epoch, 0.5)
        loss = self._train()
        self.ranks.copy_buffers(self.model)
        self.epoch += 1
        row: CurveRow = {
            "epoch": self.epoch,
            "lr": rate,
            "train_loss_mm": 1000 * loss if math.isfinite(loss) else None,
            "val_mpjpe_mm": None,
        }
        self.losses.append(loss)
        checked = self._check()
        if diverged(self.model, self.losses, checked, self.config, self.mean_pose):
            self.status, self.diverged_epoch = "diverged", self.epoch
            self.model.load_state_dict(good)
        elif self.validated:
            row["val_mpjpe_mm"] = 1000 * checked
        self.curve.append(row)

    def _train(self) -> float:
        """All steps of one epoch; the mean error (m) of supervised frames, each at its step."""
        config, ranks = self.config, self.ranks
        order = epoch_order(
            self.windows,
            seed=self.seed,
            epoch=self.epoch,
            jitter=config.jitter,
            mirror=config.mirror,
            limit=config.epoch_windows,
        ).to(self.device)
        steps = -(-len(order) // config.batch_size)
        self.seen += len(order)
        seen = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.model.train()
        for step in range(steps):
            # The middle of the step, so that neither warm-up nor cosine wastes one at a rate of 0.
            rate = learning_rate(config, self.epoch, (step + 0.5) / steps)
            set_learning_rate(self.optimiser, rate)
            # Equal shares: a last batch of one window would be too small for batch normalisation.
            start, stop = (len(order) * i // steps for i in (step, step + 1))
            seen += self._step(self._batch(order, start, stop))
            if step % STEPS_PER_LOOK == 0 and not math.isfinite(float(ranks.total(seen)[0])):
                break
        error, count = ranks.total(seen).tolist()
        return error / count if count else math.nan

    def _batch(self, order: Order, start: int, stop: int) -> Batch:
        """This process's slice of a batch; a window without weight if the batch has none for it."""
        mine = order.slice(start, stop, self.ranks.rank, self.ranks.world)
        if len(mine):
            return self.gather(mine)
        spare = self.gather(order.slice(start, start + 1))
        return Batch(spare.keypoints, spare.target, torch.zeros_like(spare.weight))

    def _step(self, batch: Batch) -> torch.Tensor:
        """One optimiser step; sum of errors over this process's supervised frames, their number."""
        weights = [batch.weight.sum()]
        if self.motion:
            weights.append(pair_weight(batch.weight).sum())
        mine = torch.stack(weights)
        counts = self.ranks.total(mine).clamp(min=1)
        with autocast(self.config.precision, self.device):
            predicted = self.stepped(batch.keypoints)
        position, velocity = batch_errors(predicted, batch, motion=self.motion)
        loss = position / counts[0]
        if velocity is not None:
            loss = loss + self.config.velocity_weight * velocity / counts[1]
        loss.backward()
        self.ranks.total_gradients(self.parameters)
        if self.config.clip_grad:
            nn.utils.clip_grad_norm_(self.parameters, self.config.clip_grad)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return torch.stack([position.detach(), mine[0]])

    @torch.no_grad()
    def _check(self) -> float:
        """Mean error in metres on the fixed windows: those of held-out takes if there are any."""
        order = self.fixed
        self.model.eval()
        seen = torch.zeros(2, device=self.device)
        size = max(1, min(self.config.batch_size, 256))
        for start in range(0, len(order), size):
            batch = self.gather(order.slice(start, min(start + size, len(order))))
            seen[0] += batch_errors(self.model(batch.keypoints), batch)[0]
            seen[1] += batch.weight.sum()
        return float(seen[0] / seen[1].clamp(min=1))

    def _state(self) -> State:
        """Everything that the rest of the training depends on."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "order": {"seed": self.seed, "epoch": self.epoch},
            "epoch": self.epoch,
            "model": {name: value.cpu() for name, value in self.model.state_dict().items()},
            "optimiser": self.optimiser.state_dict(),
            "generators": self.ranks.gathered({"cpu": torch.get_rng_state(), "cuda": cuda}),
            "curve": self.curve,
            "losses": self.losses,
            "windows": self.seen,
            "status": self.status,
            "diverged_epoch": self.diverged_epoch,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        found = state["order"]["seed"], len(state["generators"])
        if found != (self.seed, self.ranks.world):
            raise DataError(
                f"checkpoint of seed {found[0]} with {found[1]} workers, "
                f"expected seed {self.seed} with {self.ranks.world}"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch, self.curve, self.seen = state["epoch"], state["curve"], state["windows"]
        self.losses = state["losses"]
        self.status, self.diverged_epoch = state["status"], state["diverged_epoch"]
        generators = state["generators"][self.ranks.rank]
        torch.set_rng_state(generators["cpu"])
        if generators["cuda"] is not None:
            torch.cuda.set_rng_state(generators["cuda"], self.device)

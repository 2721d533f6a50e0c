"""The training loop: pure PyTorch, for one process or many, resumable to the same bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from gsam.errors import DataError
from gsam.training.checkpoint import Keeper, State
from gsam.training.config import TrainConfig
from gsam.training.divergence import diverged
from gsam.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from gsam.training.order import stream
from gsam.training.precision import autocast, numerics
from gsam.training.ranks import Ranks
from gsam.training.task import CurveRow, Task

__all__ = ["Outcome", "fit"]

# Steps between looks at the loss: each makes a GPU wait, and none is lost time for long.
STEPS_PER_LOOK = 64

_RESULT = ("status", "diverged_epoch", "curve", "seen")

B = TypeVar("B")


@dataclass(frozen=True)
class Outcome:
    """What training ended with: `status` ok or diverged (then in which epoch, from 1), the weights
    of the last good epoch on the CPU, the curve of every epoch (epoch, lr in its middle, then the
    task's columns), and the number of windows or people trained on."""

    status: str
    diverged_epoch: int | None
    weights: dict[str, torch.Tensor]
    curve: list[CurveRow]
    seen: int

    @classmethod
    def from_state(cls, state: State) -> Outcome:
        """From the last checkpoint of a finished training."""
        return cls(**{"weights": state["model"], **{key: state[key] for key in _RESULT}})


def fit(
    model: nn.Module,
    task: Task[B],
    config: TrainConfig,
    *,
    seed: int,
    keeper: Keeper | None = None,
    report: Callable[[CurveRow], None] | None = None,
) -> Outcome:
    """Train `model` in place on the task's device, from the newest checkpoint if there is one.

    Args:
        model: brings its own initial weights.
        task: what it is trained on and judged by.
        seed: decides the order of examples, what is done to them, and dropout.
        keeper: where checkpoints are; none are made without one.
        report: called with each epoch's row of the curve.

    Raises:
        DataError: a checkpoint belongs to another training, or an example cannot be read.
    """
    devices = [task.device] if task.device.type == "cuda" else []
    with torch.random.fork_rng(devices), numerics(config.precision, config.deterministic):
        return _Fit(model, task, config, seed, keeper, report).run()


class _Fit(Generic[B]):
    """One training: everything a checkpoint holds, and what follows from task and recipe."""

    def __init__(
        self,
        model: nn.Module,
        task: Task[B],
        config: TrainConfig,
        seed: int,
        keeper: Keeper | None,
        report: Callable[[CurveRow], None] | None,
    ) -> None:
        self.task, self.config, self.seed = task, config, seed
        self.keeper, self.report = keeper, report
        self.ranks = Ranks()
        self.device = task.device
        self.model = model.to(self.device)
        if config.compile:
            # Tells the compiler's back end too, which `numerics` leaves unloaded.
            torch.use_deterministic_algorithms(config.deterministic)
        self.stepped = torch.compile(self.model) if config.compile else self.model
        self.parameters = list(model.parameters())
        self.optimiser = build_optimiser(model, config)
        self.model.eval()
        with torch.no_grad():
            self.reference = task.reference(self.model)
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
        self.losses.append(loss)
        self.model.eval()
        with torch.no_grad():
            checked = self.task.check(self.model, self.config.batch_size)
        astray = diverged(self.model, self.losses, checked.error, self.config, self.reference)
        if astray:
            self.status, self.diverged_epoch = "diverged", self.epoch
            self.model.load_state_dict(good)
        shown = loss if math.isfinite(loss) else None
        columns = self.task.columns(shown, None if astray else checked)
        self.curve.append({"epoch": self.epoch, "lr": rate, **columns})

    def _train(self) -> float:
        """All steps of one epoch; the mean error of its examples, each at its step."""
        config, ranks = self.config, self.ranks
        epoch = self.task.epoch(
            seed=self.seed, epoch=self.epoch, batch_size=config.batch_size, ranks=ranks
        )
        self.seen += epoch.size
        seen = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.model.train()
        for step, batch in enumerate(epoch.batches):
            # The middle of the step, so that neither warm-up nor cosine wastes one at a rate of 0.
            rate = learning_rate(config, self.epoch, (step + 0.5) / epoch.steps)
            set_learning_rate(self.optimiser, rate)
            seen += self._step(batch)
            if step % STEPS_PER_LOOK == 0 and not math.isfinite(float(ranks.total(seen)[0])):
                break
        error, count = ranks.total(seen).tolist()
        return error / count if count else math.nan

    def _step(self, batch: B) -> torch.Tensor:
        """One optimiser step; sum of errors over this process's examples, their number."""
        counts = self.ranks.total(self.task.counts(batch)).clamp(min=1)
        with autocast(self.config.precision, self.device):
            outputs = self.stepped(self.task.inputs(batch))
        loss = self.task.loss(outputs, batch, counts)
        loss.value.backward()
        self.ranks.total_gradients(self.parameters)
        if self.config.clip_grad:
            nn.utils.clip_grad_norm_(self.parameters, self.config.clip_grad)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.seen

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
            "seen": self.seen,
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
        self.epoch, self.curve, self.seen = state["epoch"], state["curve"], state["seen"]
        self.losses = state["losses"]
        self.status, self.diverged_epoch = state["status"], state["diverged_epoch"]
        generators = state["generators"][self.ranks.rank]
        torch.set_rng_state(generators["cpu"])
        if generators["cuda"] is not None:
            torch.cuda.set_rng_state(generators["cuda"], self.device)

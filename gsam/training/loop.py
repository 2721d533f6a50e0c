"""The training loop: pure PyTorch, for one process or many, resumable to the same bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from gsam.errors import DataError
from gsam.training.checkpoint import Keeper, State
from gsam.training.config import TrainConfig
from gsam.training.divergence import diverged
from gsam.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from gsam.training.precision import autocast, numerics
from gsam.training.ranks import Ranks
from gsam.training.task import CurveRow, Task
from gsam.training.turns import Turns

__all__ = ["Outcome", "fit"]

# Steps between looks at the loss: each makes a GPU wait, and none is lost time for long.
STEPS_PER_LOOK = 64

_RESULT = ("status", "diverged_epoch", "curve", "seen")

B = TypeVar("B")


@dataclass(frozen=True)
class Outcome:
    """What training ended with: `status` ok or diverged (then in which epoch, from 1), the weights
    of the last good epoch on the CPU, the curve of every epoch (epoch, lr in its middle, then the
    task's columns), the number of windows or people trained on, and of processes in every epoch."""

    status: str
    diverged_epoch: int | None
    weights: dict[str, torch.Tensor]
    curve: list[CurveRow]
    seen: int
    processes: tuple[int, ...]

    @classmethod
    def from_state(cls, state: State) -> Outcome:
        """From the last checkpoint of a finished training."""
        result = {key: state[key] for key in _RESULT}
        return cls(weights=state["model"], processes=tuple(state["processes"]), **result)


def fit(
    model: nn.Module,
    task: Task[B],
    config: TrainConfig,
    *,
    seed: int,
    workers: int | None = None,
    keeper: Keeper | None = None,
    report: Callable[[CurveRow], None] | None = None,
) -> Outcome:
    """Train `model` in place on the task's device, from the newest checkpoint if there is one.

    Args:
        model: brings its own initial weights.
        task: what it is trained on and judged by.
        seed: decides the order of examples, what is done to them, and dropout.
        workers: ranks that share every batch, the same from the first epoch to the last, however
            many processes of `torch.distributed` run them; by default as many as there are now.
        keeper: where checkpoints are; none are made without one.
        report: called with each epoch's row of the curve.

    Raises:
        ConfigError: there are more processes than workers.
        DataError: a checkpoint belongs to another training, or an example cannot be read.
    """
    ranks = Ranks(workers)
    devices = [task.device] if task.device.type == "cuda" else []
    with torch.random.fork_rng(devices), numerics(config.precision, config.deterministic):
        return _Fit(model, task, config, seed, ranks, keeper, report).run()


class _Fit(Generic[B]):
    """One training: everything a checkpoint holds, and what follows from task and recipe."""

    def __init__(
        self,
        model: nn.Module,
        task: Task[B],
        config: TrainConfig,
        seed: int,
        ranks: Ranks,
        keeper: Keeper | None,
        report: Callable[[CurveRow], None] | None,
    ) -> None:
        self.task, self.config, self.seed = task, config, seed
        self.ranks, self.keeper, self.report = ranks, keeper, report
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
        self.processes: list[int] = []
        self.turns = Turns(self.model, ranks.mine, seed, self.device)

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
        self.processes.append(self.ranks.processes)
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
        seen = [torch.zeros(2, dtype=torch.float64, device=self.device) for _ in ranks.mine]
        self.model.train()
        for step, batches in enumerate(epoch.batches):
            # The middle of the step, so that neither warm-up nor cosine wastes one at a rate of 0.
            rate = learning_rate(config, self.epoch, (step + 0.5) / epoch.steps)
            set_learning_rate(self.optimiser, rate)
            self._step(batches, seen)
            if step % STEPS_PER_LOOK == 0 and not math.isfinite(float(ranks.total(seen)[0])):
                break
        error, count = ranks.total(seen).tolist()
        return error / count if count else math.nan

    def _step(self, batches: Sequence[B], seen: Sequence[torch.Tensor]) -> None:
        """One optimiser step; adds to each rank's `seen` the sum of its examples' errors and their
        number."""
        counts = self.ranks.total([self.task.counts(batch) for batch in batches]).clamp(min=1)
        for batch, total in zip(self.turns.of(batches), seen, strict=True):
            total.add_(self._learn(batch, counts))
        self.ranks.total_gradients(self.parameters)
        if self.config.clip_grad:
            nn.utils.clip_grad_norm_(self.parameters, self.config.clip_grad)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def _learn(self, batch: B, counts: torch.Tensor) -> torch.Tensor:
        """Add the gradients of one rank's slice to those that are there."""
        with autocast(self.config.precision, self.device):
            outputs = self.stepped(self.task.inputs(batch))
        loss = self.task.loss(outputs, batch, counts)
        loss.value.backward()
        return loss.seen

    def _state(self) -> State:
        """Everything that the rest of the training depends on."""
        return {
            "order": {"seed": self.seed, "epoch": self.epoch},
            "epoch": self.epoch,
            "model": {name: value.cpu() for name, value in self.model.state_dict().items()},
            "optimiser": self.optimiser.state_dict(),
            "generators": self.ranks.gathered(self.turns.generators()),
            "processes": self.processes,
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
        self.processes = state["processes"]
        self.turns.restore([state["generators"][rank] for rank in self.ranks.mine])

"""What becomes of a training on Ray when a worker or a node fails; imported where Ray is.

Ray Train starts the workers again, as many as there is room for. This decides when not to: an error
that a user has to mend ends the training at once, and so do failures without progress in between,
and a cluster that has had no room for a single worker for a while.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.data._internal.cluster_autoscaler.default_autoscaling_coordinator import (
    get_or_create_autoscaling_coordinator,
)
from ray.train.v2._internal.execution.callback import ControllerCallback, ReportCallback
from ray.train.v2._internal.execution.controller.state import (
    InitializingState,
    ReschedulingState,
    RestartingState,
    RunningState,
)
from ray.train.v2.api.exceptions import ControllerError, TrainingFailedError, WorkerGroupError

from gsam.errors import DataError, GsamError
from pipelines.store_errors import store_problem

__all__ = ["Watch", "expected_error", "first_line", "restore_record"]

FAILURES = 5
"""As many in a row, without a checkpoint in between, and the training has failed."""
PAUSE_S = 0.2

_RECORD = "checkpoint_manager_snapshot.json"
_WHOLE = f"{_RECORD}.whole"


class Watch(ControllerCallback, ReportCallback):
    """Runs in Ray Train's controller, on the driver's node."""

    def __init__(self, needs: Mapping[str, float], patience_s: float, folder: Path | None) -> None:
        """
        Args:
            needs: resources of one worker.
            patience_s: how long to wait for a node with room for one worker.
            folder: of the run's checkpoints, if it is local.
        """
        self.needs, self.patience_s, self.folder = needs, patience_s, folder
        self.failures = 0
        self.room_seen = time.monotonic()

    def after_report(self, training_report: Any, metrics: Any) -> None:
        """There was progress; Ray has just written its record of checkpoints."""
        self.failures = 0
        if self.folder and (self.folder / _RECORD).exists():
            shutil.copyfile(self.folder / _RECORD, self.folder / _WHOLE)

    def after_controller_state_update(self, previous_state: Any, current_state: Any) -> None:
        """Called in every turn of the controller, several times a second.

        Raises:
            GsamError: the training is to end.
        """
        if isinstance(current_state, RunningState):
            self.room_seen = time.monotonic()
            return
        changed = current_state is not previous_state
        if changed and isinstance(current_state, RestartingState):
            self._failed(current_state.training_failed_error)
        if changed and isinstance(current_state, RestartingState | ReschedulingState):
            _count_again()
        if isinstance(current_state, InitializingState | RestartingState | ReschedulingState):
            self._wait()

    def _failed(self, error: TrainingFailedError) -> None:
        expected = expected_error(error)
        if expected:
            raise expected
        self.failures += 1
        if self.failures >= FAILURES:
            raise DataError(
                f"failed {self.failures} times without a checkpoint in between: {first_line(error)}"
            )

    def _wait(self) -> None:
        """Waiting for one's turn has no end, waiting for a node to come has one."""
        if any(_has_room(node, self.needs) for node in ray.nodes()):
            self.room_seen = time.monotonic()
        elif time.monotonic() - self.room_seen > self.patience_s:
            needs = ", ".join(f"{amount:g} {name}" for name, amount in self.needs.items())
            raise DataError(
                f"no node with room for a training worker ({needs}) for {self.patience_s:.0f} s"
            )
        time.sleep(PAUSE_S)


def _count_again() -> None:
    """Have Ray look now at the nodes there are: of itself it does so every 20 s, and until then
    plans with one that is lost."""
    coordinator = get_or_create_autoscaling_coordinator()
    with suppress(ray.exceptions.RayError, TimeoutError):
        ray.get(coordinator.get_reserved_resources.remote("", recompute=True), timeout=5)


def _has_room(node: Mapping[str, Any], needs: Mapping[str, float]) -> bool:
    """Whether a worker would fit on a node that does nothing else."""
    has = node["Resources"]
    return node["Alive"] and all(has.get(name, 0) >= amount for name, amount in needs.items())


def expected_error(error: TrainingFailedError) -> GsamError | None:
    """The error among a training's that a user can mend, if there is one: it comes first, whatever
    else it has made fail."""
    if isinstance(error, ControllerError):
        # Ray itself writes to the storage too.
        problem = store_problem(error.controller_failure, "run storage")
        if problem:
            return problem
    return next((one for one in _failures(error) if isinstance(one, GsamError)), None)


def first_line(error: TrainingFailedError) -> str:
    """What failed first, in a line: of an error on a worker its cause, which ends Ray's text."""
    shown = next(iter(_failures(error)), error)
    lines = str(shown).strip().splitlines() or [type(shown).__name__]
    return lines[-1 if isinstance(shown, ray.exceptions.RayTaskError) else 0][:300]


def _failures(error: TrainingFailedError) -> list[Exception]:
    if isinstance(error, WorkerGroupError):
        return list(error.worker_failures.values())
    return [error.controller_failure] if isinstance(error, ControllerError) else []


def restore_record(folder: Path) -> None:
    """Mend Ray's record of a run's checkpoints in a local folder, where a kill has cut it off: the
    one before names checkpoints that are still there."""
    record, whole = folder / _RECORD, folder / _WHOLE
    if not record.exists() or _is_json(record):
        return
    if whole.exists() and _is_json(whole):
        shutil.copyfile(whole, record)
    else:
        record.unlink()


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True

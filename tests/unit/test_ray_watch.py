"""When a training on Ray is given up, and that a node's loss alone is no reason."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from ray.train.v2._internal.execution.controller.state import (
    InitializingState,
    RestartingState,
    RunningState,
)
from ray.train.v2.api.exceptions import ControllerError, TrainingFailedError, WorkerGroupError

from gsam.errors import ConfigError, DataError
from pipelines import ray_watch
from pipelines.ray_watch import FAILURES, Watch, expected_error, first_line, restore_record

LOST = WorkerGroupError("lost", {1: RuntimeError("the actor died\nmore"), 0: OSError("reset")})


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The nodes that Ray has."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(ray_watch.ray, "nodes", lambda: found)
    monkeypatch.setattr(ray_watch, "PAUSE_S", 0.0)
    monkeypatch.setattr(ray_watch, "_count_again", lambda: None)
    return found


def node(alive: bool = True, **has: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": has}


def fail(watch: Watch, error: TrainingFailedError) -> None:
    watch.after_controller_state_update(RunningState(), RestartingState(error))


def test_a_users_error_ends_the_training_at_once(nodes: list[dict[str, Any]]) -> None:
    error = WorkerGroupError("two", {0: OSError("reset"), 1: DataError("a.jpg: truncated")})
    with pytest.raises(DataError, match=r"a\.jpg: truncated"):
        fail(Watch({"CPU": 1}, 60, None), error)
    # The driver finds it again in what Ray makes of it.
    assert str(expected_error(ControllerError(ConfigError("no bucket")))) == "no bucket"
    assert expected_error(LOST) is None and first_line(LOST) == "the actor died"


def test_losses_are_counted_from_the_last_checkpoint(nodes: list[dict[str, Any]]) -> None:
    nodes.append(node(CPU=1.0))
    watch = Watch({"CPU": 1}, 60, None)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            fail(watch, LOST)
        watch.after_report(None, [])
    for _ in range(FAILURES - 1):
        fail(watch, LOST)
    with pytest.raises(DataError, match=f"failed {FAILURES} times .* the actor died$"):
        fail(watch, LOST)


def test_one_loss_is_counted_once_however_long_it_takes(nodes: list[dict[str, Any]]) -> None:
    nodes.append(node(CPU=1.0))
    watch, state = Watch({"CPU": 1}, 60, None), RestartingState(LOST)
    watch.after_controller_state_update(RunningState(), state)
    for _ in range(20):
        watch.after_controller_state_update(state, state)
    assert watch.failures == 1


@pytest.mark.parametrize("left", [[], [node(alive=False, CPU=8.0)], [node(CPU=8.0)]])
def test_no_room_for_a_single_worker_ends_in_an_error(
    nodes: list[dict[str, Any]], left: list[dict[str, Any]]
) -> None:
    nodes.extend(left)
    watch, state = Watch({"CPU": 1.0, "GPU": 1.0}, 0.05, None), InitializingState()
    with pytest.raises(DataError, match=r"no node with room for .* \(1 CPU, 1 GPU\) for 0 s"):
        for _ in range(10_000_000):
            watch.after_controller_state_update(state, state)


def test_waiting_for_ones_turn_has_no_end(nodes: list[dict[str, Any]]) -> None:
    nodes.append(node(CPU=8.0, GPU=1.0))
    watch, state = Watch({"CPU": 1.0, "GPU": 1.0}, 0.0, None), InitializingState()
    for _ in range(100):
        watch.after_controller_state_update(state, state)


@pytest.mark.parametrize("cut", ["", '{"checkpoint_results": [{"chec'])
def test_a_record_that_a_kill_cut_off_is_mended(tmp_path: Path, cut: str) -> None:
    record = tmp_path / "checkpoint_manager_snapshot.json"
    restore_record(tmp_path)
    record.write_text(json.dumps({"latest": 3}))
    Watch({"CPU": 1}, 60, tmp_path).after_report(None, [])
    restore_record(tmp_path)
    assert json.loads(record.read_text()) == {"latest": 3}
    record.write_text(cut)
    restore_record(tmp_path)
    assert json.loads(record.read_text()) == {"latest": 3}
    (tmp_path / "checkpoint_manager_snapshot.json.whole").unlink()
    record.write_text(cut)
    restore_record(tmp_path)
    assert not record.exists()

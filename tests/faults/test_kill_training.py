"""SIGKILL at any instant: run again, training ends with the bits that it would have ended with."""

import random
import time
from pathlib import Path

import pytest

from gsam.storage import digest
from tests.workspaces import (
    kill_when,
    make_workspace,
    newest_epoch,
    run_stage,
    with_training,
    write_run,
)

RUN = with_training(epochs=60, batch_size=4)
WEIGHTS = "models/lifter/tiny/seed0.safetensors"
CURVE = "results/runs/tiny/curve.csv"


def result(folder: Path) -> tuple[str, str]:
    return digest(folder / WEIGHTS), digest(folder / CURVE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, float]:
    """A finished training, and how long its process took."""
    folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), RUN)
    start = time.monotonic()
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    return folder, time.monotonic() - start


def kill_after(folder: Path, epoch: int, delay: float) -> bool:
    """Kill the training `delay` seconds after a checkpoint of at least that epoch is there."""
    return kill_when(folder, "train_lifter", "tiny", lambda: newest_epoch(folder) >= epoch, delay)


def test_a_training_killed_again_and_again_ends_with_the_same_bits(tmp_path, undisturbed) -> None:
    folder = make_workspace(tmp_path, RUN)
    instants = random.Random(7)
    killed = 0
    for epoch in (0, 9, 20, 33, 47):
        killed += kill_after(folder, epoch + instants.randrange(6), instants.random() * 0.05)
    assert killed == 5
    # No half-written out, whatever the instant.
    assert not (folder / WEIGHTS).exists() and not (folder / CURVE).exists()
    epoch = newest_epoch(folder)
    assert epoch >= 40
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    assert result(folder) == result(undisturbed[0])
    assert not list((folder / ".gsam" / "runs").glob("*"))


def test_a_changed_recipe_starts_afresh(tmp_path) -> None:
    folder = make_workspace(tmp_path / "a", RUN)
    assert kill_after(folder, 5, 0.0)
    left = set((folder / ".gsam" / "runs").iterdir())
    changed = with_training(epochs=3, lr=0.0005)
    write_run(folder, changed)
    assert run_stage(folder, "train_lifter", "tiny").returncode == 0
    assert set((folder / ".gsam" / "runs").iterdir()) == left
    fresh = make_workspace(tmp_path / "b", changed)
    assert run_stage(fresh, "train_lifter", "tiny").returncode == 0
    assert result(folder) == result(fresh)


def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path, undisturbed) -> None:
    folder = make_workspace(tmp_path, RUN)
    assert kill_after(folder, 30, 0.0)
    newest = max((folder / ".gsam" / "runs").glob("*/[0-9]*.ckpt"))
    newest.write_bytes(newest.read_bytes()[:-100])
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0
    assert f"{newest.name}: damaged checkpoint, falling back" in done.stderr
    assert result(folder) == result(undisturbed[0])

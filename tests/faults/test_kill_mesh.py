"""A mesh regressor's training, killed at any instant and run again, ends with the bits of one that
ran through: the mixture of sources and what is done to every sample follow from seed and epoch."""

import random
from pathlib import Path

import pytest

from gsam.storage import digest
from tests.mesh_workspaces import make_workspace, with_training
from tests.workspaces import kill_when, newest_epoch, run_stage

RUN = with_training(epochs=24)
OUTS = (
    "models/mesh/tiny/seed0.safetensors",
    "results/meshes/tiny/curve.csv",
    "results/meshes/tiny/train.json",
)


def kill_after(folder: Path, epoch: int, delay: float) -> bool:
    """Kill the training `delay` seconds after a checkpoint of at least that epoch is there."""
    return kill_when(folder, "train_mesh", "tiny", lambda: newest_epoch(folder) >= epoch, delay)


@pytest.mark.slow
def test_a_regressor_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path) -> None:
    undisturbed, folder = (make_workspace(tmp_path / name, RUN) for name in "ab")
    assert run_stage(undisturbed, "train_mesh", "tiny").returncode == 0
    instants = random.Random(4)
    for epoch in (0, 5, 13):
        assert kill_after(folder, epoch + instants.randrange(4), instants.random() * 0.2)
        assert not any((folder / name).exists() for name in OUTS)
    assert newest_epoch(folder) >= 13
    done = run_stage(folder, "train_mesh", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    for name in OUTS:
        assert digest(folder / name) == digest(undisturbed / name)
    assert not any((folder / ".gsam" / "runs").iterdir())

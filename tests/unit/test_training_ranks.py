"""One process or two see the same batches: their losses and weights agree to rounding."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from gsam.clips import ClipSet
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.lifting import LiftingTask
from gsam.training.loop import Outcome, fit
from tests.synthetic_clips import write_clips

LIFTER = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence")
# Batches of up to 7 do not always divide into two equal slices.
# SGD, because Adam makes a step of full size out of the rounding of a gradient that should be zero.
CONFIG = TrainConfig(epochs=3, batch_size=7, optimizer="sgd", lr=0.01, clip_grad=1.0)
WINDOWS = WindowConfig(stride=9, velocity_weight=0.5)


# The second case leaves one rank without any window.
BATCH_SIZES = (7, 1)


def train(folder: Path) -> list[Outcome]:
    clips = ClipSet.load(folder, "train")
    outcomes = []
    for batch_size in BATCH_SIZES:
        torch.manual_seed(0)
        config = replace(CONFIG, batch_size=batch_size)
        model = build_lifter(LIFTER)
        task = LiftingTask(clips, WINDOWS, frames=9, head="sequence")
        outcomes.append(fit(model, task, config, seed=0))
    return outcomes


def worker(rank: int, world: int, folder: Path, out: Path) -> None:
    torch.set_num_threads(1)
    rendezvous = f"file://{out / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=world)
    kept = [{"curve": outcome.curve, "weights": outcome.weights} for outcome in train(folder)]
    torch.save(kept, out / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_ranks_train_like_one(tmp_path) -> None:
    folder = write_clips(tmp_path / "clips", subjects=("S1",), frames=(59, 32))
    mp.spawn(worker, (2, folder, tmp_path), nprocs=2)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for first, second, alone in zip(*ranks, train(folder), strict=True):
        for name, value in alone.weights.items():
            assert torch.equal(first["weights"][name], second["weights"][name])
            torch.testing.assert_close(first["weights"][name], value, rtol=1e-4, atol=1e-6)
        for row, expected in zip(first["curve"], alone.curve, strict=True):
            assert row["train_loss_mm"] == pytest.approx(expected["train_loss_mm"], rel=1e-6)

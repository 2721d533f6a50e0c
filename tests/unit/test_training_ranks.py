"""As many ranks as a training is planned for, however many processes run them: the same batches,
dropout and statistics; losses and weights agree to rounding, those of two ranks to the bit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from gsam.clips import ClipSet
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import CheckpointFolder
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.initial import fresh
from gsam.training.lifting import LiftingTask
from gsam.training.loop import Outcome, fit
from gsam.training.ranks import Ranks
from tests.synthetic_clips import write_clips
from tests.unit.test_training import Stopped, StoppingFolder, same

LIFTER = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence")
# Batches of up to 7 do not always divide into equal slices.
# SGD, because Adam makes a step of full size out of the rounding of a gradient that should be zero.
CONFIG = TrainConfig(
    epochs=3, batch_size=7, optimizer="sgd", lr=0.01, clip_grad=1.0, checkpoint_seconds=0
)
WINDOWS = WindowConfig(stride=9, velocity_weight=0.5)

# The second leaves ranks without any window.
BATCH_SIZES = (7, 1)

Kept = list[dict[str, Any]]


class Normed(nn.Module):
    """Everything that one rank could do to another: dropout and running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.widen, self.norm = nn.Linear(2, 16), nn.BatchNorm1d(16)
        self.drop, self.tell = nn.Dropout(0.3), nn.Linear(16, 3)

    def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
        wide = self.norm(self.widen(keypoints).flatten(0, 2)).relu()
        return self.tell(self.drop(wide)).view(*keypoints.shape[:3], 3)


def one(folder: Path, config: TrainConfig, model: nn.Module | None = None, **more: Any) -> Outcome:
    clips = ClipSet.load(folder, "train")
    task = LiftingTask(clips, WINDOWS, frames=9, head="sequence")
    return fit(model or fresh(Normed, 0), task, config, seed=0, **more)


def trained(folder: Path, workers: int) -> list[Outcome]:
    """One without, two with randomness and statistics."""
    plain = fresh(lambda: build_lifter(LIFTER), 0)
    return [
        one(folder, CONFIG, plain, workers=workers),
        *(one(folder, replace(CONFIG, batch_size=n), workers=workers) for n in BATCH_SIZES),
    ]


def kept(outcomes: list[Outcome]) -> Kept:
    names = ("curve", "weights", "processes")
    return [{name: getattr(outcome, name) for name in names} for outcome in outcomes]


@contextmanager
def group(out: Path, name: str, process: int, processes: int) -> Iterator[None]:
    torch.set_num_threads(1)
    rendezvous = f"file://{out / name}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=process, world_size=processes)
    try:
        yield
    finally:
        dist.destroy_process_group()


def pair(process: int, folder: Path, out: Path) -> None:
    """What one of two processes does for `two`."""
    with group(out, "rendezvous", process, 2):
        found = {f"of {workers}": kept(trained(folder, workers)) for workers in (2, 4)}
        with pytest.raises(ConfigError, match="workers = 1: training in 2 processes, expected 2"):
            one(folder, CONFIG, workers=1)
        keeper = StoppingFolder(out / f"lost{process}", 2)
        with pytest.raises(Stopped):
            one(folder, CONFIG, workers=2, keeper=keeper)
        back = CheckpointFolder(out / f"alone{process}")
        found["back"] = kept([one(folder, CONFIG, workers=2, keeper=back)])
    torch.save(found, out / f"{process}.pt")


def several(process: int, processes: int, folder: Path, out: Path) -> None:
    with group(out, f"rendezvous{processes}", process, processes):
        torch.save(kept(trained(folder, 4)), out / f"{process}-of-{processes}.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("clips")
    return write_clips(where, subjects=("S1",), frames=(59, 32))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, list[Any]]:
    """What two processes found, and where they and one alone left unfinished trainings."""
    out = tmp_path_factory.mktemp("two")
    for process in range(2):  # each process reads its own, where one alone stopped after an epoch
        with pytest.raises(Stopped):
            one(folder, CONFIG, workers=2, keeper=StoppingFolder(out / f"alone{process}", 1))
    mp.spawn(pair, (folder, out), nprocs=2)
    return out, [torch.load(out / f"{process}.pt", weights_only=True) for process in range(2)]


def agree(first: Kept, second: Kept) -> None:
    """To rounding."""
    for one_of, other in zip(first, second, strict=True):
        for row, expected in zip(one_of["curve"], other["curve"], strict=True):
            assert row["train_loss_mm"] == pytest.approx(expected["train_loss_mm"], rel=1e-5)
        for name, value in other["weights"].items():
            torch.testing.assert_close(one_of["weights"][name], value, rtol=1e-4, atol=1e-6)


def equal(first: Kept, second: Kept) -> bool:
    return all(
        one_of["curve"] == other["curve"]
        and all(torch.equal(v, other["weights"][name]) for name, v in one_of["weights"].items())
        for one_of, other in zip(first, second, strict=True)
    )


def test_two_ranks_train_like_one_where_nothing_is_random(two, folder: Path) -> None:
    """Batches are the same: gradients of slices add up to those of whole batches."""
    agree(two[1][0]["of 2"][:1], kept(trained(folder, 1))[:1])


def test_two_ranks_in_two_processes_or_one_are_the_same_bits(two, folder: Path) -> None:
    first, second = (found["of 2"] for found in two[1])
    assert equal(first, second)  # every process ends with the first one's running statistics
    alone = kept(trained(folder, 2))
    assert equal(first, alone)
    assert [found["processes"] for found in first] == [(2, 2, 2)] * 3
    assert [found["processes"] for found in alone] == [(1, 1, 1)] * 3
    # Each rank drops its own: two are not one, and do not share a generator.
    assert not equal(first[1:], kept(trained(folder, 1))[1:])


def test_four_ranks_in_two_processes_or_one_agree(two, folder: Path) -> None:
    first, second = (found["of 4"] for found in two[1])
    assert equal(first, second)
    agree(first, kept(trained(folder, 4)))


def test_processes_come_and_go_between_epochs(two, folder: Path) -> None:
    out, found = two
    whole = one(folder, CONFIG, workers=2)
    after_a_loss = one(folder, CONFIG, workers=2, keeper=CheckpointFolder(out / "lost0"))
    assert same(whole, after_a_loss) and after_a_loss.processes == (2, 2, 1)
    assert found[0]["back"][0]["processes"] == (1, 2, 2)
    assert equal(found[0]["back"], kept([whole])) and equal(found[1]["back"], kept([whole]))


def test_a_checkpoint_of_other_ranks_is_refused(folder: Path, tmp_path: Path) -> None:
    one(folder, CONFIG, workers=2, keeper=CheckpointFolder(tmp_path))
    with pytest.raises(DataError, match="seed 0 with 2 workers, expected seed 0 with 3"):
        one(folder, CONFIG, workers=3, keeper=CheckpointFolder(tmp_path))


def test_ranks_resume_to_the_same_bits(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        one(folder, CONFIG, workers=3, keeper=StoppingFolder(tmp_path, 2))
    resumed = one(folder, CONFIG, workers=3, keeper=CheckpointFolder(tmp_path))
    assert same(one(folder, CONFIG, workers=3), resumed)


def test_ranks_that_go_astray_are_a_divergence(folder: Path) -> None:
    outcome = one(folder, replace(CONFIG, lr=1e9, clip_grad=0.0), workers=3)
    assert (outcome.status, outcome.diverged_epoch, outcome.processes) == ("diverged", 1, (1,))
    untrained = fresh(Normed, 0).state_dict()
    assert all(torch.equal(untrained[name], value) for name, value in outcome.weights.items())


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_sums_of_ranks_are_those_of_their_batch(folder: Path, precision) -> None:
    recipe = replace(CONFIG, precision=precision)
    losses = [
        one(folder, recipe, fresh(lambda: build_lifter(LIFTER), 0), workers=workers).curve
        for workers in (1, 3)
    ]
    for row, expected in zip(*losses, strict=True):
        close = 1e-5 if precision == "float32" else 1e-2
        assert row["train_loss_mm"] == pytest.approx(expected["train_loss_mm"], rel=close)


def test_every_rank_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    for processes in range(1, 6):
        monkeypatch.setattr(dist, "get_world_size", partial(int, processes))
        mine = []
        for process in range(processes):
            monkeypatch.setattr(dist, "get_rank", partial(int, process))
            mine.append(list(Ranks(5).mine))
        assert sorted(chain(*mine)) == list(range(5)) and mine[0][0] == 0
    monkeypatch.setattr(dist, "get_world_size", partial(int, 6))
    with pytest.raises(ConfigError, match="workers = 5: training in 6 processes, expected 6"):
        Ranks(5)
    assert Ranks().world == 6


@pytest.mark.slow
@pytest.mark.parametrize("processes", [3, 4])
def test_four_ranks_in_more_processes_agree(processes: int, folder: Path, tmp_path: Path) -> None:
    mp.spawn(several, (processes, folder, tmp_path), nprocs=processes)
    found = [
        torch.load(tmp_path / f"{process}-of-{processes}.pt", weights_only=True)
        for process in range(processes)
    ]
    assert all(equal(found[0], other) for other in found[1:])
    agree(found[0], kept(trained(folder, 4)))

"""Training and scoring on Ray: the same numbers as in one process, also when a worker is killed."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.lifters import LifterConfig
from gsam.training.loop import Outcome
from gsam.weights import save_network
from pipelines.evaluate import score_clips
from pipelines.object_store import delete_tree
from pipelines.run_storage import RunStorage
from pipelines.runtime import quiet_ray
from pipelines.train_lifter import train_lifter
from tests.synthetic_clips import write_clips
from tests.workspaces import RUN, with_training

TWO_WORKERS = {**with_training(optimizer="sgd", lr=0.01), "workers": 2}
TWO_WORKERS["lifter"] = {**RUN["lifter"], "dropout": 0.0}


@pytest.fixture(scope="module")
def ray_running() -> Iterator[None]:
    with quiet_ray(num_cpus=3):
        yield


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def storage_root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GSAM_RUN_STORAGE", str(tmp_path))
    return tmp_path


def train(run: dict[str, Any], folder: Path) -> Outcome:
    training = ClipSet.load(folder, "train")
    storage = RunStorage(run, 0, training.data_hash)
    return train_lifter(run, folder, training, 0, storage, lambda row: None)


def losses(outcome: Outcome) -> list[float | int | None]:
    return [row["train_loss_mm"] for row in outcome.curve]


def test_two_ray_workers_train_like_one_process(ray_running, storage_root, clips) -> None:
    together = train(TWO_WORKERS, clips)
    alone = train({**TWO_WORKERS, "workers": 0}, clips)
    assert losses(together) == pytest.approx(losses(alone), rel=1e-6)
    for name, value in alone.weights.items():
        torch.testing.assert_close(together.weights[name], value, rtol=1e-4, atol=1e-6)
    # Finished: a second start reads the result instead of training again.
    again = train(TWO_WORKERS, clips)
    assert all(torch.equal(again.weights[name], value) for name, value in together.weights.items())
    training = ClipSet.load(clips, "train")
    storage = RunStorage(TWO_WORKERS, 0, training.data_hash)
    assert Path(storage.location).is_dir()
    delete_tree(storage.location)
    assert not Path(storage.location).exists()


def test_actors_score_like_one_process(ray_running, storage_root, clips, tmp_path) -> None:
    outcome = train({**TWO_WORKERS, "workers": 0}, clips)
    path = tmp_path / "weights.safetensors"
    save_network(path, outcome.weights, build(LifterConfig, TWO_WORKERS["lifter"], "lifter"), {})
    testing = ClipSet.load(clips, "test")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in an actor: sums split over more threads round differently
    try:
        alone = score_clips(path, clips, testing, flip_test=True, workers=0)
    finally:
        torch.set_num_threads(threads)
    assert score_clips(path, clips, testing, flip_test=True, workers=2) == alone


def train_workers() -> list[int]:
    """Ray Train's worker processes that this process's cluster started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
                ours = is_ours(int(entry.name))
            except OSError:
                continue
            if title.startswith(b"ray::RayTrainWorker") and ours:
                found.append(int(entry.name))
    return found


def is_ours(process: int) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        process = int(fields[1])
    return False


@pytest.mark.slow
def test_a_killed_ray_worker_costs_time_and_nothing_else(ray_running, storage_root, clips) -> None:
    run = {**TWO_WORKERS, "train": {**TWO_WORKERS["train"], "epochs": 40}}
    killed: list[int] = []

    def kill_one() -> None:
        for _ in range(6000):
            if len(list(storage_root.glob("*/checkpoint_*"))) and (workers := train_workers()):
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    disturbed = train(run, clips)
    killer.join()
    assert killed
    delete_tree(RunStorage(run, 0, ClipSet.load(clips, "train").data_hash).location)
    undisturbed = train(run, clips)
    assert disturbed.curve == undisturbed.curve
    for name, value in undisturbed.weights.items():
        assert torch.equal(disturbed.weights[name], value)

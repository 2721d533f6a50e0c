"""Training on a Ray cluster of two nodes: who is lost is done without, and errors end at once."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gsam.errors import DataError
from gsam.training.loop import Outcome
from pipelines.ray_train import fit_on_ray
from pipelines.runtime import quiet_ray

pytestmark = pytest.mark.slow

EPOCHS = 12
RECOVERED_S = 60.0
"""What a lost node may cost."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes with room for one worker each, and this process their driver."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    both = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    monkeypatch.setenv("RAY_ADDRESS", both.address)
    with quiet_ray():
        yield both
    both.shutdown()


def work(settings: dict[str, Any]) -> None:
    """Epochs that only sleep and meet; says in a file what it does."""
    import torch
    from torch import distributed as dist

    from pipelines.ray_train import RayKeeper

    keeper = RayKeeper()
    begun = {"epoch": 0, "model": {}, "status": "ok", "diverged_epoch": None, "curve": []}
    state = keeper.load() or {**begun, "seen": 0, "processes": []}
    world = dist.get_world_size() if dist.is_initialized() else 1
    with open(settings["log"], "a") as log:
        while state["epoch"] < EPOCHS:
            time.sleep(0.3)
            if world > 1:
                dist.all_reduce(torch.ones(1))
            if state["epoch"] == settings["damaged"] and dist.get_rank() == world - 1:
                raise DataError("a.jpg: truncated JPEG")
            state["epoch"] += 1
            state["processes"].append(world)
            keeper.save(state["epoch"], state)
            log.write(f"{state['epoch']} {world} {time.monotonic()}\n")
            log.flush()


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def train(folder: Path, damaged: int = -1) -> Outcome:
    settings = {"log": str(folder / "log"), "damaged": damaged}
    root = str(folder / "runs")
    return fit_on_ray(work, settings, reads=[], workers=2, name="sleeper", root=root)


def test_a_node_that_stays_away_is_done_without(cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1)
    found: list[Outcome] = []
    training = Thread(target=lambda: found.append(train(tmp_path)))
    training.start()
    log = tmp_path / "log"
    while training.is_alive() and not any(epoch == "3" for epoch, *_ in lines(log)):
        time.sleep(0.05)
    lost = time.monotonic()
    cluster.remove_node(node, allow_graceful=False)
    training.join()
    (outcome,) = found
    assert len(outcome.processes) == EPOCHS
    assert set(outcome.processes[:3]) == {2} and outcome.processes[-1] == 1
    alone = next(float(at) for _, world, at in lines(log) if world == "1")
    assert alone - lost < RECOVERED_S
    # The probe of the storage is gone, and the files by which one goes on are there.
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["sleeper"]


def test_a_users_error_on_a_node_is_the_trainings_and_is_not_tried_again(
    cluster: Any, tmp_path: Path
) -> None:
    cluster.add_node(num_cpus=1)
    with pytest.raises(DataError, match=r"^sleeper: a\.jpg: truncated JPEG$"):
        train(tmp_path, damaged=2)
    epochs = [int(epoch) for epoch, *_ in lines(tmp_path / "log")]
    assert sorted(epochs) == [1, 1, 2, 2]

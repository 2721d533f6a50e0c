"""Machines that fail during a training: networks, processes and disks of their own, power cuts."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from tests.cluster_rig import Rig, packed_code
from tests.faults.drills import lifter_bytes, note, nothing_half_written
from tests.workspaces import REPOSITORY, make_workspace, run_stage, with_training

pytestmark = [pytest.mark.drill, pytest.mark.slow]

EPOCHS = 100
RUN = {**with_training(epochs=EPOCHS), "workers": 2}
WEIGHTS = "models/lifter/tiny/seed0.safetensors"
WAIT_S = 15
LIMIT_S = 300


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig(hidden=[REPOSITORY]) as started:
        started.start_head()
        started.start_node()
        print(f"\n{started.kind}")
        yield started


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_code(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by two workers on a Ray of this machine."""
    folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), RUN)
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    return folder


class Training:
    """A training as a job of the rig, in a folder of the head's disk."""

    def __init__(self, rig: Rig, code: Path, folder: Path, runs: Path, **variables: str) -> None:
        self.runs, self.seen = runs, set[str]()
        self.fault = time.monotonic()
        self.job: subprocess.Popen[str] = rig.submit(
            ["python", "-m", "stages.train_lifter", "tiny"], code, folder,
            GSAM_RUN_STORAGE=str(runs), **variables,
        )  # fmt: skip

    def checkpoints(self) -> int:
        """So many were there up to now, as far as this has looked."""
        self.seen |= {path.name for path in self.runs.glob("*/checkpoint_*")}
        return len(self.seen)

    def until(self, ready: Callable[[], bool]) -> float:
        """Wait for an instant; seconds since the fault."""
        end = time.monotonic() + LIMIT_S
        while not ready():
            assert self.job.poll() is None, self.job.communicate()[0]
            assert time.monotonic() < end, "the instant did not come"
            time.sleep(0.02)
        return time.monotonic() - self.fault

    def end(self) -> tuple[int, str, float]:
        """Exit code, output, seconds since the fault."""
        output, _ = self.job.communicate(timeout=LIMIT_S)
        return self.job.returncode, output, time.monotonic() - self.fault

    def lose_node(self, rig: Rig) -> float:
        """Cut the second node's power in the middle; seconds until there is a new checkpoint."""
        self.until(lambda: self.checkpoints() >= 8)
        assert rig.nodes["second"].processes("ray::RayTrainWorker"), "no worker on the node"
        rig.nodes["second"].lose()
        self.fault = time.monotonic()
        time.sleep(1.0)
        known = self.checkpoints()
        return self.until(lambda: self.checkpoints() > known)


def compared(folder: Path, undisturbed: Path) -> str:
    """Whether the bytes are the undisturbed training's; at least the numbers must be."""
    if lifter_bytes(folder) == lifter_bytes(undisturbed):
        return "yes"
    mine, theirs = load_file(folder / WEIGHTS), load_file(undisturbed / WEIGHTS)
    for name, value in theirs.items():
        assert_close(mine[name], value, rtol=1e-3, atol=1e-5)
    return "but for rounding"


def summary(output: str) -> str:
    """The stage's own line."""
    return next(line for line in output.splitlines() if line.startswith("train_lifter@tiny"))


def test_a_storage_that_is_not_shared(rig: Rig, code: Path) -> None:
    if not rig.isolated:
        pytest.skip(f"nodes share a disk here: {rig.kind}")
    folder = make_workspace(rig.work / "not_shared", RUN)
    training = Training(rig, code, folder, rig.work / "runs")
    status, output, seconds = training.end()
    assert status == 1
    address = rig.nodes["second"].address
    assert f"is not shared: node {address} does not see it; set GSAM_STORE" in summary(output)
    assert training.checkpoints() == 0 and nothing_half_written(folder)
    note("storage not shared", "before training", "one line names the node; exit 1", seconds, "-")


def test_a_node_that_is_lost_and_returns(rig: Rig, code: Path, undisturbed: Path) -> None:
    folder = make_workspace(rig.work / "returns", RUN)
    training = Training(rig, code, folder, rig.shared / "returns")
    onward = training.lose_node(rig)
    rig.start_node(wait=False)
    status, output, seconds = training.end()
    assert status == 0, output
    same = compared(folder, undisturbed)
    print(summary(output))
    note(
        "node lost, returns",
        f"after 8 checkpoints of {EPOCHS}",
        f"trains on after {onward:.0f} s with what is left; exit 0",
        seconds,
        same,
    )


def test_a_node_that_is_lost_and_stays_away(rig: Rig, code: Path, undisturbed: Path) -> None:
    rig.await_nodes(2)
    folder = make_workspace(rig.work / "away", RUN)
    training = Training(rig, code, folder, rig.shared / "away")
    onward = training.lose_node(rig)
    assert onward < 90, f"stood still for {onward:.0f} s"
    status, output, seconds = training.end()
    assert status == 0, output
    assert "with 1 of 2 workers from epoch" in summary(output), output
    same = compared(folder, undisturbed)
    print(summary(output))
    note(
        "node lost, stays away",
        f"after 8 checkpoints of {EPOCHS}",
        f"trains on after {onward:.0f} s with 1 of 2 workers and says so; exit 0",
        seconds,
        same,
    )


def test_a_node_that_never_comes(code: Path) -> None:
    """A head without room for a worker: a clear error after the stated time."""
    with Rig(hidden=[REPOSITORY]) as rig:
        rig.start_head(cpus=0)
        folder = make_workspace(rig.work / "never", RUN)
        training = Training(rig, code, folder, rig.shared / "never", GSAM_NODE_WAIT=str(WAIT_S))
        status, output, seconds = training.end()
    assert status == 1
    assert f"no node with room for a training worker (1 CPU) for {WAIT_S} s" in summary(output)
    note("node never comes", "from the start", f"one line after {WAIT_S} s; exit 1", seconds, "-")


def test_a_node_that_never_comes_is_not_needed(rig: Rig, code: Path, undisturbed: Path) -> None:
    """One node of two: a smaller training, and the output says so."""
    if os.environ.get("GSAM_TEST_RIG") != "loopback":
        rig.await_nodes(1)
    folder = make_workspace(rig.work / "smaller", RUN)
    status, output, seconds = Training(rig, code, folder, rig.shared / "smaller").end()
    assert status == 0, output
    assert "with 1 of 2 workers" in summary(output), output
    same = compared(folder, undisturbed)
    note(
        "second node never comes", "from the start", "trains with 1 of 2 workers and says so",
        seconds, same,
    )  # fmt: skip

"""Two machines train one lifter: by `ray job submit`, one worker on each, and as one would."""

import csv
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.cluster_rig import Rig, packed_code
from tests.workspaces import REPOSITORY, RUN, make_workspace, run_stage, with_training

EPOCHS = 4


def recipe(workers: int) -> dict[str, Any]:
    """A run that gives the same numbers for any number of workers but for rounding."""
    run = with_training(optimizer="sgd", lr=0.01, epochs=EPOCHS)
    return {**run, "workers": workers, "lifter": {**RUN["lifter"], "dropout": 0.0}}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig(hidden=[REPOSITORY]) as started:
        started.start_head()
        started.start_node()
        print(f"\n{started.kind}")
        yield started


class Watch(threading.Thread):
    """Sees on which nodes training workers run at the same time."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self.rig, self.together, self.ended = rig, set[str](), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            nodes = list(self.rig.nodes.values())
            busy = {n.name for n in nodes if n.processes("ray::RayTrainWorker")}
            if len(busy) > len(self.together):
                self.together = busy


def submit(rig: Rig, code: Path, work: Path, *command: str) -> tuple[int, str]:
    """Run a command as a job on the rig; exit code and output."""
    job = rig.submit(
        command,
        code,
        work,
        GSAM_RUN_STORAGE=str(rig.shared / "runs"),
    )
    output, _ = job.communicate(timeout=120)
    return job.returncode, output


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "results/runs/tiny/curve.csv").open() as file:
        return list(csv.DictReader(file))


def test_two_machines_train_like_one_process(rig: Rig, tmp_path: Path) -> None:
    work = make_workspace(rig.work / "training", recipe(2))
    alone = make_workspace(tmp_path / "alone", recipe(0))
    watch = Watch(rig)
    watch.start()
    start = time.monotonic()
    code, output = submit(
        rig, packed_code(tmp_path / "code"), work, "python", "-m", "stages.train_lifter", "tiny"
    )
    print(f"submitted, trained and read in {time.monotonic() - start:.1f} s")
    watch.ended.set()
    assert code == 0, output
    assert watch.together == {"head", "second"}, output
    done = run_stage(alone, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr

    # The same batches: the same number of examples, at the same rates, with the same errors.
    records = [
        json.loads((f / "results/runs/tiny/train.json").read_text())["seeds"]["0"]
        for f in (work, alone)
    ]
    assert records[0]["status"] == records[1]["status"] == "ok"
    rows, expected = curve(work), curve(alone)
    assert len(rows) == len(expected) == EPOCHS
    for row, wanted in zip(rows, expected, strict=True):
        assert row.keys() == wanted.keys()
        for name, value in wanted.items():
            assert float(row[name] or 0) == pytest.approx(float(value or 0), rel=1e-5), name
    weights = "models/lifter/tiny/seed0.safetensors"
    mine, theirs = load_file(work / weights), load_file(alone / weights)
    for name, value in theirs.items():
        torch.testing.assert_close(mine[name], value, rtol=1e-4, atol=1e-6)

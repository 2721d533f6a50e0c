"""What a stage costs beside its work: a training of one step, without Ray and by Ray Train."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Effort, Series, Table, Value
from benchmarks.synthetic import write_clips
from gsam.lifters import LifterConfig
from gsam.storage import write_json
from stages.common import PLAN, progress

__all__ = ["one_step_run", "run", "write_project"]

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
GOAL_SECONDS = 8.0
FRAMES = 9

# What a start cannot be faster than: the interpreter with torch, which every training needs.
FLOOR = [sys.executable, "-c", "import torch"]


def one_step_run(workers: int) -> dict[str, object]:
    """The smallest training there is, as `stages.plan` would resolve it."""
    lifter = LifterConfig(name="poseformer", frames=FRAMES, width=8, depth=1, heads=2).as_dict()
    return {
        "name": f"workers{workers}",
        "data": "synthetic",
        "scale": "smoke",
        "keypoints": "gt",
        "frames": FRAMES,
        "stride": FRAMES,
        "lifter": lifter,
        "full_lifter": lifter,
        "train": {"epochs": 1, "batch_size": 8},
        "windows": {"epoch_windows": 8, "stride": FRAMES},
        "seeds": [0],
        "workers": workers,
    }


def write_project(folder: Path) -> None:
    """A folder in which `stages.train_lifter` finds its clips and its runs."""
    write_clips(folder / "data" / "clips" / "gt", frames=4 * FRAMES)
    for workers in (0, 1):
        run = one_step_run(workers)
        write_json(folder / PLAN / "runs" / f"{run['name']}.json", run)


def run(effort: Effort) -> list[Table]:
    """Seconds of the whole process, the ways taking turns."""
    rounds = 1 if effort.quick else min(effort.rounds, ROUNDS)
    stage = [sys.executable, "-m", "stages.train_lifter"]
    commands = {
        "import torch": FLOOR,
        "train_lifter": [*stage, "workers0"],
        "train_lifter by Ray Train": [*stage, "workers1"],
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as place:
        write_project(Path(place))
        for name in progress([n for _ in range(rounds) for n in commands], "startup"):
            found[name].append(_seconds(commands[name], Path(place)))
    rows: list[dict[str, Value]] = [
        {
            "process": name,
            "seconds": Series(tuple(values)),
            "goal": "" if name == "import torch" else f"< {GOAL_SECONDS:.0f}",
        }
        for name, values in found.items()
    ]
    note = (
        "Whole processes whose work is one step of a tiny lifter: all of it is starting and ending."
    )
    return [Table("startup", "Start-up of a stage", rows, note)]


def _seconds(command: list[str], project: Path) -> float:
    """Wall time of a command in the project; what it wrote there before is removed."""
    for written in ("models", "results", ".gsam"):
        shutil.rmtree(project / written, ignore_errors=True)
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    start = time.perf_counter()
    subprocess.run(command, cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start

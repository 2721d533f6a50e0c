"""Workspaces of one run, for tests that start stages as DVC does: as commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.params import ARCHIVED
from tests.synthetic_clips import write_clips

REPOSITORY = Path(__file__).resolve().parents[1]

RUN: dict[str, Any] = {
    "name": "tiny",
    "data": "twin",
    "scale": "smoke",
    "keypoints": "gt",
    "frames": 9,
    "lifter": {
        "name": "gsam",
        "frames": 9,
        "width": 8,
        "depth": 1,
        "heads": 2,
        "head": "sequence",
        "dropout": 0.1,
    },
    "full_lifter": {"name": "gsam", "frames": 9},
    "train": {
        "epochs": 4,
        "batch_size": 8,
        "optimizer": "adamw",
        "schedule": "cosine",
        "warmup": 0.1,
        "checkpoint_seconds": 0,
    },
    "windows": {"stride": 9},
    "seeds": [0],
    "workers": 0,
}


def make_workspace(folder: Path, run: dict[str, Any] | None = None, **clips: Any) -> Path:
    """A folder with the clips and the plan of one run; of the archived sources it has gt alone."""
    write_clips(folder / "data" / "clips" / "gt", **clips)
    for source in set(ARCHIVED) - {"gt"}:
        path = folder / "data" / "clips" / source / "missing.json"
        path.parent.mkdir()
        path.write_text(json.dumps({"source": source, "reason": f"no {source} file in data/raw"}))
    write_run(folder, run or RUN)
    return folder


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Plan a run, and how runs are scored."""
    path = folder / "data" / "plan" / "runs" / f"{run['name']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run))
    (folder / "data" / "plan" / "scoring.json").write_text('{"displaced": "keep"}')


def with_training(**changes: Any) -> dict[str, Any]:
    """RUN with another recipe."""
    return {**RUN, "train": {**RUN["train"], **changes}}


def command(stage: str, *arguments: str) -> list[str]:
    """How DVC starts a stage."""
    return [sys.executable, "-m", f"stages.{stage}", *arguments]


def environment() -> dict[str, str]:
    """Variables under which a stage finds the project from anywhere; one thread, so bits repeat."""
    kept = {k: v for k, v in os.environ.items() if k != "GSAM_RUN_STORAGE"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def kill_when(
    folder: Path, stage: str, argument: str, ready: Callable[[], bool], delay: float = 0.0
) -> bool:
    """Start a stage and kill it `delay` seconds after it is `ready`; whether it still ran."""
    process = subprocess.Popen(
        command(stage, argument),
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if ready():
            time.sleep(delay)
            break
        time.sleep(0.002)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def newest_epoch(folder: Path) -> int:
    """Of the checkpoints that trainings left in a workspace; 0 without any."""
    found = [int(path.stem) for path in (folder / ".gsam" / "runs").glob("*/[0-9]*.ckpt")]
    return max(found, default=0)


def run_stage(folder: Path, stage: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a stage to its end."""
    return subprocess.run(
        command(stage, *arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

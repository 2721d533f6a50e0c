"""SIGKILL of `dvc repro` at ten seeded instants, also while it writes something: the same bytes."""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gsam.storage import digest
from tests.cluster_node import descendants
from tests.faults.drills import Running, lock_entries, note
from tests.integration.test_end_to_end import TINY, Clone

pytestmark = [pytest.mark.drill, pytest.mark.slow]

TARGET = "evaluate_lifter@main"
EPOCHS = 60
TEMPORARY = re.compile(r"\..*\.[0-9a-f]{12}\.\w+")
PLAIN = ["dvc", "repro", TARGET]
OURS = ["python", "-m", "cluster.repro", TARGET]
"""The same; puts right first what a kill has left half-written."""


class Instant(NamedTuple):
    """When a command is killed, which, and what of it: `tree`, with all that it started; `dvc`, DVC
    alone, as the kernel does that lacks memory; `first`, what the user typed alone."""

    when: str
    words: list[str]
    victim: str


INSTANTS = (
    Instant("at random", PLAIN, "tree"),
    Instant("dvc.lock", PLAIN, "tree"),
    Instant("out", OURS, "first"),
    Instant("at random", OURS, "dvc"),
    Instant("dvc.lock", OURS, "dvc"),
    Instant("out", OURS, "tree"),
    Instant("checkpoint", PLAIN, "dvc"),
    Instant("at random", PLAIN, "tree"),
    Instant("checkpoint", OURS, "first"),
    Instant("dvc.lock", OURS, "tree"),
)


def tiny(folder: Path) -> Clone:
    """A clone whose training takes some seconds."""
    folder.mkdir()
    made = Clone(folder)
    scale = TINY.replace("{epochs: 4, batch_size: 64,", f"{{epochs: {EPOCHS}, batch_size: 64,")
    assert scale != TINY
    (folder / "conf/scale/tiny.yaml").write_text(scale)
    made.environment["OMP_NUM_THREADS"] = "1"
    made.commit("more epochs")
    return made


def written(clone: Clone) -> dict[str, Any]:
    """Hashes of everything that the stages wrote, and dvc.lock's entries."""
    entries = lock_entries(clone.folder)
    outs = [out["path"] for entry in entries.values() for out in entry.get("outs", ())]
    return entries | {path: digest(clone.folder / path) for path in outs}


def test_dvc_repro_killed_at_ten_instants(tmp_path: Path) -> None:
    undisturbed = tiny(tmp_path / "undisturbed")
    start = time.monotonic()
    undisturbed.run(*PLAIN)
    took = time.monotonic() - start

    clone = tiny(tmp_path / "disturbed")
    numbers = random.Random(5)
    cut = 0
    for number, instant in enumerate(INSTANTS, 1):
        words = OURS if lock_is_cut(clone.folder) else instant.words
        running = Running(words, clone.folder, clone.environment)
        running.until(reached(instant.when, clone.folder, numbers.uniform(3.0, 7.0)))
        kill(running, instant.victim)
        damaged = lock_is_cut(clone.folder)
        cut += damaged
        note(
            f"dvc repro, instant {number} ({instant.victim})",
            f"writing {instant.when}" if instant.when != "at random" else "at random",
            "dvc.lock cut short" if damaged else "nothing damaged",
            None,
            "see the last",
        )
    last = Running(OURS, clone.folder, clone.environment).end()
    assert last.code == 0, last.output
    assert written(clone) == written(undisturbed)
    assert "up to date" in clone.run(*PLAIN)
    note(
        "dvc repro, after ten kills",
        f"undisturbed: {took:.0f} s",
        f"exit 0; dvc.lock was cut {cut} times and put right",
        last.seconds,
    )


def kill(running: Running, victim: str) -> None:
    """SIGKILL what the instant says; what outlives it goes on while the next command starts."""
    if victim == "tree":
        running.kill_all()
        return
    dvc = [p for p in [running.process.pid, *descendants(running.process.pid)] if is_dvc(p)]
    running.kill([dvc[0] if victim == "dvc" else running.process.pid])


def is_dvc(pid: int) -> bool:
    """Whether a process is DVC (not the command that started it, nor a stage)."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"cluster.dvc_run" in words or any(word.endswith(b"/dvc") for word in words[:2])


def reached(when: str, folder: Path, delay: float) -> Callable[[], bool]:
    """Whether it is time; looked at often."""
    start = time.monotonic()
    if when == "at random":
        return lambda: time.monotonic() - start > delay
    if when == "dvc.lock":
        lock = folder / "dvc.lock"
        before = lock.stat().st_size if lock.exists() else 0
        return lambda: lock.exists() and lock.stat().st_size < max(before, 1)
    places = [folder / ".gsam/runs"] if when == "checkpoint" else outs_of(folder)
    return lambda: any(temporary(place) for place in places)


def outs_of(folder: Path) -> list[Path]:
    """Where stages write; data/plan is too short a moment."""
    return [folder / "data", folder / "models", folder / "results"]


def temporary(place: Path) -> bool:
    """Whether something is being written there, under a temporary name of `gsam.storage`."""
    return any(TEMPORARY.fullmatch(path.name) for path in place.rglob(".*"))


def lock_is_cut(folder: Path) -> bool:
    """Whether dvc.lock is there and damaged."""
    lock = folder / "dvc.lock"
    if not lock.exists():
        return False
    try:
        read = yaml.safe_load(lock.read_text())
    except yaml.YAMLError:
        return True
    return not isinstance(read, dict) or not lock.read_text().endswith("\n")

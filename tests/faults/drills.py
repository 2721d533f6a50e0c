"""What drills share: the table of their outcomes, a stage with a fault in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gsam.storage import digest
from tests.cluster_node import descendants
from tests.workspaces import command, environment

SECONDS = 300


class Row(NamedTuple):
    """One drill: what was broken and when, what a user saw, how long until the work was done."""

    drill: str
    instant: str
    outcome: str
    seconds: float | None
    same_bytes: str


TABLE: list[Row] = []


def note(
    drill: str, instant: str, outcome: str, seconds: float | None, same_bytes: str = "yes"
) -> None:
    """Add a row to the table; `seconds` from the fault, or the start of the rerun, to the end."""
    TABLE.append(Row(drill, instant, outcome, seconds, same_bytes))


def table_lines(rows: list[Row]) -> list[str]:
    """The table as aligned text."""
    texts = [
        (*row[:3], "-" if row.seconds is None else f"{row.seconds:.1f}", row.same_bytes)
        for row in rows
    ]
    texts.insert(0, ("drill", "instant", "outcome", "seconds", "same bytes"))
    widths = [max(len(text[column]) for text in texts) for column in range(5)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(text, widths, strict=True)).rstrip()
        for text in texts
    ]


def lock_entries(folder: Path) -> dict[str, Any]:
    """What dvc.lock says of every stage; of a part of the graph, DVC leaves their order to
    chance."""
    stages: dict[str, Any] = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return stages


class Ended(NamedTuple):
    """A command's end: exit code, its last line of errors, its output, seconds since the fault."""

    code: int
    error: str
    output: str
    seconds: float


class Running:
    """A command that is at work, in a process group of its own."""

    def __init__(self, words: list[str], folder: Path, variables: Mapping[str, str] = {}) -> None:
        """`variables` come on top of `tests.workspaces.environment`."""
        self.folder = folder
        # Files, not pipes: what outlives a killed command still holds their other ends.
        self.said = tempfile.TemporaryFile()  # noqa: SIM115
        self.complained = tempfile.TemporaryFile()  # noqa: SIM115
        self.fault = time.monotonic()
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env={**environment(), **variables},
            stdout=self.said,
            stderr=self.complained,
            start_new_session=True,
        )

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait for the instant of the fault, which must come before the command ends."""
        end = time.monotonic() + SECONDS
        while not ready():
            assert self.process.poll() is None, self.end().output
            assert time.monotonic() < end, "the instant of the fault did not come"
            time.sleep(0.002)
        self.fault = time.monotonic()

    def kill_one(self, title: str) -> int:
        """SIGKILL the first process below this one whose title starts so; returns its id."""
        for pid in sorted(descendants(self.process.pid)):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(title.encode()):
                os.kill(pid, signal.SIGKILL)
                self.fault = time.monotonic()
                return pid
        raise AssertionError(f"no process {title}")

    def kill_all(self) -> None:
        """SIGKILL the command and everything that it has started, as a power cut does."""
        self.kill([self.process.pid, *descendants(self.process.pid)])

    def kill(self, pids: list[int]) -> None:
        """SIGKILL some of the command's processes; returns when the command is over."""
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(SECONDS)

    def end(self) -> Ended:
        """Wait for it."""
        code = self.process.wait(SECONDS)
        seconds = time.monotonic() - self.fault
        texts = []
        for file in (self.said, self.complained):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        last = texts[1].strip().splitlines()[-1:] or [""]
        return Ended(code, last[0], "".join(texts), seconds)


def stage(folder: Path, name: str, *arguments: str, **variables: str) -> Running:
    """A stage as DVC starts it."""
    return Running(command(name, *arguments), folder, variables)


def lifter_bytes(folder: Path) -> tuple[str, str]:
    """Hashes of what the lifter `tiny` was trained to."""
    weights, curve = "models/lifter/tiny/seed0.safetensors", "results/runs/tiny/curve.csv"
    return digest(folder / weights), digest(folder / curve)


def nothing_half_written(folder: Path) -> bool:
    """Whether the lifter's outs are absent altogether."""
    outs = ("models/lifter/tiny", "results/runs/tiny/curve.csv", "results/runs/tiny/train.json")
    return not any((folder / out).exists() for out in outs)

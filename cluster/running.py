"""A job's command: its output line by line, which stages it ran, and how it is stopped."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from cluster.command import stage_code

__all__ = ["Command"]

PATIENCE_SECONDS = 30
"""What is asked to stop has this long to do so."""

_RAN = re.compile(r"Running stage '([^']+)':$")
_REUSED = re.compile(
    r"Stage '(?P<stage>[^']+)' (?:is cached|didn't change)"
    r"|Pulling data for stage: '(?P<pulled>[^']+)'"
)

_NOISE = (
    "Updating lock file",
    "To track the changes with git",
    "\tgit add",
    "To enable auto staging",
    "\tdvc config core.autostage",
    "Use `dvc push`",
    # A stage whose files the store lacks simply runs.
    "WARNING: Some of the cache files do not exist",
    "Pulling data for",
    "Unable to pull data",
    "md5: ",
    "name: ",
)


class Command:
    """A running command, in this process's group: whoever kills the job kills its stages too."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.ran: list[str] = []
        self.reused: list[str] = []
        self.stopped = False
        self._stage_code: int | None = None
        self._process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._forward, daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Wait so long for the end; the exit code, None before it. A stage that failed gives its
        own code (1, 2, 3), whatever DVC ends with."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        # A stage that outlives its DVC may hold the pipe.
        self._reader.join(timeout=5)
        if code and self._stage_code in (1, 2, 3):
            return self._stage_code
        return code if code in (0, 1, 2, 3) else 1

    def stop(self) -> None:
        """Ask the command and all that it started to end; after a while, make them."""
        self.stopped = True
        try:
            root = psutil.Process(self._process.pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        threading.Thread(target=self._make_end, args=(family,), daemon=True).start()

    def _make_end(self, family: list[psutil.Process]) -> None:
        for member in psutil.wait_procs(family, timeout=PATIENCE_SECONDS)[1]:
            with suppress(psutil.NoSuchProcess):
                member.kill()

    def _forward(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._note(line.rstrip())
            if not self.stopped and line.strip() and not line.startswith(_NOISE):
                sys.stdout.write(line)
                sys.stdout.flush()

    def _note(self, line: str) -> None:
        if found := _RAN.search(line):
            self.ran.append(found[1])
        elif found := _REUSED.search(line):
            self.reused.append(found["stage"] or found["pulled"])
        elif (code := stage_code(line)) is not None:
            self._stage_code = code

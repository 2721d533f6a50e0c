"""A job's command: its output line by line, how many stages it ran, and how it is stopped."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence

from cluster.children import GRACE_S, Children

__all__ = ["Command"]

_RAN = re.compile(r"Running stage '([^']+)':$|(\S+) +(?:ran|failed \(\d+\)) +[\d.]+$")
_REUSED = re.compile(
    r"(?:Stage )?'([^']+)' (?:is cached|didn't change)|Pulling data for stage: '([^']+)'"
    r"|(\S+) +(?:reused|pulled|up to date) +[\d.]+$"
)
_MORE = re.compile(r"(\d+) (?:more|stages are) up to date$")

_NOISE = (
    "Updating lock file",
    "Generating lock file",
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
    """A running command."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            words: `dvc` and its arguments, or another program's.
            environment: variables on top of this process's own.
        """
        self.stopped = False
        self._ran: set[str] = set()
        self._reused: set[str] = set()
        self._more = 0
        self._code = 1
        self._children = Children()
        self._process: subprocess.Popen[str] | None = None
        if words[0] != "dvc":
            self._process = _started(words, environment)
        arguments = (list(words[1:]), environment)
        self._thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._thread.start()

    @property
    def ran(self) -> int:
        """How many stages ran so far."""
        return len(self._ran)

    @property
    def reused(self) -> int:
        """How many had nothing to do so far."""
        return len(self._reused - self._ran) + self._more

    def wait(self, seconds: float) -> int | None:
        """Wait so long for the end; the exit code (0 to 3, or 130 when stopped), None before it."""
        self._thread.join(seconds)
        return None if self._thread.is_alive() else self._code

    def stop(self) -> None:
        """Have the command's stages end and DVC note what is finished; by force after a while."""
        self.stopped = True
        self._children.stop()
        if self._process is not None:
            self._process.terminate()
            timer = threading.Timer(2 * GRACE_S, self._process.kill)
            timer.daemon = True
            timer.start()

    def _run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        if self._process is None:
            self._code = self._children.run(arguments, environment, hear=self._hear)
            return
        for line in self._process.stdout or ():
            self._hear(line.rstrip("\n"))
        code = self._process.wait()
        self._code = code if code >= 0 else 1

    def _hear(self, line: str) -> None:
        """Count, and pass on what is not noise."""
        if found := _RAN.match(line):
            self._ran.add(found[1] or found[2])
        elif found := _REUSED.match(line):
            self._reused.add(found[1] or found[2] or found[3])
        elif found := _MORE.match(line):
            self._more = int(found[1])
        if line.strip() and not line.startswith(_NOISE):
            print(line, flush=True)


def _started(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a program in this process's group, so that whoever kills the job kills it too."""
    return subprocess.Popen(
        words,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )

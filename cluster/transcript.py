"""What DVC says while it runs some stages: shown without its noise, and how each stage ended."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.dvc_run import INTERRUPTED

__all__ = ["FAILED", "Outcome", "Transcript"]

_HEARD = {
    "ran": re.compile(r"^Running stage '(.+)':$"),
    "reused": re.compile(r"^Stage '(.+)' is cached - skipping run"),
    "pulled": re.compile(r"^Pulling data for stage: '(.+)'$"),
    "up to date": re.compile(r"^(?:Stage )?'(.+)' didn't change, skipping$"),
    "failed": re.compile(r"^ERROR: failed to reproduce '(.+?)': "),
}
_NOISE = re.compile(
    r"^$|^Updating lock file|^Generating lock file|^Use `dvc push`|^Data and pipelines are up to"
    r"|^To (track|enable)|^\t(git add|dvc config)|had been killed\. Auto removed|file.? added$"
    r"|^ERROR: (interrupted by the user|failed to reproduce .*, exited with [123])$"
)
FAILED = ("failed", "stopped", "skipped")
"""Results after which what depends on a stage cannot run."""


@dataclass
class Outcome:
    """How a stage ended: ran | reused | pulled | up to date | failed | stopped | skipped."""

    stage: str
    result: str
    seconds: float = 0.0
    code: int = 0


class Transcript:
    """The output of one DVC that was asked for some stages, one after another."""

    def __init__(self, stages: Sequence[str]) -> None:
        self._stages = stages
        self._outcomes: dict[str, Outcome] = {}
        self._at = stages[0]
        self._since = time.monotonic()
        self._command_next = False

    def hear(self, line: str) -> None:
        """Take a line of output: show what a stage or an error says, behind the stage's name."""
        for result, pattern in _HEARD.items():
            if (match := pattern.match(line)) and match[1] in self._stages:
                self._note(match[1], result)
                break
        else:
            match = None
        if self._command_next and line.startswith("> "):
            self._command_next = False
        elif not _NOISE.match(line) and (match is None or line.startswith("ERROR")):
            # A stage's own summary begins with its name.
            print(line if line.startswith(self._at) else f"{self._at}: {line}", flush=True)
        self._command_next |= line.startswith("Running stage")

    def end(self, code: int) -> list[Outcome]:
        """How each stage ended that was begun, by the exit code that DVC ended with."""
        self._close()
        if code and not any(outcome.result == "failed" for outcome in self._outcomes.values()):
            # DVC was stopped, or failed before it named a stage.
            self._outcomes.setdefault(self._at, Outcome(self._at, "failed")).result = "failed"
        for outcome in self._outcomes.values():
            if outcome.result == "failed":
                outcome.result = "stopped" if code == INTERRUPTED or code < 0 else "failed"
                outcome.code = code
        return list(self._outcomes.values())

    def _note(self, stage: str, result: str) -> None:
        if stage != self._at:
            self._close()
            self._at, self._since = stage, time.monotonic()
        self._outcomes.setdefault(stage, Outcome(stage, result)).result = result

    def _close(self) -> None:
        if self._at in self._outcomes:
            self._outcomes[self._at].seconds = time.monotonic() - self._since

"""What a submitted job runs on the cluster's head: `python -m cluster.job [--jobs N] -- dvc repro`.

It works in a fresh copy of the project, takes over every stage that the store knows as finished,
and brings to the store what it finishes: within seconds, at the end, and when it is stopped.
Needs GSAM_STORE; GSAM_JOB names the job. Exit codes: 0 done, 1 failed, 2 configuration or usage,
3 licensed data missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from cluster.checkout import check_out
from cluster.command import DEFAULT, on_cluster
from cluster.finished import FinishedStages
from cluster.jobs import JOB_VARIABLE, place, register_if_new, shared_store
from cluster.lockfile import heal
from cluster.results import ARCHIVE, Report, pack
from cluster.running import Command
from gsam.errors import DataError, GsamError
from pipelines.object_store import environment, put_file, store_errors

__all__ = ["main"]

SAVE_SECONDS = 5.0
SAVE_SHARE = 0.1
"""Saving takes at most this part of a job's time, however large what it saves is."""


def main(arguments: list[str]) -> int:
    """Run a job; its exit code.

    Raises:
        ConfigError, DataError: usage, or the store.
    """
    parser = argparse.ArgumentParser(prog="python -m cluster.job", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("command", nargs="*", help="after --: dvc repro …, dvc exp run …")
    options = parser.parse_args(arguments)
    command = options.command or list(DEFAULT)
    words = on_cluster(command, options.jobs)
    name = os.environ.get(JOB_VARIABLE) or time.strftime("job-%Y%m%d-%H%M%S")
    return _Job(name, command).run(words)


class _Job:
    """One run of a command in a scratch copy, with its savings."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.store = shared_store()
        self.report = Report(job=name, command=command)
        self.archive = place(self.store, name, ARCHIVE)
        self.scratch = Path(tempfile.mkdtemp(prefix="gsam-job-"))
        self._start = time.monotonic()
        self._complained = ""

    def run(self, words: list[str]) -> int:
        with store_errors(str(self.scratch)):
            self.before = check_out(Path.cwd(), self.scratch, self.store)
        # DVC and the healer of its lock file work where they are.
        os.chdir(self.scratch)
        register_if_new(self.store, self.report.job, self.before)
        self.finished = FinishedStages(self.scratch, self.store)
        known = self.finished.fetch()
        print(f"job {self.report.job}: {known} finished stages in {self.store}", flush=True)
        code = self._follow(Command(words, _environment(self.scratch)))
        for line in heal():
            print(line, flush=True)
        self.report.exit_code = code
        self._last_save()
        os.chdir("/")
        shutil.rmtree(self.scratch, ignore_errors=True)
        return code

    def _follow(self, command: Command) -> int:
        """Wait for the command's end, saving meanwhile; SIGTERM and SIGINT stop it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: command.stop())
        due = time.monotonic() + SAVE_SECONDS
        while (code := command.wait(0.2)) is None:
            if time.monotonic() > due and not command.stopped and self.finished.pending():
                start = time.monotonic()
                self._take_stock(command)
                self._save_meanwhile()
                taken = time.monotonic() - start
                due = time.monotonic() + max(SAVE_SECONDS, taken / SAVE_SHARE)
        self._take_stock(command)
        self.report.stopped = command.stopped
        return code

    def _take_stock(self, command: Command) -> None:
        self.report.ran, self.report.reused = command.ran, command.reused
        self.report.seconds = round(time.monotonic() - self._start, 1)

    def _save(self) -> None:
        self.report.pushed_bytes += self.finished.push()
        packed = self.scratch / ".dvc" / "tmp" / ARCHIVE
        pack(self.scratch, self.before, self.report, packed)
        put_file(packed, self.archive)

    def _save_meanwhile(self) -> None:
        """Save; a store that fails now may work again the next time."""
        try:
            self._save()
        except (GsamError, OSError) as error:
            # OSError: a stage removed what was just to be read.
            if str(error) != self._complained:
                print(f"not saved, will be tried again: {error}", file=sys.stderr, flush=True)
            self._complained = str(error)

    def _last_save(self) -> None:
        """Save, or say where on this machine that lies which could not be saved.

        Raises:
            ConfigError, DataError: the store fails.
        """
        try:
            self._save()
        except (GsamError, OSError) as error:
            where = f"{os.uname().nodename}:{self.scratch}"
            kind = type(error) if isinstance(error, GsamError) else DataError
            raise kind(f"{error}; what was finished lies at {where}") from None


def _environment(scratch: Path) -> dict[str, str]:
    """Variables for DVC and the stages: this Python, the store's settings, nothing sent home."""
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        **environment(),
        "PATH": python,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(scratch / ".dvc" / "tmp" / "site"),
        "PYTHONUNBUFFERED": "1",
        "GSAM_RAW_CACHE": os.environ.get("GSAM_RAW_CACHE") or _raw_cache(),
    }


def _raw_cache() -> str:
    """Where raw archives outlast the scratch copy, so that the next job does not fetch them again;
    they may be licensed, so nobody else reads them."""
    folder = Path(tempfile.gettempdir()) / f"gsam-raw-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return str(folder)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except GsamError as error:
        print(f"job: {error}", file=sys.stderr, flush=True)
        if "credentials" in str(error):
            print("job: nodes need credentials of their own, or --send-credentials", flush=True)
        code = error.exit_code
    raise SystemExit(code)

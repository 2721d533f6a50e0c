"""The two DVC commands that run on a cluster, and what is added to them there."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gsam.errors import ConfigError

__all__ = ["DEFAULT", "on_cluster"]

DEFAULT = ("dvc", "repro")

# They put experiments aside for a later `dvc queue start`, in copies without the job's settings.
_ASIDE = ("--queue", "--temp", "--run-all")


def on_cluster(command: Sequence[str], jobs: int = 1) -> list[str]:
    """What a job starts for a user's command: it waits for DVC's lock and pulls what is missing.

    Args:
        command: `dvc repro …` or `dvc exp run …`.
        jobs: how many rows at a time; more than one needs `dvc repro` with targets alone.

    Returns:
        `dvc` and its arguments, or with more jobs the words that start `cluster.repro`.

    Raises:
        ConfigError: it is another command, or one that cannot be combined.
    """
    said = " ".join(command)
    if jobs < 1:
        raise ConfigError(f"--jobs {jobs}: expected 1 or more")
    if list(command[:2]) == ["dvc", "repro"]:
        given = _without_pull(command[2:])
        if jobs == 1:
            return ["dvc", "--wait-for-lock", "repro", "--pull", *given]
        options = [word for word in given if word.startswith("-")]
        if options:
            raise ConfigError(f"{said}: expected stages alone with --jobs, got {options[0]}")
        return [sys.executable, "-m", "cluster.repro", "--jobs", str(jobs), "--pull", *given]
    if list(command[:3]) == ["dvc", "exp", "run"]:
        given = _without_pull(command[3:])
        aside = [word for word in given if word in _ASIDE]
        if aside:
            raise ConfigError(f"{said}: {aside[0]} is not for a cluster; submit one job for each")
        if jobs > 1:
            raise ConfigError(f"{said}: --jobs is for dvc repro; submit one job for each")
        return ["dvc", "--wait-for-lock", "exp", "run", "--pull", *given]
    raise ConfigError(f"{said or 'no command'}: expected dvc repro … or dvc exp run …")


def _without_pull(words: Sequence[str]) -> list[str]:
    return [word for word in words if word != "--pull"]

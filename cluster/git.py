"""git on a job's copy of the project."""

import subprocess
from pathlib import Path
from typing import Any

from gsam.errors import DataError

__all__ = ["git"]


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints.

    Raises:
        DataError: it refuses.
    """
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True
    )
    if done.returncode:
        raise DataError(f"git {arguments[0]} in {folder}: {done.stderr.decode().strip()}")
    return bytes(done.stdout)

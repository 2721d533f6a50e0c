"""A fresh copy of the project for one job, under git, with the shared store as DVC's remote."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from cluster.git import git
from cluster.package import GIT_TAR, contents
from cluster.remote import use_remote

__all__ = ["check_out"]

_STAYS = (".venv", ".dvc/cache", ".dvc/tmp", ".gsam/runs")


def check_out(source: Path, target: Path, store: str) -> dict[str, str]:
    """Copy the project in `source` (a submitted package, or a folder of an image) to `target`.

    Returns:
        SHA-256 by path of what the job starts from.

    Raises:
        DataError: git refuses.
    """
    shutil.copytree(
        source, target, symlinks=True, dirs_exist_ok=True, ignore=lambda *a: _left(source, *a)
    )
    packed = target / GIT_TAR
    if packed.exists():
        with tarfile.open(packed) as archive:
            # Python's own filter came with 3.11.4; what is packed is files and folders of .git.
            archive.extractall(target, members=filter(_of_git, archive.getmembers()))
        packed.unlink()
        # The files are as they lay with whoever submitted them; the index is the commit's.
        git(target, "reset", "-q")
    elif not (target / ".git").exists():
        git(target, "init", "-q")
    # A zip file keeps no permissions.
    git(target, "config", "core.fileMode", "false")
    git(target, "config", "user.name", "gsam")
    git(target, "config", "user.email", "gsam@localhost")
    if not _has_commit(target):
        git(target, "add", "-A")
        git(target, "commit", "-q", "-m", "The project as its image holds it")
    use_remote(target, store)
    return contents(target)


def _of_git(member: tarfile.TarInfo) -> bool:
    parts = PurePosixPath(member.name).parts
    return (member.isreg() or member.isdir()) and parts[:1] == (".git",) and ".." not in parts


def _left(source: Path, folder: str, names: Iterable[str]) -> set[str]:
    inside = Path(folder).relative_to(source)
    return {n for n in names if n == "__pycache__" or (inside / n).as_posix() in _STAYS}


def _has_commit(folder: Path) -> bool:
    words = ["git", "rev-parse", "--verify", "-q", "HEAD"]
    return subprocess.run(words, cwd=folder, capture_output=True).returncode == 0

"""What goes to the cluster: the project's files as they lie here, and the last commit of its git.

Data, caches, environments and settings of this machine stay home: git ignores them. What looks
like a secret never goes.
"""

from __future__ import annotations

import fnmatch
import hashlib
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gsam.errors import ConfigError

__all__ = ["GIT_TAR", "LIMIT_BYTES", "Package", "build", "contents", "toplevel"]

GIT_TAR = ".gsam/git.tar"
"""Where the package holds its .git, which Ray would leave out under its own name."""

LIMIT_BYTES = 64 << 20
"""A package larger than this has data among its code; Ray itself takes up to 512 MB."""

_SECRETS = (".env", ".env.*", "*.pem", "*.key", "id_rsa*", "id_ed25519*", ".netrc", "credentials")

_OWN = (".dvc/config.local", ".dvc/cache/", ".dvc/tmp/", ".gsam/")
"""Belong to this machine, even where a .gitignore forgets them."""


@dataclass(frozen=True)
class Package:
    """A zip file for Ray: the SHA-256 of its project files by path, its size, and what looked like
    a secret and stayed home."""

    files: dict[str, str]
    size: int
    left_out: tuple[str, ...]


def toplevel(folder: Path) -> Path:
    """The checkout that `folder` lies in.

    Raises:
        ConfigError: there is none, or it has no commit or no DVC.
    """
    found = _git(folder, "rev-parse", "--show-toplevel", check=False).strip()
    if not found:
        raise ConfigError(f"{folder}: expected a git checkout of the project")
    root = Path(found)
    if not _git(root, "rev-parse", "--verify", "-q", "HEAD", check=False).strip():
        raise ConfigError(f"{root}: expected at least one commit")
    if not (root / ".dvc").is_dir():
        raise ConfigError(f"{root}: expected a DVC project (.dvc)")
    return root


def contents(root: Path) -> dict[str, str]:
    """SHA-256 by path of the project's files: tracked, or new and not ignored; links left out."""
    names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    kept = {n for n in names if n and not n.startswith(_OWN)}
    paths = {name: root / name for name in sorted(kept)}
    return {n: digest(p) for n, p in paths.items() if p.is_file() and not p.is_symlink()}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def build(root: Path, target: Path) -> Package:
    """Write the package of the checkout `root` to `target`, a .zip file.

    Raises:
        ConfigError: it is too large, or git tracks what looks like a secret.
    """
    files = contents(root)
    secret = {name for name in files if _looks_secret(name)}
    tracked = set(_git(root, "ls-files", "-z", "--cached").split("\0"))
    if secret & tracked:
        name = min(secret & tracked)
        raise ConfigError(f"{name} looks like a secret, but git tracks it: git rm --cached {name}")
    files = {name: found for name, found in files.items() if name not in secret}
    _check_size(root, files)
    with tempfile.TemporaryDirectory() as folder:
        git = Path(folder) / "git.tar"
        _shallow_git(root, git)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for name in files:
                packed.write(root / name, name)
            packed.write(git, GIT_TAR)
    return Package(files, target.stat().st_size, tuple(sorted(secret)))


def _looks_secret(name: str) -> bool:
    return any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in _SECRETS)


def _check_size(root: Path, names: Iterable[str]) -> None:
    sizes = {name: (root / name).stat().st_size for name in names}
    total = sum(sizes.values())
    if total > LIMIT_BYTES:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
        listed = ", ".join(f"{name} ({sizes[name] / 1e6:.0f} MB)" for name in largest)
        raise ConfigError(
            f"the project's files have {total / 1e6:.0f} MB, expected at most"
            f" {LIMIT_BYTES / 1e6:.0f}: let .gitignore name what is data; the largest are {listed}"
        )


def _shallow_git(root: Path, target: Path) -> None:
    """Pack a .git that has the last commit alone, under its own hash, and no settings of ours."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        source = root.resolve().as_uri()
        _git(root, "clone", "-q", "--depth", "1", "--no-tags", "--no-checkout", source, str(clone))
        _git(clone, "remote", "remove", "origin")
        with tarfile.open(target, "w") as packed:
            packed.add(clone / ".git", ".git", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if "/hooks" in member.name else member


def _git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    if check and done.returncode:
        said = (done.stderr.strip().splitlines() or ["failed"])[-1]
        raise ConfigError(f"git {arguments[0]} in {folder}: {said}")
    return done.stdout

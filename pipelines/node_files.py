"""Folders of the driver's disk for processes on other nodes.

A node that sees the very same files uses them where they lie; another one copies them once, from an
actor on the driver's node, to its temporary folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gsam.errors import DataError
from gsam.storage import atomic_directory
from pipelines.runtime import on_cluster

__all__ = ["Shipped", "Tree"]

ENDS = 1 << 16
"""Bytes at either end of a file that are compared."""
CHUNK = 8 << 20
AHEAD = 4
UNUSED_S = 24 * 3600.0
"""Age at which a copy that nobody uses makes room."""

_held: list[BinaryIO] = []
"""Locks of the copies that this process uses, for as long as it lives."""


@dataclass(frozen=True)
class _File:
    """One file of a tree: size, a hash of both ends, and when it was changed, in ns."""

    name: str
    size: int
    ends: str
    changed: int


@dataclass(frozen=True)
class Tree:
    """A folder of the driver's node and what is in it; of `only` these files, or all."""

    path: str
    files: tuple[_File, ...]
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, only: tuple[str, ...] = ()) -> Tree:
        """List a folder; nothing there: no files."""
        found = [path / name for name in only] or sorted(path.rglob("*"))
        files = tuple(_file(path, one) for one in found if one.is_file())
        return cls(str(path), files, only)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def key(self) -> str:
        """Name of a copy of these files."""
        text = repr((Path(self.path).name, self.files))
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def is_here(self) -> bool:
        """Whether this node sees these very files, unchanged, at the same place."""
        try:
            return Tree.of(Path(self.path), self.only) == self
        except OSError:
            return False


def _file(root: Path, path: Path) -> _File:
    status = path.stat()
    with path.open("rb") as stream:
        ends = stream.read(ENDS)
        if status.st_size > ENDS:
            stream.seek(-ENDS, os.SEEK_END)
            ends += stream.read(ENDS)
    name = path.relative_to(root).as_posix()
    return _File(name, status.st_size, hashlib.sha256(ends).hexdigest(), status.st_mtime_ns)


class Server:
    """The actor that reads for others: of the trees it was made for, and nothing else."""

    def __init__(self, trees: tuple[Tree, ...]) -> None:
        self.paths = {
            (tree.path, file.name): Path(tree.path, file.name)
            for tree in trees
            for file in tree.files
        }

    def read(self, tree: str, name: str, start: int) -> bytes:
        """A chunk of a file."""
        with self.paths[tree, name].open("rb") as stream:
            stream.seek(start)
            return stream.read(CHUNK)


@dataclass(frozen=True)
class Shipped:
    """Paths of the driver's node, to be had on every node; pickled to the processes there."""

    trees: tuple[Tree, ...] = ()
    server: Any = None

    @classmethod
    def of(cls, *paths: str | os.PathLike[str]) -> Shipped:
        """Make folders or files (absolute paths) available; called by the driver, with Ray running.

        A Ray of this machine alone needs nothing.
        """
        if not on_cluster():
            return cls()
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        beside: dict[Path, list[str]] = {}
        folders = []
        for path in map(Path, paths):
            if path.is_file():
                # Files of one folder stay together, as some find others beside them.
                beside.setdefault(path.parent, []).append(path.name)
            else:
                folders.append(Tree.of(path))
        files = [Tree.of(folder, tuple(sorted(names))) for folder, names in beside.items()]
        trees = (*folders, *files)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(Server).options(
            num_cpus=0, max_concurrency=AHEAD, scheduling_strategy=here
        )
        return cls(trees, actor.remote(trees))

    def path(self, original: str | os.PathLike[str]) -> Path:
        """Where this node has what `original` is on the driver's.

        Raises:
            DataError: the copy does not fit on this node's disk, or the files changed meanwhile.
        """
        wanted = Path(original)
        for tree in self.trees:
            alone = wanted.name in tree.only and tree.path == str(wanted.parent)
            if not alone and (tree.only or tree.path != str(wanted)):
                continue
            if tree.files and not tree.is_here():
                copy = _copied(tree, self.server)
                return copy / wanted.name if alone else copy
        return wanted


def _copied(tree: Tree, server: Any) -> Path:
    """The copy on this node, made by the first process that asks while the others wait."""
    place = Path(tempfile.gettempdir()) / f"gsam-files-{os.getuid()}"
    target = place / tree.key
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        if place.stat().st_uid != os.getuid():
            raise PermissionError(f"belongs to user {place.stat().st_uid}")
        lock = (place / f"{tree.key}.lock").open("wb")
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not target.exists():
            # Nobody uses what is not there: whoever holds the lock now is about to make it.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                _make_room(place)
                with atomic_directory(target) as folder:
                    _fetch(tree, server, folder / Path(tree.path).name)
            fcntl.flock(lock, fcntl.LOCK_SH)
        os.utime(target)
    except OSError as error:
        reason = error.strerror or str(error)
        what = f"no copy of {tree.path} ({tree.size / 1e6:.0f} MB) on node {_node()}"
        raise DataError(f"{place}: {what}: {reason}") from error
    _held.append(lock)
    return target / Path(tree.path).name


def _fetch(tree: Tree, server: Any, target: Path) -> None:
    for file in tree.files:
        path = target / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            for chunk in _chunks(tree, file, server):
                stream.write(chunk)
        found = _file(target, path)
        if (found.size, found.ends) != (file.size, file.ends):
            raise DataError(f"{tree.path}/{file.name}: changed while node {_node()} copied it")


def _chunks(tree: Tree, file: _File, server: Any) -> Iterator[bytes]:
    import ray

    waiting: deque[Any] = deque()
    for start in range(0, file.size, CHUNK):
        waiting.append(server.read.remote(tree.path, file.name, start))
        if len(waiting) == AHEAD:
            yield ray.get(waiting.popleft())
    while waiting:
        yield ray.get(waiting.popleft())


def _make_room(place: Path) -> None:
    """Remove what killed copies left, and copies that nobody has used for a while."""
    for folder in place.iterdir():
        stale = folder.is_dir() and time.time() - folder.stat().st_mtime > UNUSED_S
        if not stale:
            continue
        with (place / f"{folder.name}.lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder)


def _node() -> str:
    import ray

    return str(ray.util.get_node_ip_address())

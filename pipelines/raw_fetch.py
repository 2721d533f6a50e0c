"""Raw data that lies at s3://…, as a local folder: fetched once, and again where it has changed.

The copies lie in $GSAM_RAW_CACHE, or .gsam/raw, a folder for each location. Stages ask for the
files that they read; several may ask at once, and one that was killed goes on where it was.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from gsam.errors import DataError, GsamError
from gsam.storage import write_text
from pipelines.object_store import Entry, is_remote, listed, split, store_errors, under
from pipelines.raw_object import download
from pipelines.raw_streams import at_once, in_bytes, shown

__all__ = ["CACHE_VARIABLE", "local_file", "local_folder"]

CACHE_VARIABLE = "GSAM_RAW_CACHE"


@contextmanager
def local_folder(location: str, *wanted: str) -> Iterator[Path]:
    """A folder of raw data on this machine's disk; where it is at s3://, a copy of it.

    What goes wrong inside the block is said of `location`, not of the copy.

    Args:
        location: a folder, or s3://bucket/prefix.
        wanted: patterns of the files to fetch, by their name below the location; a `*` stands for
            slashes too. None: every file. Others may or may not be there.

    Raises:
        ConfigError: there is no such bucket, or the credentials are wrong.
        DataError: the store or the disk fails, or an object's name cannot be a file's.
    """
    if not is_remote(location):
        yield Path(location)
        return
    copy = _Copy(location.rstrip("/"))
    copy.update(wanted or ("*",))
    with copy.meant():
        yield copy.files


@contextmanager
def local_file(location: str) -> Iterator[Path]:
    """A raw file on this machine's disk, with those beside it that differ in their extension.

    Args:
        location: a path, or s3://bucket/key.

    Raises:
        ConfigError, DataError: as `local_folder`.
    """
    if not is_remote(location):
        yield Path(location)
        return
    folder, name = location.rsplit("/", 1)
    stem = glob.escape(name.rsplit(".", 1)[0])
    with local_folder(folder, glob.escape(name), f"{stem}.*") as found:
        yield found / name


class _Copy:
    """The local copy of what lies at one location."""

    def __init__(self, location: str) -> None:
        self.location = location
        name = f"{split(location)[0]}-{hashlib.sha256(location.encode()).hexdigest()[:16]}"
        self.home = Path(os.environ.get(CACHE_VARIABLE) or ".gsam/raw") / name
        self.files, self.parts = self.home / "files", self.home / "parts"
        self.record = _Record(self.home / "fetched.jsonl")

    def update(self, wanted: Sequence[str]) -> None:
        """Fetch what is wanted and not there as it is at the location; forget what is gone."""
        with store_errors(str(self.home)), self._alone():
            entries = listed(self.location)
            self._forget(entries)
            wanted_ones = [e for e in entries if any(fnmatchcase(e.name, w) for w in wanted)]
            _check_names(self.location, wanted_ones)
            self.record.read()
            lacking = [e for e in wanted_ones if not self.record.holds(e, self.files / e.name)]
            if lacking:
                self.record.tidy()
                self._fetch(lacking)

    @contextmanager
    def meant(self) -> Iterator[None]:
        """Errors inside the block name the location in place of the copy."""
        try:
            yield
        except GsamError as error:
            text = str(error)
            for path in (self.files.resolve(), self.files):
                text = text.replace(str(path), self.location)
            raise type(error)(text) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Other processes wait until this one has fetched what it wants."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _forget(self, entries: list[Entry]) -> None:
        """Remove the files of objects that are gone, the empty folders, and parts of what has
        changed since."""
        names = {entry.name for entry in entries}
        versions = {self._part(entry) for entry in entries}
        for path in self.parts.glob("*"):
            if path not in versions:
                path.unlink()
        for path in sorted(self.files.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(self.files).as_posix() not in names:
                path.unlink()

    def _fetch(self, entries: list[Entry]) -> None:
        self.parts.mkdir(exist_ok=True)
        total = sum(entry.size for entry in entries)
        begun = [part for entry in entries if (part := self._part(entry)).exists()]
        there = sum(part.stat().st_size for part in begun)
        free = shutil.disk_usage(self.home).free
        if total - there > free:
            raise DataError(
                f"{self.location}: {in_bytes(total - there)} to fetch, {in_bytes(free)} free in "
                f"{self.home}; name a folder on a larger disk by {CACHE_VARIABLE}"
            )
        with shown(self.location, total, len(entries)) as advance:
            at_once(self._fetch_one, entries, advance)

    def _part(self, entry: Entry) -> Path:
        """Where an object is fetched to; another place once it has changed."""
        version = f"{entry.name}\0{entry.etag}\0{entry.size}"
        return self.parts / hashlib.sha256(version.encode()).hexdigest()

    def _fetch_one(self, entry: Entry, advance: Callable[[int], None]) -> None:
        part, target = self._part(entry), self.files / entry.name
        download(under(self.location, entry.name), entry.size, entry.etag, part, advance)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Killed between the two, the part is there whole.
        self.record.add(entry, part)
        os.replace(part, target)


class _Record:
    """Which object each file is, so that it need not be read again: a line of JSON for each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, list[Any]] = {}
        self.adding = threading.Lock()

    def read(self) -> None:
        """Read what is there; a line that was cut short is none."""
        text = self.path.read_text("utf-8") if self.path.exists() else ""
        for line in text.splitlines():
            try:
                name, *rest = json.loads(line)
            except ValueError:
                continue
            self.lines[name] = rest

    def holds(self, entry: Entry, path: Path) -> bool:
        """Whether a file is the object, as it was fetched."""
        try:
            state = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return self.lines.get(entry.name) == [entry.etag, entry.size, state.st_mtime_ns] and (
            state.st_size == entry.size
        )

    def tidy(self) -> None:
        """Write the newest line of every file alone."""
        write_text(self.path, "".join(f"{json.dumps(k)}\n" for k in self._rows()))

    def _rows(self) -> list[list[Any]]:
        return [[name, *rest] for name, rest in self.lines.items()]

    def add(self, entry: Entry, path: Path) -> None:
        """Add the line of a file that was fetched into `path`."""
        line = json.dumps([entry.name, entry.etag, entry.size, path.stat().st_mtime_ns])
        with self.adding, self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")


def _check_names(location: str, entries: list[Entry]) -> None:
    """Raise DataError unless every object's name can be that of a file below a folder."""
    names = {entry.name for entry in entries}
    for name in names:
        parts = name.split("/")
        if {"", ".", ".."} & set(parts) or "\0" in name:
            raise DataError(f"{location}: an object called {name!r}, expected names of files")
        folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        if found := next((folder for folder in folders if folder in names), None):
            raise DataError(
                f"{location}: {found!r} is an object and a folder, expected one of both"
            )

"""Finished stages in the shared store, so that no job computes again what another one has.

DVC's run cache names what a stage was made of and what came out, but leaves out stages whose files
git keeps (tables, metrics), and `dvc push --run-cache` leaves out the files of older runs. So each
save enters the stages that finished since the last one, pushes all that they made, and then writes
the entries: an entry in the store never promises files that are not there. They lie beside DVC's
remote, not in it: `dvc repro --pull` would fetch every one of them again at each call.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

from gsam.errors import DataError
from pipelines.object_store import get_file, listed, put_file, store_errors, under

__all__ = ["FinishedStages", "read_lock"]

_TRANSFERS = 16


def read_lock(checkout: Path) -> dict[str, Any] | None:
    """The stages of dvc.lock by name; none without one; None while it is being written."""
    try:
        read = yaml.safe_load((checkout / "dvc.lock").read_text())
    except FileNotFoundError:
        return {}
    except yaml.YAMLError:
        return None
    stages = read.get("stages") if isinstance(read, dict) else None
    return stages if isinstance(stages, dict) else None


class FinishedStages:
    """What a checkout's `dvc repro` has finished, and the store at `root` knows or learns."""

    def __init__(self, checkout: Path, root: str) -> None:
        self.checkout = checkout
        self.root = root
        self._entries = under(root, "stages")
        self._runs = checkout / ".dvc" / "cache" / "runs"
        self._stored: set[str] = set()
        self._saved: dict[str, Any] = {}
        self._seen = self._stamp()

    def fetch(self) -> int:
        """Let DVC know every stage that the store does; how many there are.

        Raises:
            ConfigError, DataError: the store is wrong or fails.
        """
        self._stored = {entry.name for entry in listed(self._entries)}
        missing = [name for name in self._stored if not (self._runs / name).exists()]
        with ThreadPoolExecutor(_TRANSFERS) as pool:
            list(pool.map(lambda n: get_file(under(self._entries, n), self._runs / n), missing))
        return len(self._stored)

    def pending(self) -> bool:
        """Whether DVC has noted something since the last `push`."""
        return self._stamp() != self._seen

    def push(self) -> int:
        """Bring to the store what has finished since the last call; the bytes that went up.

        Raises:
            ConfigError, DataError: the store is wrong or fails; the next call tries all again.
        """
        stamp, locked = self._stamp(), read_lock(self.checkout)
        if locked is None:
            return 0
        # Also a stage whose entry in dvc.lock is as it was: what it names may not be in the store.
        unsaved = {name: entry for name, entry in locked.items() if self._saved.get(name) != entry}
        sent, saved, names = self._push_stages(set(unsaved))
        with ThreadPoolExecutor(_TRANSFERS) as pool:
            list(pool.map(lambda n: put_file(self._runs / n, under(self._entries, n)), names))
        self._stored |= set(names)
        self._saved |= {name: unsaved[name] for name in saved}
        self._seen = stamp
        return sent

    def _push_stages(self, names: set[str]) -> tuple[int, list[str], list[str]]:
        """Enter those of the stages that are finished and here, and push all that new entries
        name; the bytes, which stages, and the entries."""
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        # What fails is told in a line of our own.
        logging.getLogger("dvc").setLevel(logging.CRITICAL)
        try:
            # DVC resolves paths from where it works.
            with chdir(self.checkout), Repo(str(self.checkout)) as repo:
                stages = [stage for stage in repo.index.stages if stage.addressing in names]
                # Others wait for files that are being made, or were not needed.
                stages = [stage for stage in stages if stage.already_cached()]
                objects, entries = self._enter(repo, stages)
                sent = self._push_objects(repo, objects)
        except (DvcException, OSError) as error:
            raise DataError(f"{self.checkout}: {str(error).splitlines()[0]}") from None
        return sent, [stage.addressing for stage in stages], entries

    def _stamp(self) -> int:
        lock = self.checkout / "dvc.lock"
        return lock.stat().st_mtime_ns if lock.exists() else 0

    def _enter(self, repo: Any, stages: list[Any]) -> tuple[set[Any], list[str]]:
        """Enter stages into DVC's run cache; the hashes of all that they and new entries name, and
        these entries."""
        objects: set[Any] = set()
        for stage in stages:
            repo.stage_cache.save(stage)
            objects = objects.union(*stage.get_used_objs().values())
        entries = self._new_entries(repo)
        pairs = [tuple(name.split("/")[-2:]) for name in entries]
        return objects.union(*repo.stage_cache.get_used_objs(pairs).values()), entries

    def _push_objects(self, repo: Any, objects: set[Any]) -> int:
        with store_errors(self.root):
            done = repo.cloud.push(objects)
        if done.failed:
            raise DataError(f"{self.root}: {len(done.failed)} files could not be pushed")
        paths = (Path(repo.cache.local.oid_to_path(found.value)) for found in done.transferred)
        return sum(path.stat().st_size for path in paths if path.exists())

    def _new_entries(self, repo: Any) -> list[str]:
        """Entries that the store lacks and whose files are all in DVC's cache: DVC enters a stage
        before it moves the files there."""
        files = (path for path in self._runs.glob("*/*/*") if len(path.name) == 64)
        names = {path.relative_to(self._runs).as_posix() for path in files} - self._stored
        return sorted(name for name in names if self._whole(repo, self._runs / name))

    def _whole(self, repo: Any, entry: Path) -> bool:
        outs = yaml.safe_load(entry.read_text()).get("outs", [])
        return all(repo.cache.local.exists(out["md5"]) for out in outs if "md5" in out)

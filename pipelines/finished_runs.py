"""Finished trainings keep their checkpoints until DVC has noted them.

A stage's end is written down by DVC in dvc.lock, some tenths of a second after the stage. A kill in
between must not cost a training: it is run again, finds its last checkpoint and is done.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from pipelines.object_store import (
    NotThere,
    delete_tree,
    is_remote,
    listed,
    read_bytes,
    under,
    write_bytes,
)

__all__ = ["mark_finished", "sweep"]

_MARK = "finished"
_LOCK = Path("dvc.lock")
KEPT_S = 24 * 3600.0
"""After so long a finished training that nobody noted is one that nobody will ask for."""


def mark_finished(location: str, out: Path) -> None:
    """Say that everything that came of a training is written, `out` among it. A stage that was not
    started by DVC is noted by nobody: its checkpoints go at once.

    Raises:
        ConfigError, DataError: the store is read-only or fails.
    """
    if "DVC_STAGE" not in os.environ:
        delete_tree(location)
        return
    # DVC's own name of a file's content, which is how dvc.lock names it.
    content = hashlib.md5(out.read_bytes(), usedforsecurity=False).hexdigest()
    write_bytes(under(location, _MARK), f"{content} {time.time():.0f}".encode())


def sweep(root: str) -> None:
    """Remove the checkpoints of finished trainings whose ends dvc.lock has, below the place of all
    runs; so `dvc repro --force` trains again.

    Raises:
        ConfigError, DataError: the store is read-only or fails.
    """
    noted = ""
    with suppress(FileNotFoundError):
        noted = _LOCK.read_text(errors="replace")
    for name in _marked(root):
        place = under(root, name)
        with suppress(NotThere):  # another stage has just swept it
            content, finished = read_bytes(under(place, _MARK)).decode().split()
            if f"md5: {content}\n" in noted or time.time() - float(finished) > KEPT_S:
                delete_tree(place)


def _marked(root: str) -> list[str]:
    """Names of finished trainings."""
    if is_remote(root):
        names = (entry.name.split("/") for entry in listed(root))
        return [parts[0] for parts in names if parts[1:] == [_MARK]]
    return sorted(path.parent.name for path in Path(root).glob(f"*/{_MARK}"))

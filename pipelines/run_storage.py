"""Where trainings and detections keep what they have finished, so that a killed one goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pyarrow.fs import FileSystem

from gsam.training.checkpoint import CheckpointFolder, Keeper, State
from gsam.training.identity import identity
from pipelines.finished_runs import mark_finished
from pipelines.object_store import (
    filesystem,
    is_remote,
    split,
    store_errors,
    store_root,
    under,
)
from pipelines.remote_checkpoints import RemoteCheckpoints

__all__ = ["STORAGE_VARIABLE", "RunStorage", "shared_runs"]

STORAGE_VARIABLE = "GSAM_RUN_STORAGE"


def shared_runs() -> str | None:
    """Where runs keep what they finish: $GSAM_RUN_STORAGE, or `runs` below $GSAM_STORE; None where
    neither is set.

    Raises:
        ConfigError: one of them is no s3://bucket/prefix and no folder.
    """
    given = os.environ.get(STORAGE_VARIABLE, "").strip()
    if not given:
        store = store_root()
        return under(store, "runs") if store else None
    if not is_remote(given):
        return str(Path(given).resolve())
    split(given)
    return given.rstrip("/")


class RunStorage:
    """Where a training keeps its checkpoints: outside every out, named by what it is made of."""

    def __init__(
        self, run: Mapping[str, Any], seed: int, data_hash: str, device: str | None = None
    ) -> None:
        """It lies in the shared place of all runs (`shared_runs`), or else in .gsam/runs.

        Args:
            run, seed, data_hash: what the training is made of.
            device: kind of device that trains (default: this process's).

        Raises:
            ConfigError: the variables that name the shared place make no sense.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        key = identity(run, seed=seed, data_hash=data_hash, device=device)
        self.name = f"{run['name']}-seed{seed}-{key}"
        self.root = shared_runs() or str(Path(".gsam/runs").resolve())

    @property
    def location(self) -> str:
        """The training's own place: a folder or s3://bucket/prefix."""
        return under(self.root, self.name)

    def keeper(self, warn: Callable[[str], None]) -> Keeper:
        """Where a training without Ray keeps its checkpoints; `warn` hears of damaged ones."""
        if is_remote(self.root):
            return RemoteCheckpoints(self.location, warn)
        return _Folder(self.location, warn)

    def filesystem(self) -> tuple[FileSystem, str]:
        """pyarrow's file system, and the path that the place of all runs has there: Ray Train's
        `storage_filesystem` and `storage_path`."""
        return filesystem(self.root)

    def finish(self, out: Path) -> None:
        """Everything that came of the training is written, the file `out` among it: the checkpoints
        may go once DVC has noted that.

        Raises:
            ConfigError, DataError: the store is read-only or fails.
        """
        mark_finished(self.location, out)


class _Folder(CheckpointFolder):
    """Checkpoints in a folder, with a line of one's own where the disk fails."""

    def load(self) -> State | None:
        with store_errors(str(self.folder)):
            return super().load()

    def save(self, epoch: int, state: State) -> None:
        with store_errors(str(self.folder)):
            super().save(epoch, state)

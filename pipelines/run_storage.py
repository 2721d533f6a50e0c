"""Where trainings and detections keep what they have finished, so that a killed one goes on."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gsam.errors import ConfigError
from gsam.training.identity import identity

__all__ = ["STORAGE_VARIABLE", "RunStorage"]

STORAGE_VARIABLE = "GSAM_RUN_STORAGE"


class RunStorage:
    """Where a training keeps its checkpoints: outside every out, named by what it is made of."""

    def __init__(self, run: Mapping[str, Any], seed: int, data_hash: str) -> None:
        """The folder is $GSAM_RUN_STORAGE (may be s3:// with Ray workers), or .gsam/runs."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        key = identity(run, seed=seed, data_hash=data_hash, device=device)
        root = os.environ.get(STORAGE_VARIABLE) or ".gsam/runs"
        self.name = f"{run['name']}-seed{seed}-{key}"
        self.remote = "://" in root
        self.root = root.rstrip("/") if self.remote else str(Path(root).resolve())

    @property
    def folder(self) -> Path:
        """The local folder.

        Raises:
            ConfigError: the storage is not local.
        """
        if self.remote:
            raise ConfigError(
                f"{STORAGE_VARIABLE} = {self.root}: expected a local folder when workers is 0"
            )
        return Path(self.root) / self.name

    def clear(self) -> None:
        """Remove the training's checkpoints."""
        if self.remote:
            from pyarrow import fs

            system, root = fs.FileSystem.from_uri(self.root)
            path = f"{root}/{self.name}"
            if system.get_file_info(path).type != fs.FileType.NotFound:
                system.delete_dir(path)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

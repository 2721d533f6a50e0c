"""Checkpoints that are whole or absent: checksummed, written by rename, read newest first."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from gsam.storage import atomic_path

__all__ = ["CheckpointFolder", "Keeper", "decode", "encode"]

_MAGIC = b"gsam checkpoint 1\n"
_HASH_BYTES = 32
KEPT = 2

State = dict[str, Any]


class Keeper(Protocol):
    """Where the loop keeps its checkpoints; every rank calls both methods at the same places."""

    def load(self) -> State | None:
        """The newest checkpoint that is whole, or None."""

    def save(self, epoch: int, state: State) -> None:
        """Keep the state after `epoch` epochs."""


def encode(state: State) -> bytes:
    """A state of tensors, numbers, texts, lists and dicts as checksummed bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def decode(content: bytes) -> State | None:
    """The state, on the CPU, or None when the bytes are damaged or of another kind."""
    head, payload = content[: len(_MAGIC) + _HASH_BYTES], content[len(_MAGIC) + _HASH_BYTES :]
    if head != _MAGIC + hashlib.sha256(payload).digest():
        return None
    state: State = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state


class CheckpointFolder:
    """Checkpoints as files of one local folder; the newest two are kept."""

    def __init__(self, folder: str | Path, warn: Callable[[str], None] = print) -> None:
        """`warn` is told about damaged checkpoints."""
        self.folder = Path(folder)
        self._warn = warn

    def load(self) -> State | None:
        """The newest whole checkpoint, or None; damaged ones are named, removed and passed over."""
        for path in self._files():
            state = decode(path.read_bytes())
            if state is not None:
                return state
            self._warn(f"{path}: damaged checkpoint, falling back to the one before")
            path.unlink()
        return None

    def save(self, epoch: int, state: State) -> None:
        """Write the checkpoint whole or not at all, then drop all but the newest two."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.folder / f"{epoch:06d}.ckpt") as temporary:
            temporary.write_bytes(encode(state))
        for old in self._files()[KEPT:]:
            old.unlink()

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        """Newest first; a file that a killed process was still writing has another name."""
        return sorted(self.folder.glob("[0-9]*.ckpt"), reverse=True)

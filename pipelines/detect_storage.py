"""Finished parts of a detection, kept outside every out so that a killed run goes on from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pipelines.object_store import (
    NotThere,
    delete_tree,
    is_remote,
    read_bytes,
    under,
    write_bytes,
)
from pipelines.run_storage import shared_runs

__all__ = ["Found", "ShardStorage"]

_MAGIC = b"gsam detections 1\n"
_HASH_BYTES = 32


@dataclass(frozen=True)
class Found:
    """People found in the pictures of a split, P of them, each with J joints.

    picture (P,) int64: its number in the split; boxes (P, 4) float32 x, y, width, height, points
    (P, J, 2) float32, both in px of the stored picture; scores (P, J) float32.
    """

    picture: NDArray[np.int64]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.picture)

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Several parts as one, in their order."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class ShardStorage:
    """One file per finished shard, whole or absent, in a place named by what it is made of."""

    def __init__(self, folder: str) -> None:
        """`folder` is a path or s3://bucket/prefix."""
        self.folder = folder if is_remote(folder) else str(Path(folder).resolve())

    @classmethod
    def named(cls, name: str) -> ShardStorage:
        """The storage `name` in the shared place of all runs (`shared_runs`), or in .gsam."""
        root = shared_runs()
        return cls(under(root, f"detect-{name}") if root else f".gsam/detect/{name}")

    def load(self, shard: str) -> Found | None:
        """A finished shard; None where it is not there, or damaged (then it is made again).

        Raises:
            ConfigError, DataError: the store is wrong or fails.
        """
        try:
            return _decode(read_bytes(self._path(shard)))
        except NotThere:
            return None

    def save(self, shard: str, found: Found) -> None:
        """Keep a finished shard; who reads meanwhile sees all of it or nothing.

        Raises:
            ConfigError, DataError: the store is read-only, full or fails.
        """
        write_bytes(self._path(shard), _encode(found))

    def clear(self) -> None:
        """Remove the storage; raises as `save`."""
        delete_tree(self.folder)

    def _path(self, shard: str) -> str:
        return under(self.folder, f"{shard}.shard")


def _encode(found: Found) -> bytes:
    payload = save(asdict(found))
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def _decode(content: bytes) -> Found | None:
    head, payload = content[: len(_MAGIC) + _HASH_BYTES], content[len(_MAGIC) + _HASH_BYTES :]
    if head != _MAGIC + hashlib.sha256(payload).digest():
        return None
    try:
        arrays = load(payload)
    except SafetensorError:
        return None
    return Found(**arrays)

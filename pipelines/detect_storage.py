"""Finished parts of a detection, kept outside every out so that a killed run goes on from them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyarrow import fs
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pipelines.run_storage import STORAGE_VARIABLE

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
    """One file per finished shard, whole or absent, in a folder named by what it is made of."""

    def __init__(self, folder: str) -> None:
        """`folder` is a path or a URI that pyarrow knows, such as s3://bucket/prefix."""
        self.folder = folder if "://" in folder else str(Path(folder).resolve())
        self._system, self._root = fs.FileSystem.from_uri(self.folder)

    @classmethod
    def named(cls, name: str) -> ShardStorage:
        """The storage `name` in $GSAM_RUN_STORAGE (may be s3:// with Ray workers), or .gsam."""
        root = os.environ.get(STORAGE_VARIABLE)
        return cls(f"{root.rstrip('/')}/detect-{name}" if root else f".gsam/detect/{name}")

    def load(self, shard: str) -> Found | None:
        """A finished shard; None where it is not there, or damaged (then it is made again)."""
        try:
            with self._system.open_input_stream(self._path(shard)) as stream:
                content = stream.read()
        except FileNotFoundError:
            return None
        return _decode(content)

    def save(self, shard: str, found: Found) -> None:
        """Keep a finished shard; who reads meanwhile sees all of it or nothing."""
        self._system.create_dir(self._root, recursive=True)
        temporary = f"{self._path(shard)}.{secrets.token_hex(6)}.tmp"
        with self._system.open_output_stream(temporary) as stream:
            stream.write(_encode(found))
        self._system.move(temporary, self._path(shard))

    def clear(self) -> None:
        """Remove the storage."""
        if self._system.get_file_info(self._root).type != fs.FileType.NotFound:
            self._system.delete_dir(self._root)

    def _path(self, shard: str) -> str:
        return f"{self._root}/{shard}.shard"


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

"""Write images and their people: JPEGs as they are into tar shards, one table row per image."""

from __future__ import annotations

import hashlib
import os
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from gsam.errors import DataError
from gsam.images.jpeg import jpeg_size
from gsam.images.people import People
from gsam.schemas import IMAGES
from gsam.skeletons import SKELETONS
from gsam.storage import atomic_path, list_column, write_table

__all__ = ["MAX_SHARD_BYTES", "ImageWriter"]

MAX_SHARD_BYTES = 256 * 10**6
_ROWS_PER_BATCH = 4096
_LISTS = ("points", "visibility", "boxes", "areas", "crowds", "ids")


class ImageWriter:
    """Fill `<split>-00000.tar` … and `<split>.parquet` of a folder; a context manager.

    Same images in the same order are the same bytes. On an error nothing of the split is left. The
    table is small: rows are kept as Arrow batches, JPEGs go straight to disk.

    Args:
        folder: made where absent; the table and the shards lie side by side in it.
        split: train, test, val or valid, the start of every file's name.
        dataset: name of the dataset; a twin's is its own.
        joint_set: name of the skeleton whose joints the people have.
        producer: what writes, for the table's metadata.
        shard_bytes: a shard is closed before it would grow beyond this.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        split: str,
        dataset: str,
        joint_set: str,
        producer: str,
        *,
        shard_bytes: int = MAX_SHARD_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self.split = split
        self.skeleton = SKELETONS[joint_set]
        self._notes = {"dataset": dataset, "producer": producer, "joint_set": joint_set}
        self._limit = shard_bytes
        self._names: set[str] = set()
        self._rows: list[dict[str, Any]] = []
        self._batches: list[pa.Table] = []
        self._shards: dict[str, dict[str, object]] = {}
        self._open = ExitStack()
        self._stream: IO[bytes] | None = None
        self._place = 0

    def __enter__(self) -> ImageWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        if kind is not None:
            self._abandon(kind, *error)
            return
        try:
            self._close_shard()
            self._write_index()
        except BaseException:
            self._abandon(None, None, None)
            raise

    def __len__(self) -> int:
        return len(self._names)

    def add(
        self,
        jpeg: bytes | memoryview,
        *,
        image: str,
        people: People,
        subject: str | None = None,
        sequence: str | None = None,
        camera: str | None = None,
        frame: int | None = None,
        origin: tuple[float, float] = (0.0, 0.0),
        zoom: float = 1.0,
        where: str = "",
    ) -> None:
        """Append one image: stored px = (source px - origin) * zoom.

        `where` names the image's file in messages (`image` when empty). Raises DataError for a
        JPEG that is truncated or none, a name that came before or cannot be a path, and people
        with another number of joints.
        """
        where = where or image
        if image in self._names:
            raise DataError(f"{where}: image {image!r} appears twice, expected distinct names")
        if not image or image.startswith("/") or ".." in image.split("/"):
            raise DataError(f"{where}: image {image!r}, expected a name that can be a path")
        if people.points.shape[1] != self.skeleton.size:
            found = people.points.shape[1]
            raise DataError(f"{where}: people of {found} joints, expected {self.skeleton.size}")
        width, height = jpeg_size(jpeg, where)
        shard, offset = self._store(image, jpeg)
        self._names.add(image)
        row = {
            "image": image,
            "dataset": self._notes["dataset"],
            "split": self.split,
            "subject": subject,
            "sequence": sequence,
            "camera": camera,
            "frame": frame,
            "shard": shard,
            "offset": offset,
            "size": len(jpeg),
            "width": width,
            "height": height,
            "origin_x": float(origin[0]),
            "origin_y": float(origin[1]),
            "zoom": float(zoom),
            "people": people,
        }
        self._rows.append(row)
        if len(self._rows) == _ROWS_PER_BATCH:
            self._flush()

    def _store(self, image: str, jpeg: bytes | memoryview) -> tuple[str, int]:
        """Append a tar member; returns its shard's name and the offset of its content."""
        info = tarfile.TarInfo(f"{image}.jpg")
        info.size = len(jpeg)
        header = info.tobuf(tarfile.GNU_FORMAT)
        if self._place and self._place + len(header) + len(jpeg) > self._limit:
            self._close_shard()
        if self._stream is None:
            name = f"{self.split}-{len(self._shards):05d}.tar"
            self._shards[name] = {}
            temporary = self._open.enter_context(atomic_path(self.folder / name))
            self._stream = self._open.enter_context(temporary.open("wb"))
            self._hash = hashlib.sha256()
        self._write(header)
        offset = self._place
        self._write(jpeg)
        self._write(bytes(-len(jpeg) % tarfile.BLOCKSIZE))
        return list(self._shards)[-1], offset

    def _write(self, data: bytes | memoryview) -> None:
        assert self._stream is not None
        self._stream.write(data)
        self._hash.update(data)
        self._place += len(data)

    def _close_shard(self) -> None:
        if self._stream is None:
            return
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._shards[list(self._shards)[-1]] = {
            "bytes": self._place,
            "sha256": self._hash.hexdigest(),
        }
        self._open.close()
        self._stream, self._place = None, 0

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        people = [row.pop("people") for row in rows]
        columns: dict[str, Any] = {
            name: pa.array([row[name] for row in rows], IMAGES.field(name).type) for name in rows[0]
        }
        columns["people"] = pa.array([len(some) for some in people], pa.int32())
        for name in _LISTS:
            kind = IMAGES.field(name).type.value_type.to_pandas_dtype()
            columns[name] = list_column([getattr(some, name) for some in people], kind)
        heads = [None if some.head_sizes is None else some.head_sizes.tolist() for some in people]
        columns["head_sizes"] = pa.array(heads, IMAGES.field("head_sizes").type)
        self._batches.append(pa.table(columns).select(IMAGES.names))

    def _write_index(self) -> None:
        if self._rows:
            self._flush()
        if not self._batches:
            raise DataError(f"{self.folder}: no images of the split {self.split!r}")
        metadata = {
            **self._notes,
            "joint_names": list(self.skeleton.joints),
            "shards": self._shards,
        }
        table = pa.concat_tables(self._batches).combine_chunks()
        write_table(self.folder / f"{self.split}.parquet", table, IMAGES, metadata)

    def _abandon(self, *error: Any) -> None:
        """Remove what was written of this split."""
        self._stream = None
        if error[0] is None:
            self._open.close()
        else:
            self._open.__exit__(*error)
        for name in self._shards:
            (self.folder / name).unlink(missing_ok=True)

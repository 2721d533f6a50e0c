"""Read images written by `ImageWriter`: any image by its index, all people as flat arrays."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.images.jpeg import decode_jpeg
from gsam.schemas import IMAGES, metadata_of
from gsam.skeletons import SKELETONS, Skeleton
from gsam.storage import digest, read_table

__all__ = ["ImageSet"]

_LISTS = ("points", "visibility", "boxes", "areas", "head_sizes", "crowds", "ids")
_ROWS = [name for name in IMAGES.names if name not in _LISTS]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """All images of one split: M images, P people, J joints.

    `rows` is the table without the people's columns. Person p is in image `person_image[p]` (P,)
    int64, ascending, with points (P, J, 2) float32 and boxes (P, 4) float32 in pixels of the
    stored image, visibility (P, J) uint8 levels (schema IMAGES), areas (P,) float32 px²,
    head_sizes (P,) float32 px (NaN where there is none), crowds (P,) bool and person_ids
    (P,) int64. `data_hash` identifies all splits of the folder, JPEGs included.

    Images are mapped into memory when first asked for; a copy in another process or thread maps
    them itself, so an ImageSet may be pickled and shared.
    """

    folder: Path
    rows: pa.Table
    skeleton: Skeleton
    person_image: NDArray[np.int64]
    points: NDArray[np.float32]
    visibility: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    areas: NDArray[np.float32]
    head_sizes: NDArray[np.float32]
    crowds: NDArray[np.bool_]
    person_ids: NDArray[np.int64]
    data_hash: str
    _places: tuple[NDArray[np.int64], NDArray[np.int64], list[str]] = field(repr=False)
    _maps: dict[str, mmap.mmap] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], split: str) -> ImageSet:
        """Read the table of one split and check that its shards are there in full length.

        Raises DataError that names the file for a missing split, a table that breaks the schema or
        names an unknown joint set, and a shard that is absent or of another length.
        """
        root = Path(folder)
        path = root / f"{split}.parquet"
        table = read_table(path, IMAGES)
        skeleton = _check(table, path)
        counts = table.column("people").to_numpy()
        people = {name: _flat(table.column(name), counts, skeleton, name) for name in _LISTS}
        return cls(
            folder=root,
            rows=table.select(_ROWS),
            skeleton=skeleton,
            person_image=np.repeat(np.arange(len(counts), dtype=np.int64), counts),
            person_ids=people.pop("ids"),
            **people,
            data_hash=digest(sorted(root.glob("*.parquet"))),
            _places=(
                table.column("offset").to_numpy(),
                table.column("size").to_numpy(),
                table.column("shard").to_pylist(),
            ),
        )

    def __len__(self) -> int:
        return self.rows.num_rows

    @property
    def dataset(self) -> str:
        """The one dataset that all images are of.

        Raises DataError when there are several, whose figures may not be averaged.
        """
        names = sorted(set(self.rows["dataset"].to_pylist()))
        if len(names) != 1:
            raise DataError(f"{self.folder}: images of the datasets {names}, expected one")
        return str(names[0])

    def jpeg(self, image: int) -> memoryview:
        """The JPEG's bytes, not copied.

        Raises DataError when the shard ends before it.
        """
        offsets, sizes, shards = self._places
        start, end = int(offsets[image]), int(offsets[image] + sizes[image])
        content = memoryview(self._mapped(shards[image]))[start:end]
        if start < 0 or len(content) != end - start:
            raise DataError(f"{self.name(image)}: its shard ends at {len(content)} bytes of it")
        return content

    def decode(self, image: int) -> NDArray[np.uint8]:
        """The picture (H, W, 3) uint8 RGB.

        Raises DataError that names shard and image when it is damaged.
        """
        return decode_jpeg(self.jpeg(image), self.name(image))

    def name(self, image: int) -> str:
        """Shard and image, for messages."""
        return f"{self.folder / self._places[2][image]}: image {self.rows['image'][image]}"

    def _mapped(self, shard: str) -> mmap.mmap:
        found = self._maps.get(shard)
        if found is None:
            with (self.folder / shard).open("rb") as stream:
                found = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[shard] = found
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}


def _check(table: pa.Table, path: Path) -> Skeleton:
    """The table's joint set, after its shards were found to be what the table says."""
    notes = metadata_of(table)
    skeleton = SKELETONS.get(str(notes.get("joint_set")))
    if skeleton is None or notes.get("joint_names") != list(skeleton.joints):
        raise DataError(f"{path}: joint set {notes.get('joint_set')!r} and its names do not agree")
    shards = notes.get("shards")
    if not isinstance(shards, dict) or not table.num_rows:
        raise DataError(f"{path}: names no images or no shards, expected both")
    for shard, wanted in shards.items():
        if not isinstance(wanted, dict) or not isinstance(wanted.get("bytes"), int):
            raise DataError(f"{path}: says no length of the shard {shard!r}, expected its bytes")
        file = path.parent / shard
        found = file.stat().st_size if file.is_file() else None
        if Path(shard).name != shard or found != wanted["bytes"]:
            size = "no such file" if found is None else f"{found} bytes"
            raise DataError(f"{file}: {size}, expected {wanted['bytes']} bytes as {path.name} says")
    unknown = sorted(set(pc.unique(table.column("shard")).to_pylist()) - set(shards))
    if unknown:
        raise DataError(f"{path}: shard {unknown[0]!r} is not among {sorted(shards)}")
    return skeleton


def _flat(
    column: pa.ChunkedArray, counts: NDArray[np.int32], skeleton: Skeleton, name: str
) -> NDArray[Any]:
    """The people's values one below the other (P, ...); NaN for rows that have none."""
    values = pc.list_flatten(column).to_numpy()
    if column.null_count:
        filled = np.full(int(counts.sum()), np.nan, np.float32)
        filled[np.repeat(column.is_valid().to_numpy(), counts)] = values
        return filled
    shapes = {"points": (skeleton.size, 2), "visibility": (skeleton.size,), "boxes": (4,)}
    return values.reshape(-1, *shapes.get(name, ()))

"""SMPL labels of the people in images: one table per split beside its images, written and read.

A table (schema BODIES) has one row per person of `<split>.parquet` of the images, in the same
order, so that person p of an `ImageSet` is row p of its `BodyLabels`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.images.reader import ImageSet
from gsam.schemas import BODIES, metadata_of
from gsam.skeletons import SMPL_24, SPIN_24
from gsam.storage import array_column, digest, list_column, read_table, write_table

__all__ = ["GENDERS", "PARTS", "BodyLabels", "PersonLabel", "write_labels"]

GENDERS = ("m", "f", "n")
PARTS = SMPL_24.size
"""Largest value of a part map: 0 is background, k + 1 the part of SMPL's joint k."""


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """What is known of one person's body: camera frame (x right, y down, z forward), metres.

    person is the number among the people of its image; pose (72,) axis-angle, radians, the first
    joint's turning the body to the camera; shape (10,); joints (24, 3), SPIN's; translation (3,)
    of the posed body, None where no camera is known (joints are then untranslated); parts (M, M)
    uint8 with the square parts_box (4,) x, y, width, height in stored-image px that it covers, both
    or none.
    """

    image: str
    person: int
    sequence: str
    gender: str
    pose: NDArray[np.float32]
    shape: NDArray[np.float32]
    joints: NDArray[np.float32]
    translation: NDArray[np.float32] | None = None
    parts: NDArray[np.uint8] | None = None
    parts_box: NDArray[np.float64] | None = None


def write_labels(
    path: str | os.PathLike[str],
    people: Sequence[PersonLabel],
    dataset: str,
    body: str,
    body_hash: str,
) -> None:
    """Write the table of one split.

    Args:
        path: `<split>.parquet` in the labels' folder.
        people: in the order of the images table.
        dataset: name of the dataset; a twin's is its own.
        body: name of the body that joints and part maps are of, and the hash of its files.
        body_hash: see `body`.

    Raises:
        DataError: a label of another shape, not finite, of an unknown gender, or a part map without
            its box; nothing is written then.
    """
    for one in people:
        _check(one, f"{path}: image {one.image!r}: person {one.person}")
    columns = {
        "image": [one.image for one in people],
        "person": [one.person for one in people],
        "sequence": [one.sequence for one in people],
        "gender": [one.gender for one in people],
        "smpl_pose": list_column([one.pose for one in people]),
        "smpl_shape": list_column([one.shape for one in people]),
        "translation": [_listed(one.translation) for one in people],
        "joints": list_column([one.joints for one in people]),
        "parts": [None if one.parts is None else _png(one.parts) for one in people],
        "parts_box": [_listed(one.parts_box) for one in people],
    }
    sizes = {one.parts.shape for one in people if one.parts is not None}
    if len(sizes) > 1:
        raise DataError(f"{path}: part maps of shapes {sorted(sizes)}, expected one size")
    notes = {
        "dataset": dataset,
        "producer": "gsam bodies",
        "body": body,
        "body_hash": body_hash,
        "part_size": str(next(iter(sizes), (0,))[0]),
    }
    write_table(path, columns, BODIES, notes)


def _check(one: PersonLabel, where: str) -> None:
    shapes = {
        "pose": (72,),
        "shape": (10,),
        "joints": (SPIN_24.size, 3),
        "translation": (3,),
        "parts_box": (4,),
    }
    for name, shape in shapes.items():
        value = getattr(one, name)
        if value is None and name in ("translation", "parts_box"):
            continue
        if np.shape(value) != shape:
            raise DataError(f"{where}: {name} of shape {np.shape(value)}, expected {shape}")
        if not np.isfinite(value).all():
            raise DataError(f"{where}: {name} not finite, expected numbers")
    if one.gender not in GENDERS:
        raise DataError(f"{where}: gender {one.gender!r}, expected one of {', '.join(GENDERS)}")
    if (one.parts is None) != (one.parts_box is None):
        raise DataError(f"{where}: parts and parts_box, expected both or none")
    if one.parts is not None and (one.parts.ndim != 2 or len(set(one.parts.shape)) != 1):
        raise DataError(f"{where}: parts of shape {one.parts.shape}, expected a square")
    if one.parts_box is not None and not one.parts_box[2] == one.parts_box[3] > 0:
        raise DataError(f"{where}: parts_box {one.parts_box.tolist()}, expected a square")


def _listed(values: NDArray | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _png(parts: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", parts, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise DataError(f"a part map of shape {parts.shape} cannot be encoded as PNG")
    return data.tobytes()


@dataclass(frozen=True, eq=False)
class BodyLabels:
    """The bodies of one split's P people, row p of person p of its `ImageSet`.

    poses (P, 72) float32 axis-angle, radians, root in the camera frame (x right, y down, z
    forward); shapes (P, 10) float32; translations (P, 3) float32 m, NaN where no camera is known;
    joints (P, 24, 3) float32 m, SPIN's, with the translation where there is one; genders (P,) of
    m, f or n; sequences (P,) names of takes. `body` names the body that joints and part maps are
    of, `body_hash` its files; part maps are of part_size = M pixels (0: nobody has one);
    `data_hash` identifies the tables of all splits.
    """

    poses: NDArray[np.float32]
    shapes: NDArray[np.float32]
    translations: NDArray[np.float32]
    joints: NDArray[np.float32]
    genders: NDArray[np.str_]
    sequences: NDArray[np.str_]
    body: str
    body_hash: str
    part_size: int
    data_hash: str
    _parts: pa.Array
    _boxes: NDArray[np.float64]
    _where: str

    @classmethod
    def load(cls, folder: str | os.PathLike[str], split: str, images: ImageSet) -> BodyLabels:
        """Read the labels of the people of `images`, the same split's.

        Raises DataError that names the file: absent, breaking the schema, of other people than the
        images', or with values that are not finite.
        """
        path = Path(folder) / f"{split}.parquet"
        table = read_table(path, BODIES)
        _check_people(table, images, path)
        notes = metadata_of(table)
        arrays = {
            "poses": array_column(table, "smpl_pose", (72,)),
            "shapes": array_column(table, "smpl_shape", (10,)),
            "joints": array_column(table, "joints", (SPIN_24.size, 3)),
        }
        for name, values in arrays.items():
            if not np.isfinite(values).all():
                raise DataError(f"{path}: {name} are not all finite, expected numbers")
        return cls(
            **arrays,
            translations=_nullable(table, "translation", 3).astype(np.float32),
            genders=np.array(table["gender"].to_pylist(), dtype=np.str_),
            sequences=np.array(table["sequence"].to_pylist(), dtype=np.str_),
            body=str(notes.get("body", "")),
            body_hash=str(notes.get("body_hash", "")),
            part_size=int(str(notes.get("part_size", 0))),
            data_hash=digest(sorted(path.parent.glob("*.parquet"))),
            _parts=table["parts"].combine_chunks(),
            _boxes=_nullable(table, "parts_box", 4),
            _where=str(path),
        )

    def __len__(self) -> int:
        return len(self.poses)

    def part_map(self, person: int) -> NDArray[np.uint8] | None:
        """The part map (M, M) of a person's whole body, whatever hides it in the picture; or None.

        0 background, 1 to 24 the part of SMPL's joints 0 to 23. Raises DataError when it is
        damaged.
        """
        data = self._parts[person].as_py()
        if data is None:
            return None
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
        parts = np.asarray(found)
        expected = (self.part_size, self.part_size)
        if parts.shape != expected or parts.dtype != np.uint8 or parts.max() > PARTS:
            raise DataError(
                f"{self._where}: row {person}: parts: damaged, expected a PNG of {expected} levels "
                f"0 to {PARTS}"
            )
        return parts

    def part_matrix(self, person: int) -> NDArray[np.float64]:
        """Affine map (2, 3) from pixels of the stored image to those of the person's part map.

        As `gsam.detectors.crops.crop_matrix` maps: the middle of the box goes to M / 2. NaN for a
        person without a map.
        """
        x, y, width, _ = self._boxes[person]
        zoom = self.part_size / width
        return np.array([[zoom, 0.0, -zoom * x], [0.0, zoom, -zoom * y]])


def _check_people(table: pa.Table, images: ImageSet, path: Path) -> None:
    names = images.rows["image"].take(pa.array(images.person_image)).to_pylist()
    first = np.searchsorted(images.person_image, images.person_image)
    wanted = list(zip(names, np.arange(len(names)) - first, strict=True))
    found = list(zip(table["image"].to_pylist(), table["person"].to_pylist(), strict=True))
    if len(found) != len(wanted):
        raise DataError(
            f"{path}: {len(found)} people, expected the {len(wanted)} of {images.folder}"
        )
    wrong = next((row for row, pair in enumerate(found) if pair != wanted[row]), None)
    if wrong is not None:
        raise DataError(
            f"{path}: row {wrong}: person {found[wrong][1]} of {found[wrong][0]!r}, expected "
            f"person {wanted[wrong][1]} of {wanted[wrong][0]!r} as in {images.folder}"
        )


def _nullable(table: pa.Table, name: str, size: int) -> NDArray[np.float64]:
    """Rows (P, size) of a list column; NaN for those that are null."""
    nothing = [float("nan")] * size
    rows = [nothing if row is None else row for row in table[name].to_pylist()]
    return np.array(rows, dtype=np.float64).reshape(-1, size)

"""3DPW as SPIN and PARE preprocessed it: one npz of people per split, beside the images.

The files hold no camera, so a person's joints are known relative to its own body only, and there
are neither keypoints nor part maps. They hold no validation split either: of their training
sequences one in five is held out by its name, which is not the benchmark's split.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.threedpw.labels import LabelBody, LabelledFrame, image_name, people_of
from gsam.datasets.threedpw.pickles import SPLITS
from gsam.errors import DataError
from gsam.images.bodies import GENDERS, PersonLabel
from gsam.skeletons import SPIN_24
from gsam.unpickle import as_array, load_npz

__all__ = ["Preprocessed", "label_preprocessed", "preprocessed_files", "read_preprocessed"]

BOX_UNIT = 200.0
"""Pixels of a box whose scale is 1; the boxes are enlarged by 1.2 already."""
_HELD_OUT = 5
_IMAGE = re.compile(r"imageFiles/(?P<sequence>[\w.-]+)/image_(?P<frame>\d{5})\.jpg")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """N person-frames: names of sequences (N,), frame numbers (N,), boxes (N, 4) squares x, y,
    width, height in px, poses (N, 72) axis-angle in the camera frame, shapes (N, 10), genders (N,).
    """

    sequences: NDArray[np.str_]
    frames: NDArray[np.int64]
    boxes: Floats
    poses: Floats
    shapes: Floats
    genders: NDArray[np.str_]

    def select(self, rows: NDArray) -> Preprocessed:
        """Some of the person-frames."""
        return Preprocessed(**{name: values[rows] for name, values in self.__dict__.items()})


def preprocessed_files(folder: Path) -> tuple[Path, Path] | None:
    """`3dpw_train.npz` and `3dpw_test.npz` of a folder; None unless they and images are there."""
    train, test = folder / "3dpw_train.npz", folder / "3dpw_test.npz"
    there = train.is_file() and test.is_file() and (folder / "imageFiles").is_dir()
    return (train, test) if there else None


def read_preprocessed(train: Path, test: Path) -> dict[str, Preprocessed]:
    """The people of train, validation and test.

    Raises:
        DataError: a file is damaged or hostile; an array is missing, of another shape or not
            finite; an image's or gender's name is none of 3DPW's. The message names file, key, row.
    """
    everyone = _read(train)
    names = sorted(set(everyone.sequences.tolist()))
    if len(names) < 2:
        raise DataError(f"{train}: imgname: one sequence, expected two or more to hold some out")
    chosen = {name for name in names if zlib.crc32(name.encode()) % _HELD_OUT == 0}
    if not 0 < len(chosen) < len(names):
        chosen = {names[-1]}
    held_out = np.isin(everyone.sequences, sorted(chosen))
    people = (everyone.select(~held_out), everyone.select(held_out), _read(test))
    return dict(zip(SPLITS, people, strict=True))


def _read(path: Path) -> Preprocessed:
    shapes = {"center": (2,), "scale": (), "pose": (72,), "shape": (10,)}
    arrays = load_npz(path, ["imgname", "gender", *shapes])
    names, genders = (_texts(arrays[key], f"{path}: {key}") for key in ("imgname", "gender"))
    people = len(names)
    numbers = {}
    for key, shape in shapes.items():
        array = as_array(arrays[key], f"{path}: {key}")
        if array.shape != (people, *shape) or array.dtype.kind not in "fiu":
            found = f"{array.dtype} {array.shape}"
            raise DataError(f"{path}: {key}: {found}, expected numbers {(people, *shape)}")
        bad = np.flatnonzero(~np.isfinite(array).reshape(people, -1).all(axis=1))
        if len(bad):
            raise DataError(f"{path}: {key}: row {bad[0]} is not finite")
        numbers[key] = array.astype(np.float64)
    if not people or len(genders) != people or not set(genders.tolist()) <= set(GENDERS):
        raise DataError(f"{path}: gender: expected m or f of each of {people} people")
    sides = BOX_UNIT * numbers["scale"][:, None]
    if (sides <= 0).any():
        raise DataError(f"{path}: scale: row {int(sides.argmin())} is not positive")
    places = [_IMAGE.fullmatch(name) for name in names]
    odd = next((name for name, place in zip(names, places, strict=True) if not place), None)
    if odd is not None:
        raise DataError(
            f"{path}: imgname: {str(odd)!r}, expected imageFiles/<name>/image_00000.jpg"
        )
    return Preprocessed(
        sequences=np.array([place["sequence"] for place in places if place]),
        frames=np.array([int(place["frame"]) for place in places if place]),
        boxes=np.concatenate([numbers["center"] - sides / 2, sides, sides], axis=1),
        poses=numbers["pose"],
        shapes=numbers["shape"],
        genders=genders,
    )


def _texts(values: NDArray, where: str) -> NDArray[np.str_]:
    array = as_array(values, where)
    if array.dtype.kind not in "SU" or array.ndim != 1:
        raise DataError(f"{where}: {array.dtype} {array.shape}, expected a list of texts")
    return np.char.decode(array, "latin1") if array.dtype.kind == "S" else array.astype(np.str_)


def label_preprocessed(
    people: Preprocessed, bodies: Mapping[str, LabelBody]
) -> Iterator[LabelledFrame]:
    """Labels without keypoints, translations and part maps, an image at a time in order of names.

    `bodies` are of `gsam.datasets.threedpw.labels.label_bodies`.
    """
    order = np.lexsort((people.frames, people.sequences))
    keys = list(zip(people.sequences[order].tolist(), people.frames[order].tolist(), strict=True))
    starts = [place for place, key in enumerate(keys) if place == 0 or key != keys[place - 1]]
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        yield _frame(people.select(order[start:end]), bodies)


def _frame(people: Preprocessed, bodies: Mapping[str, LabelBody]) -> LabelledFrame:
    """The people of one image."""
    sequence, frame = str(people.sequences[0]), int(people.frames[0])
    labels = []
    for person, gender in enumerate(people.genders.tolist()):
        one = slice(person, person + 1)
        joints = bodies[gender].posed(people.poses[one], people.shapes[one])[1]
        labels.append(
            PersonLabel(
                image=image_name(sequence, frame),
                person=person,
                sequence=sequence,
                gender=gender,
                pose=people.poses[person].astype(np.float32),
                shape=people.shapes[person].astype(np.float32),
                joints=joints[0].astype(np.float32),
            )
        )
    count = len(labels)
    nowhere = np.zeros((count, SPIN_24.size, 2))
    inside = np.zeros((count, SPIN_24.size), dtype=bool)
    found = people_of(nowhere, inside, people.boxes, np.arange(count))
    return LabelledFrame(sequence, frame, found, labels)

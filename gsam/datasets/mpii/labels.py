"""MPII Human Pose: HRNet's JSON and `gt_valid.mat` where the user has them, else the original .mat.

The benchmark's split of the labelled images into train and valid is only in the JSON files; which
joints are hidden, and the head boxes of train, are only in the .mat, which is asked for them where
it lies beside. From the .mat alone one image in ten is held out by its name; figures on those are
not the benchmark's.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.grants import GRANTS
from gsam.datasets.image_files import LabelledImage, first_of
from gsam.datasets.mpii.from_json import (
    HEAD_SHARE,
    JsonPerson,
    ValidTruth,
    read_hrnet_json,
    read_valid_truth,
)
from gsam.datasets.mpii.from_mat import MatPerson, read_mat
from gsam.errors import DataError, LicensedDataMissing
from gsam.images import People
from gsam.images.people import HIDDEN, VISIBLE, box_around
from gsam.skeletons import MPII_16

__all__ = ["MAT_FILE", "SPLITS", "mpii_images", "person_box", "read_mpii"]

SPLITS = ("train", "valid")
MAT_FILE = "mpii_human_pose_v1_u12_1.mat"
_HELD_OUT = 10
_AGREE_PX = 2.0

log = logging.getLogger(__name__)


def mpii_images(folder: Path) -> Path:
    """The folder or archive of the images.

    Raises LicensedDataMissing when it or the annotations are absent; it says where to get them.
    """
    names = ("images", "images.zip", "mpii_human_pose_v1.tar.gz", "mpii_human_pose_v1.tar")
    images = first_of(folder, names)
    labels = _json_files(folder)[0].is_file() or (folder / MAT_FILE).is_file()
    if images is None or not labels:
        absent = "images" if labels else f"annot/train.json or {MAT_FILE}"
        raise LicensedDataMissing(
            f"{folder}: {absent} missing; {GRANTS['mpii'].sentence}: "
            "put mpii_human_pose_v1.tar.gz (or its images/) "
            f"and annot/train.json, annot/valid.json, annot/gt_valid.mat of HRNet's MPII files or "
            f"{MAT_FILE} into {folder}"
        )
    return images


def _json_files(folder: Path) -> list[Path]:
    return [folder / "annot" / f"{split}.json" for split in SPLITS]


def read_mpii(folder: Path) -> dict[str, list[LabelledImage]]:
    """The labelled images of each split, by file name; the people's ids count the split's people
    in their file's order (the columns of gt_valid.mat).

    A person's box is HRNet's crop before its enlargement by 1.25: a square of 200 px x scale, its
    centre 15 px x scale below the annotated one (`person_box`). Areas are the boxes' own, MPII has
    no outlines. People without a box and without joints are left out.

    Raises DataError that names the file and what is wrong in it.
    """
    train, valid = _json_files(folder)
    if not train.is_file():
        return _from_mat(folder / MAT_FILE)
    if not valid.is_file():
        raise DataError(f"{valid}: no such file, expected it beside {train.name}")
    truth_file = folder / "annot" / "gt_valid.mat"
    people = read_hrnet_json(valid)
    truth = read_valid_truth(truth_file) if truth_file.is_file() else None
    if truth is not None:
        _check_truth(people, truth, truth_file)
    originals = _originals(folder / MAT_FILE)
    return {
        "train": _grouped((one.file, _of_json(one, originals)) for one in read_hrnet_json(train)),
        "valid": _grouped(
            (one.file, _of_json(one, originals, truth, i)) for i, one in enumerate(people)
        ),
    }


def _originals(path: Path) -> dict[str, list[MatPerson]]:
    """People of the original file by image; none where the user does not have it."""
    found: dict[str, list[MatPerson]] = {}
    for image in read_mat(path) if path.is_file() else ():
        found.setdefault(image.file, []).extend(image.people)
    return found


def person_box(
    centre: NDArray[np.float64] | None,
    scale: float | None,
    points: NDArray[np.float64],
    labelled: NDArray[np.bool_],
) -> NDArray[np.float64] | None:
    """Box (x, y, w, h) of a person: from centre and scale, else around the labelled joints.

    None without either.
    """
    if centre is not None and scale is not None:
        side = 200.0 * scale
        corner = centre + np.array([0.0, 15.0 * scale]) - side / 2
        return np.array([*corner, side, side])
    return box_around(points[labelled]) if labelled.any() else None


def _of_json(
    person: JsonPerson,
    originals: dict[str, list[MatPerson]],
    truth: ValidTruth | None = None,
    index: int = 0,
) -> dict[str, Any] | None:
    original = next((o for o in originals.get(person.file, ()) if _is_same(person, o)), None)
    points, labelled = person.points, person.labelled
    head = None if original is None else _head_size(original)
    if truth is not None:
        # What PCKh scores against; the JSON says the same to a fraction of a pixel.
        points, labelled = truth.points[index], truth.labelled[index]
        head = truth.head_sizes[index]
    visibility = np.where(labelled, VISIBLE, 0)
    if original is not None:
        # The JSON says whether a joint is labelled, not whether it is hidden.
        visibility[labelled & (original.visibility == HIDDEN)] = HIDDEN
    return _row(points, visibility, person_box(person.centre, person.scale, points, labelled), head)


def _is_same(person: JsonPerson, original: MatPerson) -> bool:
    """Whether an entry of both files is one person: the joints that both label lie together."""
    both = person.labelled & (original.visibility > 0)
    apart = np.linalg.norm(person.points - original.points, axis=-1)[both]
    return bool(both.any() and apart.max() <= _AGREE_PX)


def _head_size(person: MatPerson) -> float | None:
    if person.head_box is None:
        return None
    return HEAD_SHARE * float(np.hypot(*(person.head_box[2:] - person.head_box[:2])))


def _of_mat(person: MatPerson) -> dict[str, Any] | None:
    labelled = person.visibility >= HIDDEN
    box = person_box(person.centre, person.scale, person.points, labelled)
    return _row(person.points, person.visibility, box, _head_size(person))


def _row(points: Any, visibility: Any, box: Any, head: float | None) -> dict[str, Any] | None:
    if box is None:
        return None
    return {
        "points": points,
        "visibility": visibility,
        "boxes": box,
        "areas": box[2] * box[3],
        "crowds": False,
        "head_sizes": np.nan if head is None else head,
    }


def _grouped(people: Iterable[tuple[str, dict[str, Any] | None]]) -> list[LabelledImage]:
    """People, in their file's order, put together by image; images by file name."""
    images: dict[str, list[dict[str, Any]]] = {}
    for number, (file, row) in enumerate(people):
        here = images.setdefault(file, [])
        if row is not None:
            here.append({**row, "ids": number})
    found = []
    for file in sorted(images):
        rows = images[file]
        columns = {name: np.array([row[name] for row in rows]) for name in (rows or [{}])[0]}
        if all(np.isnan(row["head_sizes"]) for row in rows):
            columns.pop("head_sizes", None)
        people_here = People(**columns) if rows else People.none(MPII_16.size)
        found.append(LabelledImage(PurePosixPath(file).stem, file, people_here))
    return found


def _check_truth(people: list[JsonPerson], truth: ValidTruth, path: Path) -> None:
    """The two files must be of the same people in the same order."""
    if len(people) != len(truth.head_sizes):
        raise DataError(
            f"{path}: {len(truth.head_sizes)} people, expected the {len(people)} of valid.json"
        )
    points = np.stack([one.points for one in people])
    both = np.stack([one.labelled for one in people]) & truth.labelled
    apart = np.linalg.norm(points - truth.points, axis=-1)[both] > _AGREE_PX
    if apart.mean() > 0.01 if apart.size else False:
        raise DataError(
            f"{path}: pos_gt_src differs from valid.json in {100 * apart.mean():.0f} % of the "
            "joints, expected the same people in the same order, 1-based"
        )


def _from_mat(path: Path) -> dict[str, list[LabelledImage]]:
    rows: dict[str, list[tuple[str, dict[str, Any] | None]]] = {split: [] for split in SPLITS}
    left_out = 0
    for image in read_mat(path):
        if not image.train:
            continue
        held_out = zlib.crc32(image.file.encode()) % _HELD_OUT == 0
        for person in image.people:
            row = _of_mat(person)
            left_out += row is None
            rows["valid" if held_out else "train"].append((image.file, row))
    log.warning(
        "%s: without annot/*.json one image in %d is held out as valid, which is not the "
        "benchmark's split; %d people without box and joints left out",
        *(path, _HELD_OUT, left_out),
    )
    return {split: _grouped(people) for split, people in rows.items()}

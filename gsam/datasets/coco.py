"""COCO keypoints: `annotations/person_keypoints_{train,val}2017.json` and the images beside them.

17 joints, 0-based pixels, v = 0 not labelled, 1 labelled but hidden, 2 visible. Crowds and people
without labelled joints are kept with their boxes: a scorer must ignore them, not count them as
misses. Source: https://cocodataset.org/#format-data, guides/formats.md 4.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.grants import GRANTS
from gsam.datasets.image_files import LabelledImage, first_of
from gsam.errors import DataError, LicensedDataMissing
from gsam.images import People
from gsam.skeletons import COCO_17

__all__ = ["SPLITS", "coco_files", "read_coco"]

SPLITS = ("train", "val")

# COCO's 0, 1, 2 as levels of `gsam.images.people`: whether another thing or the person hides a
# joint is not annotated.
_LEVELS = np.array([0, 1, 3], np.uint8)


def coco_files(folder: Path, split: str) -> tuple[Path, Path]:
    """The annotations of a split and the folder or archive of its images.

    Raises LicensedDataMissing, which says where they come from and go, when either is absent.
    """
    name = f"{split}2017"
    labels = folder / "annotations" / f"person_keypoints_{name}.json"
    images = first_of(folder, (name, f"{name}.zip", f"images/{name}", f"images/{name}.zip"))
    if not labels.is_file() or images is None:
        absent = f"{name} and {name}.zip" if labels.is_file() else labels.name
        raise LicensedDataMissing(
            f"{folder}: {absent} missing; {GRANTS['coco'].sentence}: "
            "put train2017.zip and val2017.zip (or the folders) "
            f"and annotations/person_keypoints_train2017.json and …_val2017.json into {folder}"
        )
    return labels, images


def read_coco(path: Path) -> list[LabelledImage]:
    """All images of an annotation file, by file name, with all their people in the file's order.

    Raises DataError, naming the file, the annotation and the field, for a file that is no COCO
    keypoints file, other joints, unknown images, and numbers that are missing, too many or not
    finite.
    """
    content = _load(path)
    images = {}
    for row, image in enumerate(_list(content, "images", path)):
        where = f"{path}: images[{row}]"
        number = _integer(image, "id", where)
        if number in images:
            raise DataError(f"{where}: id {number} appears twice, expected distinct numbers")
        images[number] = image, where
    people: dict[int, list[dict[str, Any]]] = {number: [] for number in images}
    category = _person_category(content, path)
    for row, annotation in enumerate(_list(content, "annotations", path)):
        where = f"{path}: annotations[{row}]"
        if _integer(annotation, "category_id", where) != category:
            continue
        number = _integer(annotation, "image_id", where)
        if number not in images:
            raise DataError(f"{where}: image_id {number} is not among the file's images")
        people[number].append(_person(annotation, where))
    found = [_image(*images[number], people[number]) for number in images]
    return sorted(found, key=lambda image: image.file)


def _load(path: Path) -> dict[str, Any]:
    def without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
        # Outlines are three quarters of the file and are not used.
        entry.pop("segmentation", None)
        return entry

    try:
        with path.open(encoding="utf-8") as stream:
            content = json.load(stream, object_hook=without_outlines)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a readable JSON file ({str(error)[:200]})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}, expected COCO's dictionary")
    return content


def _list(content: dict[str, Any], field: str, path: Path) -> Iterator[dict[str, Any]]:
    rows = content.get(field)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: field {field!r} is missing or no list of entries")
    return iter(rows)


def _person_category(content: dict[str, Any], path: Path) -> int:
    for row, category in enumerate(_list(content, "categories", path)):
        names = category.get("keypoints")
        if category.get("name") != "person" and names is None:
            continue
        if names != list(COCO_17.joints):
            raise DataError(
                f"{path}: categories[{row}].keypoints are not COCO's 17 joints: {names}"
            )
        return _integer(category, "id", f"{path}: categories[{row}]")
    raise DataError(f"{path}: categories hold no person with keypoints, expected one")


def _image(image: dict[str, Any], where: str, people: list[dict[str, Any]]) -> LabelledImage:
    file = image.get("file_name")
    if not isinstance(file, str) or not PurePosixPath(file).name:
        raise DataError(f"{where}: file_name is {file!r}, expected a file's name")
    file = PurePosixPath(file).name
    return LabelledImage(
        name=PurePosixPath(file).stem,
        file=file,
        people=_people(people) if people else People.none(COCO_17.size),
        width=_integer(image, "width", where),
        height=_integer(image, "height", where),
    )


def _person(annotation: dict[str, Any], where: str) -> dict[str, Any]:
    joints = _numbers(annotation, "keypoints", 3 * COCO_17.size, where).reshape(-1, 3)
    flags = joints[:, 2]
    if not np.isin(flags, (0, 1, 2)).all():
        raise DataError(f"{where}: keypoints have v = {flags.tolist()}, expected 0, 1 or 2")
    visibility = _LEVELS[flags.astype(int)]
    area = _numbers({"area": [annotation.get("area")]}, "area", 1, where)[0]
    x, y, width, height = _numbers(annotation, "bbox", 4, where)
    return {
        "points": np.where(visibility[:, None] > 0, joints[:, :2], 0.0),
        "visibility": visibility,
        "boxes": (x, y, max(width, 0.0), max(height, 0.0)),
        "areas": area,
        "crowds": bool(annotation.get("iscrowd", 0)),
        "ids": _integer(annotation, "id", where),
    }


def _people(people: list[dict[str, Any]]) -> People:
    return People(**{name: np.array([one[name] for one in people]) for name in people[0]})


def _integer(entry: dict[str, Any], field: str, where: str) -> int:
    value = entry.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise DataError(f"{where}: {field} is {value!r}, expected a whole number")
    return value


def _numbers(entry: dict[str, Any], field: str, count: int, where: str) -> NDArray[np.float64]:
    values = entry.get(field)
    plain = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    if not plain or len(values) != count:  # type: ignore[arg-type]
        found = f"{len(values)} values" if isinstance(values, list) else repr(values)
        raise DataError(f"{where}: {field} holds {found}, expected {count} numbers")
    try:
        array = np.array(values, np.float64)
    except OverflowError:
        array = np.full(count, np.inf)
    if not np.isfinite(array).all():
        raise DataError(f"{where}: {field} is not finite, expected numbers")
    return array

"""Where people are in a picture, from whichever source: the truth, a file, or a person detector.

A source is a function from pictures to boxes. Boxes are x, y, width, height in px of the picture,
(0, 0) its upper left corner. Those of files and of YOLOv3 are cut to the picture; annotated ones
stay as they are. A box with no area inside the picture is an error, but for YOLOv3's: it is
dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gsam.boxes.person_boxes import BoxSource, PersonBoxes, clip_boxes
from gsam.errors import ConfigError, DataError
from gsam.storage import read_json

if TYPE_CHECKING:
    from gsam.images import ImageSet

__all__ = ["box_files", "open_boxes"]

_PERSON = 1  # COCO's category


def open_boxes(
    source: str,
    *,
    images: ImageSet | None = None,
    names: Sequence[str] | None = None,
    minimum_score: float | None = None,
    device: str = "cpu",
) -> BoxSource:
    """The source that a parameter or an argument names.

    - `truth`: the annotated people of `images` (crowds are left out), by the image's id;
    - `FILE.json`: COCO results; an `image_id` is a picture's name, or its name without folder and
      extension, leading zeros apart; `names` are all pictures that will be asked for;
    - `FILE.cfg`: YOLOv3 with the `.weights` file of the same name beside it;
    - `FILE.onnx`: YOLOv3.

    `minimum_score` drops boxes of a file (default: none) or of YOLOv3 (default 0.5).

    Raises:
        ConfigError: no such kind of source, or `truth` without images.
        DataError: a file that cannot be used, or that knows none of `names`.
    """
    suffix = Path(source).suffix.lower()
    if source == "truth":
        if images is None:
            raise ConfigError("boxes = truth: there are no annotated images, expected a file")
        return _truth_boxes(images)
    if suffix == ".json":
        return _file_boxes(source, names, minimum_score or 0.0)
    if suffix not in (".cfg", ".onnx"):
        expected = "expected truth, a COCO results .json, a YOLOv3 .cfg or a YOLOv3 .onnx"
        raise ConfigError(f"boxes = {source!r}: {expected}")
    from gsam.boxes.yolo import load_darknet_yolo, yolo_boxes
    from gsam.boxes.yolo_onnx import load_onnx_yolo

    if suffix == ".cfg":
        config, weights = box_files(source)
        yolo = load_darknet_yolo(config, weights, device)
    else:
        yolo = load_onnx_yolo(source)
    return yolo_boxes(yolo) if minimum_score is None else yolo_boxes(yolo, minimum_score)


def box_files(source: str) -> tuple[Path, ...]:
    """The files that `open_boxes` reads for a source: what its boxes depend on."""
    if source == "truth":
        return ()
    path = Path(source)
    return (path, path.with_suffix(".weights")) if path.suffix.lower() == ".cfg" else (path,)


def _truth_boxes(images: ImageSet) -> BoxSource:
    """The annotated boxes as they are, for detectors were trained on crops of just these."""
    real = ~images.crowds
    boxes = images.boxes[real]
    names = images.rows["image"].to_pylist()
    # People are in the order of their images.
    ends = np.searchsorted(images.person_image[real], np.arange(len(names) + 1))
    rows = {name: slice(*ends[place : place + 2]) for place, name in enumerate(names)}

    def find(names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]) -> list[PersonBoxes]:
        found = [boxes[rows[name]] if name in rows else boxes[:0] for name in names]
        for each, picture, name in zip(found, pictures, names, strict=True):
            clip_boxes(each, picture.shape[1], picture.shape[0], name)
        return [PersonBoxes(each, np.ones(len(each), np.float32)) for each in found]

    return find


def _file_boxes(path: str, names: Sequence[str] | None, minimum_score: float) -> BoxSource:
    entries = read_json(path)
    if not isinstance(entries, list):
        raise DataError(f"{path}: expected a list of COCO results, found {type(entries).__name__}")
    rows: dict[str, list[tuple[float, ...]]] = {}
    for index, entry in enumerate(entries):
        image, values = _entry(entry, f"{path}[{index}]")
        if values is not None and values[4] >= minimum_score:
            rows.setdefault(image, []).append(values)
    if names is not None:
        _check_names(path, names, set(rows))
    held = {image: np.array(people, np.float64) for image, people in rows.items()}
    nobody = np.empty((0, 5))

    def find(names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]) -> list[PersonBoxes]:
        people = []
        for name, picture in zip(names, pictures, strict=True):
            table = held.get(_key(name), nobody)
            xywh = clip_boxes(table[:, :4], picture.shape[1], picture.shape[0], name)
            people.append(PersonBoxes(xywh, table[:, 4].astype(np.float32)))
        return people

    return find


def _check_names(path: str, names: Sequence[str], known: set[str]) -> None:
    asked = Counter(_key(name) for name in names)
    twice = sorted(key for key, count in asked.items() if count > 1)
    if twice:
        raise DataError(f"{path}: several images are called {twice[0]}, their boxes would be mixed")
    if known and not known & set(asked):
        some = ", ".join(sorted(known)[:3])
        raise DataError(f"{path}: boxes of images {some}; expected some of {list(names[:3])}")


def _entry(entry: Any, where: str) -> tuple[str, tuple[float, ...] | None]:
    """The image of a result and its (x, y, w, h, score); None for what is no person."""
    try:
        image, category = entry["image_id"], entry["category_id"]
        values = [*entry["bbox"], entry.get("score", 1.0)]
        numbers = tuple(float(value) for value in values)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        expected = "expected image_id, category_id, bbox [x, y, width, height] and score"
        raise DataError(f"{where}: {expected} ({type(error).__name__}: {error})") from error
    if len(numbers) != 5 or not np.isfinite(numbers).all():
        box = f"image {image}, bbox {values[:-1]}, score {values[-1]}"
        raise DataError(f"{where}: {box}: expected four finite numbers and a finite score")
    return _key(str(image)), numbers if category == _PERSON else None


def _key(name: str) -> str:
    """What names of one picture have in common: 000000000139.jpg, val/139.png and 139."""
    stem = Path(name).stem if Path(name).suffix.lower() in (".jpg", ".jpeg", ".png") else name
    return (stem.lstrip("0") or "0") if stem.isdecimal() else stem

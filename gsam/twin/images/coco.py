"""COCO keypoints' annotation file for stills of the twin."""

from typing import Any

import numpy as np

from gsam.skeletons import COCO_17
from gsam.twin.images.landmarks import LANDMARKS
from gsam.twin.images.parts import Labels

ROWS = LANDMARKS.indices(COCO_17.joints)
# COCO's flag of each level: outside, hidden by something else, by the person's own body, visible.
FLAGS = np.array([0, 1, 1, 2])
# People of fewer pixels have no keypoints, in the original as here (its limit of "small").
SMALLEST_AREA = 32 * 32
# Numbers of the pictures of a split start here; those of annotations are ten times as large.
FIRST_NUMBER = {"train": 100_000_001, "val": 500_000_001}


def file_name(split: str, number: int) -> str:
    """Name of the still `number` of a split: twelve digits, as in the original."""
    return f"{FIRST_NUMBER[split] + number:012d}.jpg"


def annotations(split: str, labels: dict[str, Labels]) -> dict[str, Any]:
    """The content of `person_keypoints_<split>2017.json`.

    Args:
        split: train or val.
        labels: of `draw_stills`, by file name.

    Coordinates are pixels, the first pixel's centre at 0. A person of whom nothing is seen is left
    out; one smaller than 32 x 32 px has no keypoints; a distant group is one annotation with
    iscrowd 1 and run lengths, as in the original.
    """
    images, found = [], []
    for name, label in labels.items():
        number = int(name.partition(".")[0])
        size = {"width": label["width"], "height": label["height"]}
        images.append({"id": number, "file_name": name, "license": 0, **size})
        people = [_person(person) for person in label["people"] if "box" in person]
        crowds = [_crowd(crowd, label) for crowd in label["crowd"]]
        for place, entry in enumerate(people + crowds):
            ids = {"id": 10 * number + place, "image_id": number, "category_id": 1}
            found.append(ids | entry)
    return {
        "info": {"description": f"synthetic twin of COCO keypoints, {split}", "version": "1"},
        "licenses": [{"id": 0, "name": "Apache License 2.0", "url": ""}],
        "images": images,
        "annotations": found,
        "categories": [category()],
    }


def category() -> dict[str, Any]:
    """The one category; its skeleton counts from 1, as in the original."""
    return {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(COCO_17.joints),
        "skeleton": [[parent + 1, child + 1] for parent, child in COCO_17.bones],
    }


def _person(person: Labels) -> dict[str, Any]:
    points = np.array(person["points"])[ROWS]
    flags = FLAGS[np.array(person["levels"])[ROWS]]
    if person["area"] < SMALLEST_AREA:
        flags = np.zeros_like(flags)
    points = np.where(flags[:, None] > 0, np.round(points, 2), 0.0)
    rows = [[x, y, int(flag)] for (x, y), flag in zip(points.tolist(), flags, strict=True)]
    return {
        "bbox": person["box"],
        "area": person["area"],
        "iscrowd": 0,
        "num_keypoints": int((flags > 0).sum()),
        "keypoints": [value for row in rows for value in row],
        "segmentation": person["outline"],
    }


def _crowd(crowd: Labels, picture: Labels) -> dict[str, Any]:
    return {
        "bbox": crowd["box"],
        "area": crowd["area"],
        "iscrowd": 1,
        "num_keypoints": 0,
        "keypoints": [0] * (3 * COCO_17.size),
        "segmentation": {
            "size": [picture["height"], picture["width"]],
            "counts": crowd["counts"],
        },
    }

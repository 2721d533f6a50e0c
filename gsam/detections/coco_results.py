"""Lists of people in COCO's results format: AlphaPose's default, Detectron2's, MMPose 0.x's.

Each entry is one person of one picture: `image_id` (a number, or the picture's file name),
`keypoints` (x, y, score, ... flat, px) and `score`; AlphaPose adds `idx`, which is a track when
tracking was on and 0 for everybody when it was not. Detectron2's pixels are half a pixel left of
and above the picture's coordinates (it writes indices of pixels), which is left as it is. AlphaPose
can instead write one entry per picture (`--format open` and `cmu`): {name: {people or bodies}}.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsam.detections.people import Detected, Person, flat_joints, frame_numbers, track_of
from gsam.errors import DataError

__all__ = ["is_per_picture", "is_results", "read_per_picture", "read_results"]

_BY_PICTURE = (("people", "pose_keypoints_2d"), ("bodies", "joints"))


def is_results(content: Any) -> bool:
    """Whether this is a list in COCO's results format."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(one, dict) and "image_id" in one for one in content)
    )


def read_results(content: Sequence[Mapping[str, Any]], path: Path, width: int = 3) -> Detected:
    """The people of a list of results; DataError, naming the entry, for one that is not right."""
    ids = [entry["image_id"] for entry in content]
    if not all(isinstance(i, int | str) and not isinstance(i, bool) for i in ids):
        raise DataError(f"{path}: image_id is neither a number nor a file name")
    names = sorted({i for i in ids if isinstance(i, str)})
    if names and len(names) != len(set(ids)):
        raise DataError(f"{path}: image_id is a number here and a name there, expected one kind")
    frames: dict[Any, int] = {**frame_numbers(names, str(path))}
    people = []
    for row, entry in enumerate(content):
        where = f"{path}: entry {row}"
        points, scores = flat_joints(entry.get("keypoints"), where, width)
        frame = frames.get(entry["image_id"], entry["image_id"])
        track = track_of(entry.get("idx", entry.get("track_id")))
        people.append(Person(frame, points, scores, track, _score(entry)))
    tool = "AlphaPose" if names else "COCO results (Detectron2, MMPose)"
    return Detected(tool, people)


def is_per_picture(content: Any) -> bool:
    """Whether this maps pictures' names to the people in them."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(v, dict) and _people_key(v) for v in content.values())
    )


def read_per_picture(content: Mapping[str, Mapping[str, Any]], path: Path) -> Detected:
    """The people of AlphaPose's per-picture forms; DataError for an entry that is not right."""
    frames = frame_numbers(sorted(content), str(path))
    people = [
        person
        for name, entry in content.items()
        for person in people_of(entry, frames[name], f"{path}: {name}")
    ]
    return Detected("AlphaPose, by picture", people)


def people_of(entry: Mapping[str, Any], frame: int, where: str, width: int = 3) -> Iterator[Person]:
    """The people of one picture: OpenPose's `people`, or CMU's `bodies`."""
    key = _people_key(entry)
    if key is None or not isinstance(entry[key[0]], list):
        raise DataError(f"{where}: expected a list of people")
    for number, person in enumerate(entry[key[0]]):
        if not isinstance(person, dict):
            raise DataError(f"{where}, person {number}: expected a mapping with {key[1]}")
        values = person.get(key[1])
        if values == []:
            continue  # a face or a hand without a body
        points, scores = flat_joints(values, f"{where}, person {number}", width)
        track = track_of(person.get("person_id"))
        yield Person(frame, points, scores, track, _score(person))


def _people_key(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    return next((pair for pair in _BY_PICTURE if pair[0] in entry), None)


def _score(entry: Mapping[str, Any]) -> float:
    value = entry.get("score")
    return float(value) if isinstance(value, float) else math.nan

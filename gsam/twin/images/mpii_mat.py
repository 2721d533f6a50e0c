"""MPII's MATLAB files for stills of the twin, with the gaps and moods of the original.

Its structs lack the fields that nobody in the picture has, people without labels leave them empty,
points come in any order, and `is_visible` is a text in some pictures, a number in others, and empty
for the two points of a head in plain sight.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.twin.images.mpii import HEAD_JOINTS, Rectangle
from gsam.twin.mat_file import save_mat

# Names of the joints in `gt_valid.mat`.
JOINTS = (
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor"),
    *("neck", "head", "rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
)
VISIBLE = 3

Picture = tuple[str, list[Rectangle]]


def write_release(path: Path, labelled: Sequence[Picture], unlabelled: Sequence[Picture]) -> None:
    """Write `mpii_human_pose_v1_u12_1.mat`: the pictures with labels, then those kept for tests, of
    whose people only place and scale are public.
    """
    pictures = [*labelled, *unlabelled]
    entries = [
        _picture(number, name, people, number < len(labelled))
        for number, (name, people) in enumerate(pictures)
    ]
    release = {
        "annolist": _structs(entries),
        "img_train": np.array([[float(n < len(labelled)) for n in range(len(pictures))]]),
        "version": "12",
        "single_person": _cells([_alone(people) for _, people in pictures]).T,
        "act": _structs(
            [{"act_name": "rendered", "cat_name": "synthetic", "act_id": 1.0}] * len(pictures)
        ).T,
        "video_list": _cells(["synthetic"]),
    }
    save_mat(path, {"RELEASE": _structs([release])}, "MPII")


def write_valid_truth(path: Path, pictures: Sequence[Picture]) -> None:
    """Write `gt_valid.mat` of the labelled people, in the order of HRNet's valid.json."""
    people = [person for _, found in pictures for person in found if person.labelled]
    content = {
        "dataset_joints": _cells(list(JOINTS)),
        "jnt_missing": np.stack([person.levels == 0 for person in people], -1).astype(float),
        "pos_gt_src": np.stack([person.points for person in people], -1),
        "headboxes_src": np.stack([person.head.reshape(2, 2) for person in people], -1),
    }
    save_mat(path, content, "MPII")


def _picture(number: int, name: str, people: list[Rectangle], public: bool) -> dict[str, Any]:
    rows = [_person(person, number, public) for person in people]
    return {
        "image": _structs([{"name": name}]),
        "annorect": _structs(rows) if rows else np.zeros((0, 0)),
        "frame_sec": float(number) if public else np.zeros((0, 0)),
        "vididx": 1.0 if public else np.zeros((0, 0)),
    }


def _person(person: Rectangle, number: int, public: bool) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if person.labelled and public:
        row |= dict(zip(("x1", "y1", "x2", "y2"), person.head.tolist(), strict=True))
        row["annopoints"] = _structs([{"point": _structs(_points(person, number))}])
    row["scale"] = person.scale
    row["objpos"] = _structs([{"x": float(person.place[0]), "y": float(person.place[1])}])
    return row


def _points(person: Rectangle, number: int) -> list[dict[str, Any]]:
    ids = np.flatnonzero(person.levels > 0)
    rows = []
    for joint in np.roll(ids, number % 7):
        visible = int(person.levels[joint] == VISIBLE)
        said: Any = str(visible) if number % 3 else float(visible)
        if visible and joint in HEAD_JOINTS:
            said = np.zeros((0, 0))
        x, y = person.points[joint].tolist()
        rows.append({"x": x, "y": y, "id": float(joint), "is_visible": said})
    return rows


def _alone(people: list[Rectangle]) -> NDArray[np.float64]:
    """Numbers (from 1) of the people who are labelled while nobody stands near."""
    return np.array([[1.0]]) if len(people) == 1 and people[0].labelled else np.zeros((0, 0))


def _structs(rows: list[dict[str, Any]]) -> NDArray[np.void]:
    """A struct array (1, N) of all fields that occur; what a row lacks is empty there."""
    fields = list(dict.fromkeys(field for row in rows for field in row))
    array = np.empty((1, len(rows)), dtype=[(field, object) for field in fields])
    for place, row in enumerate(rows):
        array[0, place] = tuple(row.get(field, np.zeros((0, 0))) for field in fields)
    return array


def _cells(values: list[Any]) -> NDArray[np.object_]:
    array = np.empty((1, len(values)), dtype=object)
    for place, value in enumerate(values):
        array[0, place] = value
    return array

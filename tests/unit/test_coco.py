"""COCO's keypoint annotations are read as the format says, and what breaks it is named."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.coco import coco_files, read_coco
from gsam.errors import DataError, LicensedDataMissing
from gsam.skeletons import COCO_17


def keypoints(shown: dict[int, tuple[float, float, int]]) -> list[float]:
    return [value for j in range(17) for value in shown.get(j, (0, 0, 0))]


def annotations() -> dict[str, Any]:
    one = {
        "id": 7,
        "image_id": 20,
        "category_id": 1,
        "bbox": [10, 20.5, 30, 40],
        "area": 600.5,
        "iscrowd": 0,
        "num_keypoints": 2,
        "keypoints": keypoints({0: (15, 25, 2), 5: (12.0, 30, 1), 6: (9, 9, 0)}),
        "segmentation": [[0, 0, 1, 1]],
    }
    crowd = one | {"id": 900100002, "iscrowd": 1, "keypoints": keypoints({}), "num_keypoints": 0}
    unlabelled = one | {"id": 9, "image_id": 10, "keypoints": keypoints({}), "num_keypoints": 0}
    return {
        "images": [
            {"id": 20, "file_name": "000000000020.jpg", "width": 64, "height": 48},
            {"id": 10, "file_name": "000000000010.jpg", "width": 32, "height": 48},
            {"id": 30, "file_name": "000000000030.jpg", "width": 32, "height": 48},
        ],
        "annotations": [one, crowd, unlabelled, one | {"id": 1, "category_id": 3}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
    }


def write(folder: Path, content: Any) -> Path:
    path = folder / "person.json"
    path.write_text(json.dumps(content))
    return path


def test_people_crowds_and_the_unlabelled_are_all_kept(tmp_path: Path) -> None:
    images = read_coco(write(tmp_path, annotations()))
    assert [image.name for image in images] == ["000000000010", "000000000020", "000000000030"]
    assert [len(image.people) for image in images] == [1, 2, 0]
    people = images[1].people
    assert (images[1].width, images[1].height) == (64, 48)
    np.testing.assert_array_equal(people.ids, [7, 900100002])
    np.testing.assert_array_equal(people.crowds, [False, True])
    np.testing.assert_array_equal(people.boxes[0], [10, 20.5, 30, 40])
    assert people.areas[0] == 600.5
    # Pixels are 0-based already; a joint that is not labelled has no place.
    np.testing.assert_array_equal(people.points[0, [0, 5, 6]], [[15, 25], [12, 30], [0, 0]])
    np.testing.assert_array_equal(people.visibility[0, [0, 5, 6]], [3, 1, 0])
    assert not people.visibility[1].any() and not images[0].people.visibility.any()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("annotations", 0, "keypoints"), [0] * 50, r"annotations\[0\]: keypoints holds 50 values"),
        (("annotations", 0, "keypoints"), ["x"] * 51, r"annotations\[0\]: keypoints holds 51 v"),
        (("annotations", 1, "keypoints"), [3] * 51, r"annotations\[1\]: keypoints have v = "),
        (("annotations", 0, "bbox"), None, r"annotations\[0\]: bbox holds None, expected 4"),
        (("annotations", 0, "bbox"), [0, 0, float("inf"), 1], r"annotations\[0\]: bbox is not fin"),
        (("annotations", 0, "area"), "big", r"annotations\[0\]: area"),
        (("annotations", 2, "image_id"), 11, r"annotations\[2\]: image_id 11 is not among"),
        (("annotations", 2, "id"), "x", r"annotations\[2\]: id is 'x'"),
        (("images", 1, "id"), 20, r"images\[1\]: id 20 appears twice"),
        (("images", 1, "file_name"), 5, r"images\[1\]: file_name is 5"),
        (("images", 1, "width"), None, r"images\[1\]: width is None"),
        (("categories", 0, "keypoints"), ["nose"], r"categories\[0\]\.keypoints are not COCO's"),
        (("categories",), [], "categories hold no person"),
        (("annotations",), {}, "field 'annotations' is missing or no list"),
    ],
)
def test_broken_annotations_name_entry_and_field(
    tmp_path: Path, place: tuple, value: Any, message: str
) -> None:
    content = copy.deepcopy(annotations())
    target: Any = content
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    with pytest.raises(DataError, match=r"person\.json: " + message):
        read_coco(write(tmp_path, content))


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_another_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "person.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"person\.json: (not a readable JSON|holds a list)"):
        read_coco(path)


def test_absent_files_say_where_they_are_free_to_download(tmp_path: Path) -> None:
    with pytest.raises(LicensedDataMissing, match=r"person_keypoints_val2017\.json.*cocodataset"):
        coco_files(tmp_path, "val")
    labels = tmp_path / "annotations" / "person_keypoints_val2017.json"
    labels.parent.mkdir()
    labels.write_text("{}")
    with pytest.raises(LicensedDataMissing, match=r"val2017\.zip missing.*free to download"):
        coco_files(tmp_path, "val")
    (tmp_path / "val2017.zip").write_bytes(b"")
    assert coco_files(tmp_path, "val") == (labels, tmp_path / "val2017.zip")
    (tmp_path / "val2017").mkdir()
    assert coco_files(tmp_path, "val")[1] == tmp_path / "val2017"

"""Boxes of people from the truth and from files: cut to the picture, or refused by name."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.boxes.person_boxes import clip_boxes
from gsam.boxes.sources import open_boxes
from gsam.errors import ConfigError, DataError

PICTURE = np.zeros((48, 64, 3), np.uint8)


def result(image: Any, bbox: Any, score: Any = 0.9, category: int = 1) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": bbox, "score": score}


def write(folder: Path, content: Any) -> str:
    path = folder / "boxes.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_results_file(tmp_path: Path) -> None:
    content = [
        result(139, [1, 2, 30, 40]),
        result("walk", [-5, -5, 20, 20], score=0.5),
        result(139, [0, 0, 9, 9], category=18),  # a dog
        result(139, [10, 2, 30, 40], score=0.2),
    ]
    source = open_boxes(write(tmp_path, content), names=["val/000000000139.jpg", "walk.png", "c"])
    first, second, third = source(["val/000000000139.jpg", "walk.png", "c"], [PICTURE] * 3)
    np.testing.assert_array_equal(first.xywh, [[1, 2, 30, 40], [10, 2, 30, 40]])
    np.testing.assert_allclose(first.scores, [0.9, 0.2])
    np.testing.assert_array_equal(second.xywh, [[0, 0, 15, 15]])
    assert third.xywh.shape == (0, 4) and third.scores.shape == (0,)
    strict = open_boxes(write(tmp_path, content), minimum_score=0.5)
    assert len(strict(["139"], [PICTURE])[0].xywh) == 1


@pytest.mark.parametrize(
    "content, message",
    [
        ({"annotations": []}, "expected a list of COCO results, found dict"),
        ([{"image_id": 1, "category_id": 1}], r"boxes\.json\[0\]: expected image_id"),
        ([3], r"boxes\.json\[0\]: expected image_id"),
        ([result(1, [1, 2, 3])], r"image 1, bbox \[1, 2, 3\]"),
        ([result(1, [1, 2, 3, "four"])], r"boxes\.json\[0\]"),
        ([result(1, [1, 2, 3, float("nan")])], "image 1, bbox .*nan.*finite"),
        ([result(1, [1, 2, 3, 4], score=None)], r"boxes\.json\[0\]"),
    ],
)
def test_broken_results(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        open_boxes(write(tmp_path, content))


def test_absent_file_and_no_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        open_boxes(str(tmp_path / "none.json"))
    (tmp_path / "boxes.json").write_text("[")
    with pytest.raises(DataError, match="not valid JSON"):
        open_boxes(str(tmp_path / "boxes.json"))


def test_a_file_of_other_images_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [result("dog", [0, 0, 5, 5])])
    with pytest.raises(DataError, match=r"boxes of images dog; expected some of \['cat.jpg'\]"):
        open_boxes(path, names=["cat.jpg"])
    with pytest.raises(DataError, match="several images are called dog"):
        open_boxes(path, names=["a/dog.jpg", "b/dog.jpg"])


@pytest.mark.parametrize("bbox", [[70, 2, 9, 9], [5, 5, 0, 9], [5, 5, -3, 9], [0, -9, 5, 9]])
def test_boxes_without_an_area_inside_name_image_and_box(bbox: list[int], tmp_path: Path) -> None:
    source = open_boxes(write(tmp_path, [result("walk", bbox)]))
    with pytest.raises(DataError, match=rf"walk\.jpg: box \({bbox[0]}, {bbox[1]}, .*64 x 48 px"):
        source(["walk.jpg"], [PICTURE])


def test_boxes_that_are_not_finite_are_refused() -> None:
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(DataError, match="walk: box"):
            clip_boxes([[1, 1, 4, 4], [1, 1, value, 4]], 64, 48, "walk")


@given(st.lists(st.tuples(*[st.floats(-100, 100)] * 2, *[st.floats(0.1, 200)] * 2), max_size=5))
def test_clipped_boxes_are_what_both_share(boxes: list[tuple[float, ...]]) -> None:
    inside = [x < 64 and y < 48 and x + w > 0 and y + h > 0 for x, y, w, h in boxes]
    if not all(inside):
        with pytest.raises(DataError, match="walk"):
            clip_boxes(boxes, 64, 48, "walk")
        return
    clipped = clip_boxes(boxes, 64, 48, "walk")
    for (x, y, w, h), found in zip(boxes, clipped, strict=True):
        low, high = (max(x, 0), max(y, 0)), (min(x + w, 64), min(y + h, 48))
        expected = [*low, high[0] - low[0], high[1] - low[1]]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@dataclass
class Images:
    """What the truth needs of an image set."""

    rows: pa.Table
    person_image: np.ndarray
    boxes: np.ndarray
    crowds: np.ndarray


def test_truth_keeps_boxes_and_leaves_out_crowds() -> None:
    images = Images(
        rows=pa.table({"image": ["one", "1.jpg", "01.jpg"]}),
        person_image=np.array([0, 0, 2, 2]),
        boxes=np.array([[2, 2, 6, 6], [3, 3, 7, 7], [1, 1, 5, 5], [60, 40, 20, 20]], np.float32),
        crowds=np.array([False, True, False, False]),
    )
    source = open_boxes("truth", images=images)  # type: ignore[arg-type]
    first, second, third = source(["one", "1.jpg", "01.jpg"], [PICTURE] * 3)
    np.testing.assert_array_equal(first.xywh, [[2, 2, 6, 6]])
    assert len(second.xywh) == 0
    np.testing.assert_array_equal(third.xywh, [[1, 1, 5, 5], [60, 40, 20, 20]])
    np.testing.assert_array_equal(third.scores, [1, 1])
    assert len(source(["other"], [PICTURE])[0].xywh) == 0
    with pytest.raises(DataError, match=r"01\.jpg: box \(60, 40, 20, 20\)"):
        source(["01.jpg"], [PICTURE[:30, :30]])
    with pytest.raises(ConfigError, match="no annotated images"):
        open_boxes("truth")

"""Labels of bodies: what was written comes back beside its images, and nothing else passes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gsam.detectors.crops import crop_matrix
from gsam.errors import DataError
from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.images.bodies import BodyLabels, PersonLabel, write_labels
from gsam.skeletons import SPIN_24

SIZE = 8


def people(count: int) -> People:
    points = np.full((count, SPIN_24.size, 2), 5.0)
    boxes = np.tile([2.0, 3.0, 10.0, 12.0], (count, 1))
    return People(
        points,
        np.full((count, SPIN_24.size), 3),
        boxes,
        np.full(count, 120.0),
        np.zeros(count, bool),
        np.arange(count),
    )


def images(folder: Path, counts: tuple[int, ...] = (1, 0, 2)) -> ImageSet:
    with ImageWriter(folder, "train", "threedpw_twin", "spin_24", "test") as writer:
        for number, count in enumerate(counts):
            jpeg = encode_jpeg(np.full((30, 40, 3), 90, np.uint8))
            writer.add(jpeg, image=f"a/{number:05d}", people=people(count))
    return ImageSet.load(folder, "train")


def label(image: str, person: int, **changes: Any) -> PersonLabel:
    seed = int(image[-1]) * 10 + person
    random = np.random.default_rng(seed)
    values: dict[str, Any] = {
        "image": image,
        "person": person,
        "sequence": "a",
        "gender": "mf"[person],
        "pose": random.normal(size=72).astype(np.float32),
        "shape": random.normal(size=10).astype(np.float32),
        "joints": random.normal(size=(24, 3)).astype(np.float32),
        "translation": random.normal(size=3).astype(np.float32),
        "parts": random.integers(0, 25, (SIZE, SIZE)).astype(np.uint8),
        "parts_box": np.array([3.0, -4.0, 16.0, 16.0]),
    }
    return PersonLabel(**{**values, **changes})


def write(folder: Path, rows: list[PersonLabel]) -> None:
    write_labels(folder / "train.parquet", rows, "threedpw_twin", "free body", "12ab")


def three(**changes: Any) -> list[PersonLabel]:
    return [
        label("a/00000", 0, **changes),
        label("a/00002", 0, translation=None, parts=None, parts_box=None),
        label("a/00002", 1),
    ]


def test_every_person_of_the_images_gets_back_its_own_label(tmp_path: Path) -> None:
    rows = three()
    write(tmp_path / "b", rows)
    labels = BodyLabels.load(tmp_path / "b", "train", images(tmp_path / "i"))
    assert len(labels) == 3
    np.testing.assert_array_equal(labels.poses, [row.pose for row in rows])
    np.testing.assert_array_equal(labels.shapes, [row.shape for row in rows])
    np.testing.assert_array_equal(labels.joints, [row.joints for row in rows])
    np.testing.assert_array_equal(labels.translations[0], rows[0].translation)
    assert np.isnan(labels.translations[1]).all() and labels.translations.dtype == np.float32
    assert labels.genders.tolist() == ["m", "m", "f"] and labels.sequences.tolist() == ["a"] * 3
    assert (labels.body, labels.body_hash, labels.part_size) == ("free body", "12ab", SIZE)
    for person in (0, 2):
        np.testing.assert_array_equal(labels.part_map(person), rows[person].parts)
    assert labels.part_map(1) is None
    # The map is seen through the same affine map as a crop of its box would be.
    wanted = crop_matrix((11.0, 4.0), 16.0, 0.0, SIZE, SIZE)
    np.testing.assert_allclose(labels.part_matrix(0), wanted)
    assert np.isnan(labels.part_matrix(1)).any()


def test_the_same_labels_are_the_same_bytes_and_others_another_hash(tmp_path: Path) -> None:
    found = images(tmp_path / "i")
    hashes = []
    for folder, rows in (("b", three()), ("c", three()), ("d", three(gender="n"))):
        write(tmp_path / folder, rows)
        hashes.append(BodyLabels.load(tmp_path / folder, "train", found).data_hash)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pose": np.zeros(69, np.float32)}, r"pose of shape \(69,\), expected \(72,\)"),
        ({"shape": np.full(10, np.nan)}, "shape not finite"),
        ({"translation": np.array([0, 0, np.inf])}, "translation not finite"),
        ({"gender": "male"}, "gender 'male', expected one of m, f, n"),
        ({"parts": None}, "both or none"),
        ({"parts": np.zeros((8, 9), np.uint8)}, r"parts of shape \(8, 9\)"),
        ({"parts": np.zeros((9, 9), np.uint8)}, "expected one size"),
        ({"parts_box": np.array([0.0, 0.0, 4.0, 5.0])}, "expected a square"),
    ],
)
def test_a_wrong_label_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        write(tmp_path, three(**changes))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_labels_of_other_people_are_refused(tmp_path: Path) -> None:
    found = images(tmp_path / "i")
    write(tmp_path / "fewer", three()[:2])
    with pytest.raises(DataError, match=r"fewer/train.parquet: 2 people, expected the 3 of"):
        BodyLabels.load(tmp_path / "fewer", "train", found)
    write(tmp_path / "turned", three()[::-1])
    with pytest.raises(DataError, match=r"row 0: person 1 of 'a/00002', expected person 0 of"):
        BodyLabels.load(tmp_path / "turned", "train", found)
    with pytest.raises(DataError, match=r"none/train.parquet: no such file"):
        BodyLabels.load(tmp_path / "none", "train", found)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    found = images(tmp_path / "i")
    write(tmp_path, three())
    path = tmp_path / "train.parquet"
    table = pq.read_table(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        BodyLabels.load(tmp_path, "train", found)
    for bad in (b"", b"\x89PNG no picture", table["parts"][0].as_py()[:60]):
        parts = pa.array([bad, None, bad], pa.binary())
        broken = table.set_column(table.schema.get_field_index("parts"), "parts", parts)
        pq.write_table(broken, path)
        labels = BodyLabels.load(tmp_path, "train", found)
        with pytest.raises(DataError, match=r"row 0: parts: damaged"):
            labels.part_map(0)

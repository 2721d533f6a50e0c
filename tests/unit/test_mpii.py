"""MPII's original structs with every gap of the real file, and HRNet's JSON: 1-based in, 0 out."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from gsam.datasets.mat import load_mat
from gsam.datasets.mpii.from_json import read_hrnet_json, read_valid_truth
from gsam.datasets.mpii.from_mat import read_mat
from gsam.datasets.mpii.labels import MAT_FILE, mpii_images, person_box, read_mpii
from gsam.errors import DataError, LicensedDataMissing

NOTHING = np.empty((0, 0))
NAMES = "rank rkne rhip lhip lkne lank pelv thor neck head rwri relb rsho lsho lelb lwri".split()  # noqa: SIM905


def structs(rows: list[dict[str, Any]]) -> np.ndarray:
    """A MATLAB struct array: every element has every field, [] where it says nothing."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in names])
    for i, row in enumerate(rows):
        for name in names:
            array[0, i][name] = row.get(name, NOTHING)
    return array


def point(joint: int, x: float, y: float, visible: Any = NOTHING) -> dict[str, Any]:
    return {"x": x, "y": y, "id": joint, "is_visible": visible}


def person(points: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    found = {"x1": 11.0, "y1": 21.0, "x2": 14.0, "y2": 25.0}
    found |= {"scale": 0.5, "objpos": {"x": 31.0, "y": 41.0}}
    return found | {"annopoints": {"point": structs(points)} if points else NOTHING} | fields


def write_mat(folder: Path, images: list[tuple[str, Any]], train: list[int]) -> Path:
    path = folder / MAT_FILE
    rows = [{"image": {"name": name}, "annorect": people} for name, people in images]
    savemat(path, {"RELEASE": {"annolist": structs(rows), "img_train": np.array([train])}})
    return path


def test_the_traps_of_the_original_file(tmp_path: Path) -> None:
    path = write_mat(
        tmp_path,
        [
            # Three people: one full, one without points, one with all else missing; points in any
            # order; is_visible as number, text and nothing.
            (
                "a.jpg",
                structs(
                    [
                        person([point(9, 5, 6), point(0, 101, 51, 1), point(3, 7.5, 8, "0")]),
                        person([]),
                        {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0},
                    ]
                ),
            ),
            # One person with one point: both are structs, not arrays.
            ("b.jpg", person([], annopoints={"point": point(15, 2, 3, "1")})),
            # A person who lacks the fields altogether, and an image without anybody.
            ("c.jpg", {"scale": 2.0, "objpos": NOTHING}),
            ("d.jpg", NOTHING),
        ],
        [1, 1, 1, 0],
    )
    first, second, third, fourth = read_mat(path)
    assert [first.file, first.train, fourth.train] == ["a.jpg", True, False]
    full, unlabelled, bare = first.people
    np.testing.assert_array_equal(full.points[[9, 0, 3]], [[4, 5], [100, 50], [6.5, 7]])
    assert full.visibility[[9, 0, 3]].tolist() == [3, 3, 1]
    assert np.count_nonzero(full.visibility) == 3
    np.testing.assert_array_equal(full.centre, [30, 40])
    assert full.scale == 0.5
    np.testing.assert_array_equal(full.head_box, [10, 20, 13, 24])
    assert not unlabelled.visibility.any() and unlabelled.scale == 0.5
    assert bare.centre is None and bare.scale is None and bare.head_box is not None
    (single,) = second.people
    np.testing.assert_array_equal(single.points[15], [1, 2])
    assert single.visibility.tolist() == [0] * 15 + [3]
    assert third.people[0].centre is None and third.people[0].head_box is None
    assert fourth.people == ()


def test_a_file_of_one_image_is_a_struct(tmp_path: Path) -> None:
    path = tmp_path / MAT_FILE
    entry = {"image": {"name": "a.jpg"}, "annorect": person([point(1, 2, 3)])}
    savemat(path, {"RELEASE": {"annolist": entry, "img_train": 1}})
    (image,) = read_mat(path)
    assert image.train and len(image.people) == 1


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (
            person([point(16, 1, 1)]),
            r"annolist\(1\)\.annorect\(1\)\.annopoints\.point\(1\)\.id is 1",
        ),
        (person([point(1, 1, 1), point(2, 1, NOTHING)]), r"point\(2\): id, x, y are .*None"),
        (person([point(1, np.nan, 1)]), r"point\(1\)\.x is nan"),
        (person([point(1, 1, 1, "seen")]), r"is_visible is 'seen', expected one number"),
        (person([], scale=np.array([1.0, 2.0])), r"annorect\(1\)\.scale is .*expected one number"),
    ],
)
def test_impossible_values_name_image_person_and_field(
    tmp_path: Path, people: Any, message: str
) -> None:
    path = write_mat(tmp_path, [("a.jpg", people), ("b.jpg", NOTHING)], [1, 1])
    with pytest.raises(DataError, match=rf"{MAT_FILE}: .*{message}"):
        read_mat(path)


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mat"
    with pytest.raises(DataError, match=r"a\.mat: no such file"):
        read_mat(path)
    for content in (b"", b"x" * 400, b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.mat: (not a readable MATLAB|MATLAB 7\.3)"):
            read_mat(path)
    savemat(path, {"OTHER": 1})
    with pytest.raises(DataError, match="variable 'RELEASE' is missing"):
        read_mat(path)
    savemat(path, {"RELEASE": {"annolist": NOTHING, "img_train": NOTHING}})
    with pytest.raises(DataError, match="0 entries in annolist"):
        read_mat(path)
    whole = write_mat(tmp_path, [("../a.jpg", NOTHING), ("b.jpg", NOTHING)], [1, 1])
    with pytest.raises(DataError, match=r"annolist\(1\)\.image\.name is '\.\./a\.jpg'"):
        read_mat(whole)
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(DataError, match="not a readable MATLAB"):
        read_mat(whole)
    monkeypatch.setattr("gsam.datasets.mat_check.MAX_BYTES", 10_000)
    savemat(path, {"a": np.zeros(100_000)}, do_compression=True)
    with pytest.raises(DataError, match="unpacks to more than 10000 bytes"):
        load_mat(path, ["a"])


def entry(**changes: Any) -> dict[str, Any]:
    joints = [[10.0 + j, 20.0 + j] for j in range(16)]
    joints[4], joints[5] = [-1.0, -1.0], [0.0, 0.0]
    return {
        "image": "a.jpg",
        "center": [31.0, 41.0],
        "scale": 0.5,
        "joints": joints,
        "joints_vis": [1] * 4 + [0, 0] + [1] * 10,
    } | changes


def write_json_files(folder: Path, train: list[dict], valid: list[dict]) -> None:
    (folder / "annot").mkdir(exist_ok=True)
    for name, people in (("train", train), ("valid", valid)):
        (folder / "annot" / f"{name}.json").write_text(json.dumps(people))


def write_truth(folder: Path, points: np.ndarray, missing: np.ndarray, **changes: Any) -> Path:
    """gt_valid.mat of points (N, 16, 2) 1-based; head boxes of 3 by 4 px."""
    path = folder / "annot" / "gt_valid.mat"
    people = len(points)
    content = {
        "dataset_joints": np.array([NAMES], dtype=object),
        "jnt_missing": missing.T.astype(float),
        "pos_gt_src": np.moveaxis(points, 0, -1),
        "headboxes_src": np.stack([np.ones((2, people)), [[4.0] * people, [5.0] * people]]),
    }
    savemat(path, content | changes)
    return path


def test_hrnet_json_becomes_zero_based(tmp_path: Path) -> None:
    write_json_files(tmp_path, [entry(), entry(center=[-1.0, -1.0], scale=-1.0)], [])
    first, second = read_hrnet_json(tmp_path / "annot" / "train.json")
    np.testing.assert_array_equal(first.points[:2], [[9, 19], [10, 20]])
    np.testing.assert_array_equal(first.points[[4, 5]], np.zeros((2, 2)))
    assert first.labelled.tolist() == [True] * 4 + [False] * 2 + [True] * 10
    np.testing.assert_array_equal(first.centre, [30, 40])
    assert second.centre is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": [[1, 2]]}, r"\[1\]: joints is .*shape \(16, 2\)"),
        ({"joints_vis": None}, r"\[1\]: joints_vis is None"),
        ({"center": ["x", 1]}, r"\[1\]: center is"),
        ({"scale": None}, r"\[1\]: scale is None"),
        ({"image": "../x.jpg"}, r"\[1\]: image is '\.\./x\.jpg'"),
    ],
)
def test_broken_json_entries_are_named(tmp_path: Path, change: dict, message: str) -> None:
    write_json_files(tmp_path, [entry(), entry(**change)], [])
    with pytest.raises(DataError, match=r"train\.json: " + message):
        read_hrnet_json(tmp_path / "annot" / "train.json")


def test_boxes_give_hrnets_crop() -> None:
    """The reference, 1-based: c_y += 15 s, s *= 1.25, then c -= 1 and a square of 200 s."""
    centre, scale = np.array([31.0, 41.0]), 0.5
    box = person_box(centre - 1, scale, np.zeros((16, 2)), np.zeros(16, bool))
    assert box is not None
    np.testing.assert_allclose(box[:2] + box[2:] / 2, [30.0, 41.0 + 15 * 0.5 - 1])
    np.testing.assert_allclose(1.25 * box[2:], [200 * 1.25 * 0.5] * 2)
    around = person_box(None, 0.5, np.array([[0.0, 0], [10, 20]]), np.array([True, True]))
    np.testing.assert_allclose(around, [-2, -2, 14, 24])
    assert person_box(None, None, np.zeros((2, 2)), np.zeros(2, bool)) is None


def valid_people() -> list[dict]:
    return [entry(), entry(image="b.jpg", scale=1.0), entry(scale=2.0)]


def test_json_and_truth_make_both_splits(tmp_path: Path) -> None:
    people = valid_people()
    write_json_files(tmp_path, [entry(image="t.jpg")], people)
    points = np.array([one["joints"] for one in people])
    points[2, 0] += 0.25
    missing = np.array([1 - np.array(one["joints_vis"]) for one in people])
    write_truth(tmp_path, points, missing)
    splits = read_mpii(tmp_path)
    assert [image.file for image in splits["train"]] == ["t.jpg"]
    a, b = splits["valid"]
    assert (a.name, b.name) == ("a", "b")
    np.testing.assert_array_equal(a.people.ids, [0, 2])
    np.testing.assert_array_equal(b.people.ids, [1])
    np.testing.assert_allclose(a.people.head_sizes, [3.0, 3.0])
    np.testing.assert_allclose(a.people.points[1, 0], [9.25, 19.25])
    assert a.people.visibility[0].tolist() == [3] * 4 + [0] * 2 + [3] * 10
    assert splits["train"][0].people.head_sizes is None


def test_truth_of_other_people_is_refused(tmp_path: Path) -> None:
    people = valid_people()
    write_json_files(tmp_path, [entry()], people)
    points = np.array([one["joints"] for one in people])
    missing = np.zeros((3, 16))
    path = write_truth(tmp_path, points + 9, missing)
    with pytest.raises(DataError, match=r"gt_valid\.mat: pos_gt_src differs .* 100 % of the joi"):
        read_mpii(tmp_path)
    write_truth(tmp_path, points[:2], missing[:2])
    with pytest.raises(DataError, match="2 people, expected the 3"):
        read_mpii(tmp_path)
    write_truth(tmp_path, points, missing, headboxes_src=np.zeros((2, 2, 3)))
    with pytest.raises(DataError, match="expected boxes with a size"):
        read_valid_truth(path)
    write_truth(tmp_path, points, missing, pos_gt_src=np.zeros((14, 2, 3)))
    with pytest.raises(DataError, match=r"pos_gt_src is float64 \(14, 2, 3\), expected \(16, 2, 3"):
        read_valid_truth(path)
    write_truth(tmp_path, points, missing, dataset_joints=np.array([NAMES[1:]], dtype=object))
    with pytest.raises(DataError, match="dataset_joints are"):
        read_valid_truth(path)


def test_truth_joints_are_put_in_order_by_name(tmp_path: Path) -> None:
    (tmp_path / "annot").mkdir()
    order = np.random.default_rng(0).permutation(16)
    points = np.random.default_rng(1).uniform(1, 99, (4, 16, 2))
    missing = np.random.default_rng(2).random((4, 16)) < 0.3
    names = np.array([[NAMES[j] for j in order]], dtype=object)
    path = write_truth(tmp_path, points[:, order], missing[:, order], dataset_joints=names)
    truth = read_valid_truth(path)
    np.testing.assert_array_equal(truth.labelled, ~missing)
    np.testing.assert_allclose(truth.points[~missing], points[~missing] - 1)
    assert (truth.points[missing] == 0).all()


def test_the_original_file_alone_holds_images_out_by_name(tmp_path: Path) -> None:
    names = [f"{i:09d}.jpg" for i in range(40)]
    head = structs([person([point(0, 2, 3)]), person([], x1=NOTHING), {"x1": 1.0}])
    write_mat(tmp_path, [(name, head) for name in names], [1] * 39 + [0])
    splits = read_mpii(tmp_path)
    held_out = [name for name in names[:39] if zlib.crc32(name.encode()) % 10 == 0]
    assert [image.file for image in splits["valid"]] == held_out and held_out
    assert len(splits["train"]) + len(splits["valid"]) == 39
    people = splits["train"][0].people
    # The unlabelled person has a box and is kept; the one of whom nothing is known is not.
    assert len(people) == 2 and not people.visibility[1].any()
    np.testing.assert_allclose(people.head_sizes, [3.0, np.nan])


def test_the_original_file_says_what_is_hidden_beside_the_json(tmp_path: Path) -> None:
    write_json_files(tmp_path, [entry(), entry(image="b.jpg")], valid_people())
    points = [point(j, 10.0 + j, 20.0 + j, int(j != 2)) for j in range(16) if j not in (4, 5)]
    stranger = person([point(j, 99.0, 99.0, 0) for j in range(16)], x2=99.0)
    write_mat(
        tmp_path, [("a.jpg", structs([stranger, person(points)])), ("c.jpg", NOTHING)], [1, 1]
    )
    first, second = read_mpii(tmp_path)["train"]
    assert first.people.visibility[0].tolist() == [3, 3, 1, 3, 0, 0, *[3] * 10]
    np.testing.assert_allclose(first.people.head_sizes, [3.0])
    assert second.people.visibility[0].tolist() == [3] * 4 + [0, 0] + [3] * 10
    assert second.people.head_sizes is None


def test_absent_files_say_where_they_are_free_to_download(tmp_path: Path) -> None:
    with pytest.raises(LicensedDataMissing, match=r"annot/train\.json.*free to download.*mpi-inf"):
        mpii_images(tmp_path)
    write_json_files(tmp_path, [entry()], [entry()])
    with pytest.raises(LicensedDataMissing, match="images missing"):
        mpii_images(tmp_path)
    (tmp_path / "images").mkdir()
    assert mpii_images(tmp_path) == tmp_path / "images"
    (tmp_path / "annot" / "valid.json").unlink()
    with pytest.raises(DataError, match=r"valid\.json: no such file"):
        read_mpii(tmp_path)

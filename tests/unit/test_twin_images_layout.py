"""The twin's raw files of COCO and MPII: the originals' layouts, quirks included, read back."""

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.coco import read_coco
from gsam.datasets.image_files import read_images
from gsam.datasets.mpii.from_json import read_hrnet_json, read_valid_truth
from gsam.datasets.mpii.from_mat import read_mat
from gsam.datasets.mpii.labels import read_mpii
from gsam.images import decode_jpeg
from gsam.skeletons import COCO_17, MPII_16
from gsam.twin.config import TwinConfig
from gsam.twin.images import TwinImagesConfig, coco, mpii
from gsam.twin.images.layout import Work, assemble, do_work, plan_work
from gsam.twin.images.parts import read_labels, write_part, write_tar, write_zip

TWIN = TwinConfig(frames_per_take=20, seed=3)
SMALL = TwinImagesConfig(
    step=50, views=1, size=48, still_size=96, coco_train=34, coco_val=6, mpii_train=40,
    mpii_valid=14, seed=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def work() -> list[Work]:
    """All stills and the first take of every subject: the others are made alike."""
    planned = plan_work(TWIN, SMALL)
    takes = [piece for piece in planned if piece.dataset == "human36m"]
    first = {piece.split: piece for piece in reversed(takes)}
    return [piece for piece in planned if piece.dataset != "human36m" or piece in first.values()]


@pytest.fixture(scope="module")
def parts(work: list[Work], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    for piece in reversed(work):
        assert do_work(folder, TWIN, SMALL, piece) > 0
    return folder


@pytest.fixture(scope="module")
def raw(parts: Path, work: list[Work], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    assemble(parts, folder, work)
    return folder


def test_work_covers_everything_once() -> None:
    planned = plan_work(TWIN, SMALL)
    assert len({piece.name for piece in planned}) == len(planned)
    assert [p.first for p in planned if p.dataset == "human36m"] == list(range(209))
    counts = {("coco", "train"): 34, ("coco", "val"): 6, ("mpii", "train"): 40, ("mpii", "test"): 2}
    for (dataset, split), count in counts.items():
        own = [p for p in planned if (p.dataset, p.split) == (dataset, split)]
        assert [n for p in own for n in range(p.first, p.last)] == list(range(count))


def test_the_same_work_gives_the_same_bytes(parts: Path, work: list[Work], tmp_path: Path) -> None:
    for piece in (work[0], work[-1]):
        do_work(tmp_path, TWIN, SMALL, piece)
        for suffix in (".tar", ".json"):
            name = piece.name + suffix
            assert (tmp_path / name).read_bytes() == (parts / name).read_bytes()


def test_frames_lie_in_a_tar_per_subject_with_their_labels(raw: Path) -> None:
    folder = raw / "human36m" / "frames"
    assert len(list(folder.iterdir())) == 14
    labels = json.loads((folder / "S9.json").read_text())
    with tarfile.open(folder / "S9.tar") as archive:
        infos = archive.getmembers()
        assert [info.name for info in infos] == list(labels)
        assert {info.mtime for info in infos} == {0}
        content = archive.extractfile(infos[0])
        assert content is not None
        assert decode_jpeg(content.read(), infos[0].name).shape == (48, 48, 3)
    label = next(iter(labels.values()))
    assert set(label) == {"origin_x", "origin_y", "zoom", "visibility", "box"}
    assert len(label["visibility"]) == 17 and len(label["box"]) == 4


def test_coco_reads_back_as_coco(raw: Path) -> None:
    for split, count in (("train", 34), ("val", 6)):
        images = read_coco(raw / "coco" / "annotations" / f"person_keypoints_{split}2017.json")
        assert len(images) == count
        archive = raw / "coco" / f"{split}2017.zip"
        found = dict(
            (name, jpeg) for name, jpeg, _ in read_images(archive, [i.file for i in images])
        )
        for image in images:
            picture = decode_jpeg(found[image.file], image.file)
            assert picture.shape == (image.height, image.width, 3)
        with zipfile.ZipFile(archive) as opened:
            assert all(i.date_time == (1980, 1, 1, 0, 0, 0) for i in opened.infolist())
            assert all(i.compress_type == zipfile.ZIP_STORED for i in opened.infolist())
            assert opened.namelist()[0].startswith(f"{split}2017/")


def test_coco_annotations_follow_the_originals_rules(raw: Path) -> None:
    content = json.loads((raw / "coco/annotations/person_keypoints_train2017.json").read_text())
    assert content["categories"][0]["keypoints"] == list(COCO_17.joints)
    ids = [entry["id"] for entry in content["annotations"]]
    assert len(set(ids)) == len(ids)
    labelled = 0
    for entry in content["annotations"]:
        joints = np.array(entry["keypoints"]).reshape(17, 3)
        flags = joints[:, 2]
        assert entry["num_keypoints"] == (flags > 0).sum()
        assert (joints[flags == 0] == 0).all()
        x, y, width, height = entry["bbox"]
        seen = joints[flags == 2]
        assert (seen[:, :2] > (x - 3, y - 3)).all()
        assert (seen[:, :2] < (x + width + 2, y + height + 2)).all()
        if entry["area"] < 32 * 32 or entry["iscrowd"]:
            assert entry["num_keypoints"] == 0
        labelled += entry["num_keypoints"] > 5
    assert labelled > 8


def test_a_crowd_is_one_annotation() -> None:
    crowd = {"box": [1, 2, 3, 4], "area": 7, "outline": [], "counts": [5, 7, 88]}
    picture = {"width": 10, "height": 10, "people": [{}], "crowd": [crowd]}
    content = coco.annotations("val", {coco.file_name("val", 3): picture})
    (entry,) = content["annotations"]
    assert entry["iscrowd"] == 1 and entry["keypoints"] == [0] * 51
    assert entry["segmentation"] == {"size": [10, 10], "counts": [5, 7, 88]}
    assert content["images"][0]["file_name"] == "000500000004.jpg"
    assert entry["image_id"] == content["images"][0]["id"]


def test_mpii_reads_back_the_same_from_all_its_files(raw: Path) -> None:
    folder = raw / "mpii"
    splits = read_mpii(folder)
    originals = {image.file: image for image in read_mat(folder / "mpii_human_pose_v1_u12_1.mat")}
    assert len(originals) == 40 + 14 + 2
    assert sum(not image.train for image in originals.values()) == 2
    people = read_hrnet_json(folder / "annot" / "valid.json")
    truth = read_valid_truth(folder / "annot" / "gt_valid.mat")
    assert len(people) == len(truth.points) > 6
    for index, person in enumerate(people):
        assert np.array_equal(person.labelled, truth.labelled[index])
        np.testing.assert_allclose(person.points, truth.points[index], atol=1e-9)
        same = [
            original
            for original in originals[person.file].people
            if np.allclose(original.points, person.points, atol=1e-9)
        ]
        assert len(same) == 1
        corners = same[0].head_box
        assert corners is not None
        size = 0.6 * np.hypot(corners[2] - corners[0], corners[3] - corners[1])
        assert truth.head_sizes[index] == pytest.approx(size)
    assert not {i.file for i in splits["train"]} & {i.file for i in splits["valid"]}
    hidden = [image.people.visibility for image in splits["train"]]
    assert {0, 1, 3} <= set(np.concatenate(hidden).ravel().tolist())


def test_hrnets_box_is_around_the_body(raw: Path, parts: Path, work: list[Work]) -> None:
    names = [w.name for w in work if (w.dataset, w.split) == ("mpii", "train")]
    labels = list(read_labels(parts, names).values())
    for label in labels:
        for person in mpii.rectangles(label):
            centre = person.place - 1.0 + (0.0, 15.0 * person.scale)
            extents = np.array([p["extent"] for p in label["people"]])
            middles = extents[:, :2] + extents[:, 2:] / 2
            nearest = int(np.linalg.norm(middles - centre, axis=1).argmin())
            np.testing.assert_allclose(middles[nearest], centre, atol=0.06)
            assert 200 * person.scale == pytest.approx(extents[nearest, 2:].max(), abs=1e-3)


def test_the_mat_file_has_the_originals_gaps(raw: Path) -> None:
    from scipy.io import loadmat

    path = raw / "mpii" / "mpii_human_pose_v1_u12_1.mat"
    release: Any = loadmat(path, struct_as_record=False, squeeze_me=True)["RELEASE"]
    said, single, unlabelled = set(), 0, 0
    for entry, public in zip(release.annolist, release.img_train, strict=True):
        rectangles = entry.annorect
        single += hasattr(rectangles, "_fieldnames")
        for person in np.atleast_1d(rectangles):
            if not hasattr(person, "_fieldnames"):
                continue
            assert public or "annopoints" not in person._fieldnames
            points = getattr(getattr(person, "annopoints", None), "point", None)
            if points is None:
                unlabelled += 1
                continue
            ids = [point.id for point in np.atleast_1d(points)]
            assert len(set(ids)) == len(ids) and set(ids) <= set(range(MPII_16.size))
            said |= {type(point.is_visible) for point in points}
    assert single > 10 and unlabelled > 0
    assert {str, np.ndarray} < said and len(said) >= 3
    assert b"Created" not in path.read_bytes()[:128]


def test_a_joint_outside_is_missing_everywhere() -> None:
    points = [[10.0 + i, 20.0] for i in range(22)]
    levels = [3] * 22
    levels[mpii.ROWS[0]] = 0
    person = {
        "points": points, "levels": levels, "extent": [5, 5, 30, 60], "head": [10, 5, 8, 9],
        "box": [5, 5, 30, 60], "area": 900, "outline": [],
    }  # fmt: skip
    (found,) = mpii.rectangles({"people": [person, {"extent": [0, 0, 1, 1]}]})
    assert found.labelled
    (entry,) = mpii.hrnet_entries([("a.jpg", [found])])
    assert entry["joints"][0] == [-1.0, -1.0] and entry["joints_vis"][0] == 0
    assert entry["joints"][1] == [points[mpii.ROWS[1]][0] + 1.0, 21.0]
    levels[mpii.ROWS[9]] = 0
    (headless,) = mpii.rectangles({"people": [person]})
    assert not headless.labelled and mpii.hrnet_entries([("a.jpg", [headless])]) == []


def test_parts_put_together_are_archives(tmp_path: Path) -> None:
    write_part(tmp_path, "one", [("a/1.jpg", b"x" * 700, {"n": 1})])
    write_part(tmp_path, "two", [("a/2.jpg", b"yy", {"n": 2}), ("a/3.jpg", b"", {"n": 3})])
    write_tar(tmp_path / "all.tar", tmp_path, ["two", "one"])
    with tarfile.open(tmp_path / "all.tar") as archive:
        assert archive.getnames() == ["a/2.jpg", "a/3.jpg", "a/1.jpg"]
    write_zip(tmp_path / "all.zip", tmp_path, ["one", "two"])
    with zipfile.ZipFile(tmp_path / "all.zip") as zipped:
        assert zipped.testzip() is None
        assert zipped.read("a/1.jpg") == b"x" * 700
    assert list(read_labels(tmp_path, ["two", "one"])) == ["a/2.jpg", "a/3.jpg", "a/1.jpg"]

"""The stage brings twin and originals into one form, and says what is missing."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.takes import camera_rows, file_stem, pose_table, sequence_row
from gsam.errors import DataError
from gsam.images import ImageSet, encode_jpeg
from gsam.schemas import CAMERAS, POSES, SEQUENCES
from gsam.storage import read_json, write_table
from stages.images import main
from tests.unit.test_coco import annotations
from tests.unit.test_human36m_frames import take, write_twin, write_video
from tests.unit.test_mpii import entry, write_json_files

NOTES = {"dataset": "twin", "producer": "test"}


def jpeg(width: int = 40, height: int = 30) -> bytes:
    return encode_jpeg(np.full((height, width, 3), 99, np.uint8))


def write_poses(folder: Path) -> None:
    one = take(7)
    notes = NOTES | {"dataset": one.dataset}
    rows = sequence_row(one)
    write_table(folder / "sequences.parquet", {k: [v] for k, v in rows.items()}, SEQUENCES, notes)
    cameras = camera_rows(one)
    columns = {k: [row[k] for row in cameras] for k in cameras[0]}
    write_table(folder / "cameras.parquet", columns, CAMERAS, notes)
    path = folder / "frames" / f"{file_stem(one.sequence)}.parquet"
    write_table(path, pose_table(one), POSES, notes)


def write_coco(folder: Path) -> None:
    (folder / "annotations").mkdir(parents=True)
    content = annotations()
    for split in ("train", "val"):
        path = folder / "annotations" / f"person_keypoints_{split}2017.json"
        path.write_text(json.dumps(content))
        with zipfile.ZipFile(folder / f"{split}2017.zip", "w") as archive:
            for image in content["images"]:
                picture = jpeg(image["width"], image["height"])
                archive.writestr(f"{split}2017/{image['file_name']}", picture)


def write_mpii(folder: Path) -> None:
    folder.mkdir(parents=True)
    write_json_files(folder, [entry(), entry(image="b.jpg")], [entry()])
    (folder / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / "images" / name).write_bytes(jpeg())


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_poses(tmp_path / "data" / "poses")
    return tmp_path


def plan(folder: Path, data: str, **raw: str) -> None:
    path = folder / "data" / "plan" / "images.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    folders = {key: raw.get(key, f"raw/{key}") for key in ("human36m", "coco", "mpii")}
    path.write_text(json.dumps({"data": data, "step": 3, "size": 48, "folders": folders}))


def test_the_twins_three_layouts_become_three_folders(workspace: Path) -> None:
    source = workspace / "data" / "source_images"
    (source / "human36m").mkdir(parents=True)
    write_twin(source / "human36m", ["Photo 1.60457274/000003.jpg"])
    write_coco(source / "coco")
    write_mpii(source / "mpii")
    plan(workspace, "twin")
    summary = main([])
    assert summary == "human36m 1 train, coco 2 train + 3 val, mpii 2 train + 1 valid"
    images = workspace / "data" / "images"
    found: dict[str, Any] = {
        "twin": ImageSet.load(images / "human36m", "train"),
        "coco_twin": ImageSet.load(images / "coco", "val"),
        "mpii_twin": ImageSet.load(images / "mpii", "train"),
    }
    for dataset, loaded in found.items():
        assert set(loaded.rows["dataset"].to_pylist()) == {dataset}
    joint_sets = [loaded.skeleton.name for loaded in found.values()]
    assert joint_sets == ["human36m_17", "coco_17", "mpii_16"]
    assert found["coco_twin"].rows["people"].to_pylist() == [1, 2, 0]
    # The picture's own bytes, not another encoding of it.
    assert bytes(found["mpii_twin"].jpeg(1)) == jpeg()
    first = {path: path.read_bytes() for path in images.rglob("*") if path.is_file()}
    main([])
    assert first == {path: path.read_bytes() for path in images.rglob("*") if path.is_file()}


def test_originals_are_read_from_the_users_folders(workspace: Path) -> None:
    write_video(workspace / "raw" / "human36m", 9)
    write_coco(workspace / "elsewhere")
    plan(workspace, "archives", coco="elsewhere")
    assert main([]) == "human36m 3 train, coco 2 train + 3 val, mpii missing"
    images = workspace / "data" / "images"
    rows = ImageSet.load(images / "human36m", "train").rows
    assert rows["dataset"].to_pylist() == ["human36m"] * 3
    assert rows["frame"].to_pylist() == [0, 3, 6]
    assert rows["camera"].to_pylist() == ["60457274"] * 3
    assert [path.name for path in (images / "mpii").iterdir()] == ["missing.json"]
    reason = read_json(images / "mpii" / "missing.json")["reason"]
    assert "raw/mpii" in reason and "free to download" in reason


def test_motion_capture_has_no_pictures(workspace: Path) -> None:
    reason = {"reason": "motion capture comes without pictures"}
    (workspace / "data" / "source_images").mkdir()
    (workspace / "data" / "source_images" / "missing.json").write_text(json.dumps(reason))
    plan(workspace, "bvh")
    assert main([]) == "human36m missing, coco missing, mpii missing"
    for key in ("human36m", "coco", "mpii"):
        assert read_json(workspace / "data" / "images" / key / "missing.json") == reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"images: 1 of 2 images are missing, the first is b\.jpg"),
        (jpeg()[:-9], r"images/b\.jpg: truncated JPEG"),
        (b"GIF89a", r"images/b\.jpg: not a JPEG"),
    ],
)
def test_a_bad_image_stops_the_stage_and_leaves_nothing(
    workspace: Path, content: bytes | None, message: str
) -> None:
    write_video(workspace / "raw" / "human36m", 9)
    write_mpii(workspace / "raw" / "mpii")
    path = workspace / "raw" / "mpii" / "images" / "b.jpg"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    plan(workspace, "archives")
    with pytest.raises(DataError, match=message):
        main([])
    assert not (workspace / "data" / "images" / "mpii").exists()


def test_an_image_of_another_size_than_its_labels_say_is_named(workspace: Path) -> None:
    write_video(workspace / "raw" / "human36m", 9)
    write_coco(workspace / "raw" / "coco")
    path = workspace / "raw" / "coco" / "train2017.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for image in annotations()["images"]:
            archive.writestr(image["file_name"], jpeg(48, 64))
    plan(workspace, "archives")
    with pytest.raises(DataError, match=r"train2017\.zip: 0+10\.jpg: 48 x 64 px, expected 32 x 48"):
        main([])

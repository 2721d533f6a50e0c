"""The detect stage as a command: its tables, the same bytes by any way of working, and refusals."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.configs import build
from gsam.datasets.takes import file_stem
from gsam.detectors import DetectorConfig
from gsam.detectors.inference import Detector
from gsam.errors import ConfigError, DataError
from gsam.images import ImageSet
from gsam.schemas import KEYPOINTS, metadata_of
from gsam.storage import array_column, digest, read_table
from gsam.weights import load_detector
from pipelines.detect import DetectConfig, DetectJob, cut_shards, detect, storage_of
from pipelines.detect_storage import Found, ShardStorage
from pipelines.runtime import quiet_ray
from stages.detect import main
from tests.detect_workspace import CAMERAS, DETECT, STEP, TAKES, make_workspace, write_weights
from tests.workspaces import run_stage

FRAMES = 4


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A workspace whose keypoints are made."""
    folder = make_workspace(tmp_path_factory.mktemp("done"), frames=FRAMES)
    ran = run_stage(folder, "detect", "tiny")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("detect@tiny  24 people in 24 pictures of 3 takes  median")
    assert len(ran.stdout.splitlines()) == 1
    return folder


def keypoints(folder: Path, take: str):
    return read_table(folder / f"data/keypoints/tiny/{file_stem(take)}.parquet", KEYPOINTS)


def test_every_take_has_its_imaged_frames_in_order(done: Path) -> None:
    takes = [take for split in TAKES.values() for take in split]
    files = sorted(path.name for path in (done / "data/keypoints/tiny").iterdir())
    assert files == sorted(f"{file_stem(take)}.parquet" for take in takes)
    for take in takes:
        table = keypoints(done, take)
        assert table["sequence"].to_pylist() == [take] * 8
        assert table["camera"].to_pylist() == [c for c in sorted(CAMERAS) for _ in range(FRAMES)]
        assert table["frame"].to_pylist() == [STEP * i for i in range(FRAMES)] * 2
        assert set(table["detector"].to_pylist()) == {"tiny"}
        version = digest(done / "models/detector/tiny/seed3.safetensors")
        assert set(table["version"].to_pylist()) == {version}
        notes = metadata_of(table)
        assert notes["dataset"] == "twin" and notes["joint_names"][0] == "pelvis"


def test_points_are_in_the_cameras_frame(done: Path) -> None:
    images = ImageSet.load(done / "data/images/human36m", "test")
    model, notes = load_detector(done / "models/detector/tiny/seed3.safetensors")
    config = build(DetectorConfig, notes["detector"], "detector")
    table = keypoints(done, "S9/Walking")
    points = array_column(table, "points", (17, 2))
    boxes = array_column(table, "box", (4,))
    scores = array_column(table, "scores", (17,))
    rows = list(zip(table["camera"].to_pylist(), table["frame"].to_pylist(), strict=True))
    found = Detector(model, config, batch_size=2).detect(
        [images.decode(i) for i in range(len(images))], [[images.boxes[0]]] * len(images)
    )
    for i, (expected, score) in enumerate(found):
        row = rows.index((images.rows["camera"][i].as_py(), images.rows["frame"][i].as_py()))
        origin = np.array([100.0 + i % FRAMES, 200.0])
        assert np.allclose(points[row], expected[0] * 2 + origin, atol=1e-3)
        assert np.allclose(scores[row], score[0].clip(0, 1), atol=1e-5)
        assert np.allclose(boxes[row], [20 + origin[0], 16 + origin[1], 80, 112])
    assert len(np.unique(points)) > 30, "the network answers the same to everything"


@pytest.fixture(scope="module")
def job(done: Path) -> DetectJob:
    weights = done / "models/detector/tiny/seed3.safetensors"
    config = build(DetectConfig, DETECT, "detect")
    return DetectJob(str(weights), str(done / "data/images/human36m"), ("train", "test"), config)


def everything(job: DetectJob, storage: ShardStorage, workers: int) -> dict[str, bytes]:
    images = job.open()
    shards = cut_shards(job, images)
    found = dict(detect(job, images, shards, storage, workers))
    assert set(found) == set(shards)
    return {
        shard.name: each.picture.tobytes() + each.points.tobytes() + each.scores.tobytes()
        for shard, each in sorted(found.items(), key=lambda pair: pair[0].name)
    }


def test_kept_shards_are_taken_as_they_are_and_damaged_ones_made_again(
    job: DetectJob, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("pipelines.detect.BATCHES_PER_SHARD", 2)
    storage = ShardStorage(str(tmp_path / "a"))
    whole = everything(job, storage, 0)
    assert len(whole) == 6
    path = tmp_path / "a" / "train-000001.shard"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    kept = storage.load("train-000002")
    assert storage.load("train-000001") is None and kept is not None
    storage.save("train-000002", Found(kept.picture, kept.boxes, kept.points + 1, kept.scores))
    again = everything(job, storage, 0)
    assert again["train-000001"] == whole["train-000001"]
    assert {name for name in whole if whole[name] != again[name]} == {"train-000002"}
    storage.clear()
    storage.clear()
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_actors_give_the_same_bytes(job: DetectJob, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.detect.BATCHES_PER_SHARD", 2)
    here = everything(job, ShardStorage(str(tmp_path / "here")), 0)
    with quiet_ray(num_cpus=3):
        there = everything(job, ShardStorage(str(tmp_path / "there")), 2)
        assert there == here
        shutil.copytree(job.images, tmp_path / "broken")
        damage(tmp_path / "broken" / "test-00000.tar")
        broken = DetectJob(job.weights, str(tmp_path / "broken"), ("train", "test"), job.config)
        with pytest.raises(DataError, match=r"broken/test-00000.tar: image S9/Walking.*JPEG"):
            everything(broken, ShardStorage(str(tmp_path / "none")), 2)


def damage(shard: Path) -> None:
    """Take the first picture of a tar file away."""
    content = bytearray(shard.read_bytes())
    content[512:1024] = bytes(512)
    shard.write_bytes(content)


@pytest.mark.parametrize("change", ["config", "weights", "data"])
def test_another_job_has_another_storage(job: DetectJob, tmp_path, change: str) -> None:
    other, data = job, "a"
    if change == "config":
        other = DetectJob(job.weights, job.images, job.splits, DetectConfig(batch_size=3))
    elif change == "weights":
        weights = write_weights(tmp_path / "other.safetensors", channels=8)
        other = DetectJob(str(weights), job.images, job.splits, job.config)
    else:
        data = "b"
    first, second = storage_of("tiny", job, "a"), storage_of("tiny", other, data)
    assert first.folder != second.folder
    assert first.folder == storage_of("tiny", job, "a").folder


def test_boxes_of_a_file_the_likeliest_counts(tmp_path) -> None:
    images = make_workspace(tmp_path) / "data/images/human36m"
    names = ImageSet.load(images, "test").rows["image"].to_pylist()
    boxes = [
        {"image_id": name, "category_id": 1, "bbox": [10, 8, 40, 56], "score": score}
        for name in names[:5]
        for score in (0.9, 0.2)
    ]
    boxes[1]["bbox"] = [0, 0, 5, 5]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    weights = str(tmp_path / "models/detector/tiny/seed3.safetensors")
    config = DetectConfig(boxes=str(tmp_path / "boxes.json"), batch_size=2)
    job = DetectJob(weights, str(images), ("test",), config)
    (found,) = dict(
        detect(job, job.open(), cut_shards(job, job.open()), ShardStorage(str(tmp_path / "s")), 0)
    ).values()
    assert found.picture.tolist() == [0, 1, 2, 3, 4]
    assert (found.boxes == [10, 8, 40, 56]).all()


@pytest.mark.parametrize("of", ["images", "models"])
def test_what_is_missing_is_said(tmp_path, monkeypatch, of: str) -> None:
    folder = make_workspace(tmp_path)
    place = {"images": "data/images/human36m", "models": "models/detector/tiny"}[of]
    (folder / place / "missing.json").write_text('{"reason": "no licence"}')
    monkeypatch.chdir(folder)
    assert main(["tiny"]) == "not detected: no licence"
    written = json.loads((folder / "data/keypoints/tiny/missing.json").read_text())
    assert written == {"source": "tiny", "reason": "no licence"}


@pytest.mark.parametrize(
    ("changes", "joint_set", "error", "says"),
    [
        ({"batch_size": 0}, "human36m_17", ConfigError, "batch_size = 0"),
        ({"flip_tset": True}, "human36m_17", ConfigError, "flip_tset"),
        ({"boxes": "boxes.json"}, "human36m_17", DataError, "boxes.json"),
        ({}, "coco_17", DataError, "expected human36m_17"),
    ],
)
def test_what_cannot_work_is_refused(
    tmp_path, monkeypatch, changes, joint_set, error, says
) -> None:
    folder = make_workspace(tmp_path, changes=changes)
    write_weights(folder / "models/detector/tiny/seed3.safetensors", joint_set=joint_set)
    monkeypatch.chdir(folder)
    with pytest.raises(error, match=says):
        main(["tiny"])
    assert not (folder / "data/keypoints/tiny").exists()


def test_a_true_box_without_area_is_refused(tmp_path, monkeypatch) -> None:
    from tests import detect_workspace

    flat = replace(detect_workspace.person(np.ones((1, 17, 2))), boxes=np.array([[9, 9, 0, 5.0]]))
    monkeypatch.setattr(detect_workspace, "person", lambda points: flat)
    monkeypatch.chdir(make_workspace(tmp_path))
    with pytest.raises(DataError, match=r"image S1/Walking.*box \[9.0, 9.0, 0.0, 5.0\]"):
        main(["tiny"])


def test_a_damaged_picture_ends_in_one_line(tmp_path) -> None:
    folder = make_workspace(tmp_path)
    shard = folder / "data/images/human36m/test-00000.tar"
    damage(shard)
    ran = run_stage(folder, "detect", "tiny")
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.startswith("detect@tiny: ") and "test-00000.tar: image S9/W" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (folder / "data/keypoints/tiny").exists()


def test_an_answer_that_is_not_finite_is_refused(job: DetectJob, tmp_path, monkeypatch) -> None:
    def look(self, crops):
        return torch.full((len(crops), 17, 2), torch.nan), torch.ones(len(crops), 17)

    monkeypatch.setattr("gsam.detectors.inference.Detector.look", look)
    with pytest.raises(DataError, match=r"image S1/Walking.*not finite"):
        everything(job, ShardStorage(str(tmp_path)), 0)

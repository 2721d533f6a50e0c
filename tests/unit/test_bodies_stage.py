"""The stage makes images and labels of one dataset from every form that 3DPW comes in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.body.bodies import FREE_BODY, read_bodies
from gsam.body.mean_params import read_mean_params, write_mean_params
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels
from gsam.skeletons import SPIN_24
from gsam.storage import read_json
from stages.bodies import main
from tests.unit.test_threedpw_npz import people, write
from tests.unit.threedpw_fixtures import content, write_sequence

NAMES = {
    "train": ["courtyard_golf_00", "courtyard_hug_00"],
    "validation": ["flat_guitar_00"],
    "test": ["downtown_bar_00"],
}
SPINE = SPIN_24.index("spine")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(data: str = "twin", **changes: Any) -> None:
    path = Path("data/plan/bodies.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"data": data, "step": 2, "folder": "raw/threedpw", "smpl": None, "part_size": 24}
    path.write_text(json.dumps(values | changes))


def write_all(folder: Path, **changes: Any) -> None:
    for split, names in NAMES.items():
        for number, name in enumerate(names):
            write_sequence(folder, split, name, step=2, people=2 - number, **changes)


def load(split: str) -> tuple[ImageSet, BodyLabels]:
    images = ImageSet.load("data/images/threedpw", split)
    return images, BodyLabels.load("data/bodies", split, images)


def test_the_twins_videos_become_images_and_labels(workspace: Path) -> None:
    source = workspace / "data" / "source_threedpw" / "threedpw"
    write_all(source)
    plan()
    counts = "9 train in 6 images, 6 validation in 3 images, 6 test in 3 images"
    assert main([]) == f"free body, people: {counts}, 0 left out"
    images, labels = load("train")
    assert set(images.rows["dataset"].to_pylist()) == {"threedpw_twin"}
    assert images.skeleton.name == "spin_24"
    assert images.rows["frame"].to_pylist() == [0, 2, 4] * 2
    assert labels.sequences.tolist() == ["courtyard_golf_00"] * 6 + ["courtyard_hug_00"] * 3
    assert labels.genders.tolist() == ["m", "f"] * 3 + ["m"] * 3
    assert (labels.body, labels.part_size) == (FREE_BODY, 24)
    # The pictures are copied as they are.
    first = source / "imageFiles" / "courtyard_golf_00" / "image_00000.jpg"
    assert bytes(images.jpeg(0)) == first.read_bytes()
    # Keypoints are the labelled joints seen by the camera, and lie in the part maps' squares.
    for person in range(len(labels)):
        parts = labels.part_map(person)
        assert parts is not None and parts.any()
        matrix = labels.part_matrix(person)
        points = images.points[person] @ matrix[:, :2].T + matrix[:, 2]
        column, row = np.rint(points[SPINE]).astype(int)
        assert parts[row, column] > 0
    bodies = read_bodies(workspace / "data" / "bodies" / "model")
    assert bodies.name == FREE_BODY and labels.body_hash == bodies.hashes["neutral"]
    mean = read_mean_params(workspace / "data" / "bodies" / "mean_params.npz")
    np.testing.assert_allclose(mean.shape, labels.shapes.mean(axis=0), atol=1e-6)
    assert read_json("data/bodies/left_out.json") == {}
    folders = [workspace / "data" / name for name in ("bodies", "images")]
    before = {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}
    main([])
    assert before == {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


def test_what_is_left_out_is_counted_and_missing_images_are_named(
    workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = workspace / "elsewhere"
    write_all(folder)
    raw = content()
    raw["campose_valid"][0][2] = 0
    raw["poses2d"][1][4] = 0.0
    raw["cam_poses"][0, 0, 3] += 0.9
    write_sequence(folder, "train", "courtyard_golf_00", step=2, **raw)
    (folder / "imageFiles" / "flat_guitar_00" / "image_00002.jpg").unlink()
    plan("archives", folder="elsewhere")
    assert "6 train in 6 images, 4 validation in 2 images" in main([])
    assert read_json("data/bodies/left_out.json") == {
        "courtyard_golf_00": {"not_tracked": 1, "not_detected": 1, "out_of_view": 1},
        "flat_guitar_00": {"images_missing": 1},
    }
    assert "courtyard_golf_00: left out 1 people out of view" in caplog.text
    assert "image_00002.jpg: missing, 1 of 3 images of flat_guitar_00" in caplog.text
    images, _ = load("train")
    assert set(images.rows["dataset"].to_pylist()) == {"threedpw"}


def test_a_sequence_without_any_image_or_with_a_broken_one_stops(workspace: Path) -> None:
    source = workspace / "data" / "source_threedpw" / "threedpw"
    write_all(source)
    plan()
    pictures = source / "imageFiles" / "downtown_bar_00"
    whole = (pictures / "image_00002.jpg").read_bytes()
    (pictures / "image_00002.jpg").write_bytes(whole[:-40])
    with pytest.raises(DataError, match=r"downtown_bar_00/image_00002.jpg: truncated JPEG"):
        main([])
    for path in pictures.iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"image_00000.jpg: missing, as are all 3 images of"):
        main([])
    assert not Path("data/bodies").exists() and not Path("data/images/threedpw").exists()


def test_preprocessed_files_stand_in_for_the_pickles(workspace: Path) -> None:
    folder = workspace / "raw" / "threedpw"
    write_all(folder)
    for path in (folder / "sequenceFiles").rglob("*.pkl"):
        path.unlink()
    for path in sorted((folder / "sequenceFiles").glob("**/"), reverse=True):
        path.rmdir()
    names = people(NAMES["train"], frames=1), people(NAMES["test"], frames=1)
    write(folder, *names)
    smpl = workspace / "raw" / "smpl"
    smpl.mkdir()
    plan("archives", smpl="raw/smpl")
    assert "2 train in 1 images, 2 validation in 1 images, 2 test in 1 images" in main([])
    images, labels = load("test")
    assert images.rows["image"].to_pylist() == ["downtown_bar_00/image_00000"]
    assert np.isnan(labels.translations).all() and labels.part_map(0) is None
    assert not images.visibility.any() and labels.part_size == 0
    # The user's own mean parameters, where they have them.
    mean = read_mean_params(workspace / "data" / "bodies" / "mean_params.npz")
    own = replace(mean, shape=mean.shape + 1)
    write_mean_params(smpl / "smpl_mean_params.npz", own)
    main([])
    again = read_mean_params(workspace / "data" / "bodies" / "mean_params.npz")
    np.testing.assert_array_equal(again.shape, own.shape)


def test_nothing_to_read_leaves_the_reason(workspace: Path) -> None:
    plan("archives")
    assert main([]) == "threedpw missing"
    for folder in ("data/bodies", "data/images/threedpw"):
        assert [path.name for path in Path(folder).iterdir()] == ["missing.json"]
        assert (
            "raw/threedpw: sequenceFiles missing" in read_json(f"{folder}/missing.json")["reason"]
        )
    reason = {"reason": "data=bvh comes without videos"}
    Path("data/source_threedpw").mkdir()
    Path("data/source_threedpw/missing.json").write_text(json.dumps(reason))
    plan("bvh")
    assert main([]) == "threedpw missing"
    assert read_json("data/bodies/missing.json") == reason

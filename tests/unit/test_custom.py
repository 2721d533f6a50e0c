"""Users' recordings: from the layout to takes and keypoints, and every way to get it wrong."""

import numpy as np
import pytest

from gsam.cameras import Camera
from gsam.datasets.custom import (
    View3D,
    dataset_name,
    read_keypoints,
    read_takes,
    recording_row,
    write_recordings,
)
from gsam.errors import DataError
from gsam.schemas import OWN_CAMERA, WORLD
from gsam.skeletons import COCO_17, H36M_17, convert

SIZE = (1000, 800)


def camera(name="left", turn=0.0):
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, s, 0], [0, 0, -1], [-s, c, 0]])
    return Camera(name, *SIZE, 900.0, 900.0, 500.0, 400.0, (), "pinhole", rotation, (0, 1, 4))


def motion(seed=0, frames=5):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 17, 3)).astype(np.float32)


def row(take="Walking 1", split="train", seen=None, joints=None):
    seen = seen or camera()
    joints = motion() if joints is None else joints
    points = seen.project(seen.world_to_camera(joints))
    return recording_row(
        points, size=SIZE, fps=25, subject="anna", take=take, camera=seen.name, split=split,
        truth=View3D(joints, seen),
    )  # fmt: skip


def pair(**changes):
    return [row() | changes, row("Walking 2", "test")]


def write(folder, rows, **options):
    write_recordings(folder / "lab.parquet", rows, **options)
    return folder


def test_cameras_of_one_take_in_the_world(tmp_path):
    right = camera("right", 0.5)
    folder = write(tmp_path, [row(), row(seen=right), row("Walking 2", "test")])
    takes = list(read_takes(folder, "custom_lab"))
    assert [(t.sequence, t.split, len(t.cameras)) for t in takes] == [
        ("anna/Walking 1", "train", 2),
        ("anna/Walking 2", "test", 1),
    ]
    assert {t.dataset for t in takes} == {"custom_lab"} and takes[0].frame == WORLD
    np.testing.assert_array_equal(takes[0].joints, motion())
    views = read_keypoints(folder)["anna/Walking 1"]
    for seen, (points, scores) in zip(takes[0].cameras, views, strict=True):
        expected = seen.project(seen.world_to_camera(motion()))
        np.testing.assert_allclose(points, expected, rtol=1e-5)
        assert (scores == 1).all()


def test_a_camera_that_has_its_own_truth_is_a_take_of_its_own(tmp_path):
    rows = [row(), row(seen=camera("right")), row("Walking 2", "test")]
    takes = list(read_takes(write(tmp_path, rows, space="camera"), "custom"))
    names = ["anna/Walking 1 left", "anna/Walking 1 right", "anna/Walking 2 left"]
    assert [take.sequence for take in takes] == names
    assert all(take.frame == OWN_CAMERA for take in takes)
    np.testing.assert_array_equal(takes[0].cameras[0].R, np.eye(3))
    assert not takes[0].cameras[0].t.any()


def test_another_joint_set_becomes_human36m_by_names(tmp_path):
    folder = write(tmp_path, pair(), skeleton=COCO_17)
    take = next(iter(read_takes(folder, "custom")))
    np.testing.assert_allclose(take.joints, convert(motion(), COCO_17, H36M_17), rtol=1e-6)


def test_recordings_without_truth_are_for_lifting_only(tmp_path):
    plain = recording_row(np.ones((3, 17, 2)), size=SIZE, fps=25, subject="bo", take="x")
    takes = list(read_takes(write(tmp_path, [plain, *pair()]), "custom"))
    assert [take.subject for take in takes] == ["anna", "anna"]


def test_frames_that_are_not_valid_stay_so(tmp_path):
    flags = [True, False, True, True, True]
    take = next(iter(read_takes(write(tmp_path, pair(valid=flags)), "custom")))
    assert take.valid.tolist() == flags


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joints": (motion() * 1000).ravel()}, "are the joints in millimetres"),
        ({"joints": (motion() * 100).ravel()}, "are the joints in centimetres"),
        ({"joints": np.full(5 * 17 * 3, np.nan)}, "joints of frame 0 are not finite"),
        ({"points": np.full(5 * 17 * 2, np.inf)}, "points of frame 0 are not finite"),
        ({"split": None}, "split is None, expected train or test"),
        ({"split": "test"}, "of the splits test, expected train and test"),
        ({"K": None}, "camera left lacks K"),
        ({"R": None}, "camera left lacks R"),
        ({"model": "fisheye"}, "model is fisheye"),
        ({"frames": 4}, "expected 136"),
    ],
)
def test_what_is_wrong_is_said(changes, words, tmp_path):
    with pytest.raises(DataError, match=words):
        folder = write(tmp_path, pair(**changes))
        list(read_takes(folder, "custom"))
        read_keypoints(folder)


def test_cameras_of_a_take_must_agree(tmp_path):
    rows = [row(), row(seen=camera("right"), joints=motion(1)), row("Walking 2", "test")]
    with pytest.raises(DataError, match="cameras differ in joints"):
        list(read_takes(write(tmp_path, rows), "custom"))


def test_a_folder_without_recordings(tmp_path):
    with pytest.raises(DataError, match=r"no .parquet file of recordings; make one with"):
        list(read_takes(tmp_path, "custom"))


def test_no_folder_is_named_like_a_benchmark():
    assert dataset_name("data/raw/custom") == "custom"
    assert dataset_name("s3://bucket/human36m/") == "custom_human36m"


def test_equal_recordings_are_equal_bytes(tmp_path):
    (tmp_path / "b").mkdir()
    write(tmp_path, pair())
    write(tmp_path / "b", pair())
    assert (tmp_path / "lab.parquet").read_bytes() == (tmp_path / "b/lab.parquet").read_bytes()

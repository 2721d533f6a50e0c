"""Human3.6M's community files: what is read, what is refused and how the refusal is worded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.human36m.archives import read_takes
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.files import (
    DISPLACED,
    KEYPOINT_FILES,
    POSES_FILE,
    SUBJECTS,
    archives_missing,
    dropped_takes,
)
from gsam.datasets.human36m.keypoints import keypoints_of, read_keypoints
from gsam.errors import ConfigError, DataError, LicensedDataMissing
from gsam.skeletons import COCO_17, H36M_17, H36M_32, MPII_16, Skeleton, convert

FRAMES = 6


def person(frames: int = FRAMES, joints: int = 32, seed: int = 0) -> np.ndarray:
    """Joints (frames, joints, 3) in metres: random, but with a thigh of 0.45 m."""
    skeleton = H36M_32 if joints == 32 else H36M_17
    points = np.random.default_rng(seed).normal(0, 0.4, (frames, skeleton.size, 3))
    hip, knee = skeleton.index("right_hip"), skeleton.index("right_knee")
    points[:, knee] = points[:, hip] + [0, 0, -0.45]
    return (points + np.array([0, 0, 1])).astype(np.float32)


def content(joints: int = 32) -> dict[str, dict[str, Any]]:
    takes = ["Walking 1", "Walking", "Sitting 1", "SittingDown", "Photo 1"]
    found = {s: {t: person(joints=joints) for t in takes} for s in SUBJECTS}
    found["S9"]["Greeting"] = person(seed=2)
    return found


def write_3d(folder: Path, positions: Any) -> Path:
    np.savez_compressed(folder / POSES_FILE, positions_3d=positions)
    return folder


METADATA: dict[str, dict[str, Any]] = {
    layout.name: {"num_joints": layout.size, "keypoints_symmetry": [layout.left, layout.right]}
    for layout in (H36M_17, COCO_17, MPII_16)
}


def views(layout: Skeleton = H36M_17, extra: int = 0, channels: int = 2) -> list[Any]:
    rng = np.random.default_rng(1)
    shape = (FRAMES + extra, layout.size, channels)
    return [rng.uniform(0, 1000, shape).astype(np.float32) for _ in range(4)]


def write_2d(
    folder: Path, takes: Any, metadata: Any = None, source: str = "gt", subject: str = "S9"
) -> Path:
    metadata = METADATA["human36m_17"] if metadata is None else metadata
    path = folder / KEYPOINT_FILES[source]
    np.savez_compressed(path, positions_2d={subject: takes}, metadata=metadata)
    return folder


def test_takes_come_with_their_subject_split_action_and_cameras(tmp_path: Path) -> None:
    takes = list(read_takes(write_3d(tmp_path, content())))
    assert len(takes) == 7 * 5 + 1
    assert list(dict.fromkeys(t.subject for t in takes)) == list(SUBJECTS)
    by_name = {take.sequence: take for take in takes}
    assert by_name["S9/SittingDown"].action == "SittingDown"
    assert by_name["S9/Sitting 1"].action == "Sitting"
    assert {t.subject for t in takes if t.split == "test"} == {"S9", "S11"}
    walking = by_name["S1/Walking 1"]
    assert walking.fps == 50.0 and walking.cameras == human36m_cameras()["S1"]
    np.testing.assert_array_equal(walking.joints, convert(person(), H36M_32, H36M_17))
    assert dropped_takes(by_name) == ("S11/Directions",)
    assert dropped_takes([*by_name, "S11/Directions"]) == ()
    for displaced in DISPLACED[:1]:
        assert displaced in by_name


def test_seventeen_joints_are_taken_as_they_are(tmp_path: Path) -> None:
    positions = {s: {"Walking": person(joints=17)} for s in SUBJECTS}
    take = next(read_takes(write_3d(tmp_path, positions)))
    np.testing.assert_array_equal(take.joints, person(joints=17))


def test_takes_are_named_as_the_benchmark_names_them(tmp_path: Path) -> None:
    positions = {s: {"TakingPhoto 1": person(), "WalkingDog": person()} for s in SUBJECTS}
    takes = list(read_takes(write_3d(tmp_path, positions)))
    assert [(t.name, t.action) for t in takes[:2]] == [("Photo 1", "Photo"), ("WalkDog", "WalkDog")]
    positions["S5"]["Photo 1"] = person()
    with pytest.raises(DataError, match="S5 has one take under two names"):
        list(read_takes(write_3d(tmp_path, positions)))


def test_the_test_subjects_are_a_parameter(tmp_path: Path) -> None:
    write_3d(tmp_path, content())
    takes = list(read_takes(tmp_path, ["S1"], dataset="twin"))
    assert {t.subject for t in takes if t.split == "test"} == {"S1"}
    assert {t.dataset for t in takes} == {"twin"}
    for bad in (["S2"], [], list(SUBJECTS)):
        with pytest.raises(ConfigError, match="test_subjects"):
            read_takes(tmp_path, bad)


def change(positions: Any, take: Any) -> Any:
    positions["S5"]["Walking 1"] = take
    return positions


def nan(frame: int, joint: str) -> np.ndarray:
    points = person()
    points[frame, H36M_32.index(joint), 1] = np.nan
    return points


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (person()[:, :28], r"S5 'Walking 1': shape \(6, 28, 3\), expected \(T, 32, 3\)"),
        (person()[..., :2], r"S5 'Walking 1': shape \(6, 32, 2\)"),
        (person()[0], r"S5 'Walking 1': shape \(32, 3\)"),
        (person()[:0], "S5 'Walking 1': no frames"),
        (person().astype(object), "S5 'Walking 1': found object"),
        ("text", "S5 'Walking 1': found str"),
        (person() * 1000, "S5 'Walking 1': the thigh is 450 long.*look like millimetres"),
        (person() * 0.01, "S5 'Walking 1': the thigh is 0.0045 long"),
        (nan(3, "left_wrist"), "S5 'Walking 1': joint left_wrist is not finite in frame 3"),
    ],
)
def test_unusable_takes_are_refused_by_place(tmp_path: Path, take: Any, message: str) -> None:
    write_3d(tmp_path, change(content(), take))
    with pytest.raises(DataError, match=rf"data_3d_h36m\.npz: {message}") as error:
        list(read_takes(tmp_path))
    assert "\n" not in str(error.value)


def test_a_joint_that_is_not_kept_may_be_anything(tmp_path: Path) -> None:
    write_3d(tmp_path, change(content(), nan(3, "left_hand_1")))
    assert len(list(read_takes(tmp_path))) == 36


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    without = content()
    del without["S7"]
    for positions, message in [
        (without, r"subjects .*, expected \['S1', 'S11'"),
        (content() | {"S2": {"Walking": person()}}, "subjects"),
        (content() | {"S5": {}}, "S5: empty, expected takes"),
        (content() | {"S5": {"Jumping": person()}}, "S5 'Jumping': unknown action.*Directions"),
        ([1, 2], "positions_3d: found"),
        ({}, "positions_3d: empty, expected subjects"),
    ]:
        write_3d(tmp_path, positions)
        with pytest.raises(DataError, match=message):
            list(read_takes(tmp_path))
    path = tmp_path / POSES_FILE
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"data_3d_h36m\.npz: not a readable npz"):
        read_takes(tmp_path)


def test_absent_archives_say_who_grants_them_and_where_they_go(tmp_path: Path) -> None:
    with pytest.raises(LicensedDataMissing) as error:
        read_takes(tmp_path)
    message = str(error.value)
    assert error.value.exit_code == 3 and "\n" not in message
    for part in ("vision.imar.ro/human3.6m", "account", "data_3d_h36m.npz", str(tmp_path)):
        assert part in message
    with pytest.raises(LicensedDataMissing, match=r"data_2d_h36m_cpn_ft_h36m_dbb\.npz"):
        read_keypoints(tmp_path, "cpn")
    write_3d(tmp_path, content())
    everything = archives_missing(tmp_path)
    assert "data_2d_h36m_gt.npz" in everything.split(" missing")[0]
    assert "data_3d_h36m.npz" not in everything.split(" missing")[0]
    with pytest.raises(ConfigError, match="'hrnet', expected one of gt, cpn"):
        read_keypoints(tmp_path, "hrnet")


@pytest.mark.parametrize("layout", [H36M_17, COCO_17, MPII_16], ids=lambda s: s.name)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("channels", [2, 3])
def test_every_layout_becomes_human36m_17(
    tmp_path: Path, layout: Skeleton, named: bool, channels: int
) -> None:
    names = {"human36m_17": "h36m", "coco_17": "coco", "mpii_16": "mpii"}
    metadata = METADATA[layout.name] | ({"layout_name": names[layout.name]} if named else {})
    # As the ground-truth file has it: NumPy integers in the lists.
    metadata["keypoints_symmetry"] = [
        [np.int64(i) for i in side] for side in metadata["keypoints_symmetry"]
    ]
    written = views(layout, channels=channels)
    write_2d(tmp_path, {"Waiting 1": written}, metadata)
    found = read_keypoints(tmp_path, "gt")["S9", "Waiting 1"]
    for view, source in zip(found, written, strict=True):
        np.testing.assert_array_equal(view, convert(source[..., :2], layout, H36M_17))
        assert view.dtype == np.float32


def test_the_published_mpii_lists_are_not_paired_element_by_element(tmp_path: Path) -> None:
    metadata = {
        "num_joints": 16,
        "keypoints_symmetry": [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]],
    }
    write_2d(tmp_path, {"Waiting": views(MPII_16)}, metadata)
    assert read_keypoints(tmp_path, "gt")["S9", "Waiting"][0].shape == (FRAMES, 17, 2)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"layout_name": "kinect"}, "layout 'kinect', expected one of h36m, coco, mpii"),
        ({"num_joints": 17}, "with 17 joints and symmetry None is not known"),
        (METADATA["coco_17"] | {"layout_name": "h36m"}, "layout 'h36m' with 17 joints"),
        (METADATA["coco_17"] | {"num_joints": 16}, "layout None with 16 joints"),
        ({"keypoints_symmetry": [[1], 2]}, "keypoints_symmetry is"),
        (["x"], "metadata is no dictionary"),
    ],
)
def test_unknown_layouts_are_refused(tmp_path: Path, metadata: Any, message: str) -> None:
    write_2d(tmp_path, {"Waiting": views()}, np.array(metadata, object))
    with pytest.raises(DataError, match=rf"data_2d_h36m_gt\.npz.*{message}"):
        read_keypoints(tmp_path, "gt")


def bad_view(index: int, value: Any) -> list[Any]:
    found = views()
    found[index] = value
    return found


def infinite() -> np.ndarray:
    points = views()[0]
    points[2, 4, 0] = np.inf
    return points


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (views()[:3], "S9 'Waiting': 3 cameras, expected a list of 4"),
        (None, "S9 'Waiting': NoneType cameras"),
        (bad_view(1, views()[0][:, :16]), r"S9 'Waiting' camera 55011271: shape \(6, 16, 2\)"),
        (bad_view(2, "x"), "S9 'Waiting' camera 58860488: found str"),
        (
            bad_view(3, infinite()),
            "S9 'Waiting' camera 60457274: joint left_hip is not finite in frame 2",
        ),
    ],
)
def test_unusable_keypoints_are_refused_by_place(tmp_path: Path, found: Any, message: str) -> None:
    write_2d(tmp_path, {"Waiting": found})
    with pytest.raises(DataError, match=rf"data_2d_h36m_gt\.npz: {message}"):
        read_keypoints(tmp_path, "gt")


def test_keypoints_are_cut_to_the_motion_capture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_3d(tmp_path, content())
    take = next(t for t in read_takes(tmp_path) if t.sequence == "S9/Greeting")
    write_2d(tmp_path, {"Greeting": [*views(extra=7)[:3], None]})
    with caplog.at_level(logging.WARNING):
        cut = keypoints_of(read_keypoints(tmp_path, "gt"), take, "gt")
    assert [None if v is None else len(v) for v in cut] == [FRAMES] * 3 + [None]
    assert not caplog.records
    write_2d(tmp_path, {"Greeting": [*views(extra=3)[:3], views(extra=51)[0]]})
    with caplog.at_level(logging.WARNING):
        keypoints_of(read_keypoints(tmp_path, "gt"), take, "gt")
    (record,) = caplog.records
    assert "S9 'Greeting' camera 60457274: 1.0 s more" in record.getMessage()


def test_short_or_absent_keypoints_are_refused_with_both_lengths(tmp_path: Path) -> None:
    write_3d(tmp_path, content())
    take = next(t for t in read_takes(tmp_path) if t.sequence == "S9/Greeting")
    write_2d(tmp_path, {"Greeting": [*views()[:2], views(extra=-2)[0], None]})
    with pytest.raises(
        DataError, match=r"S9 'Greeting' camera 58860488: 4 frames.*at least the 6 of the 3D"
    ):
        keypoints_of(read_keypoints(tmp_path, "gt"), take, "cpn")
    write_2d(tmp_path, {"Waiting": views()})
    with pytest.raises(DataError, match="cpn: no keypoints of S9 'Greeting'"):
        keypoints_of(read_keypoints(tmp_path, "gt"), take, "cpn")


def test_detections_of_subjects_without_3d_are_no_trouble(tmp_path: Path) -> None:
    write_2d(tmp_path, {"TakingPhoto 2": views()}, source="cpn", subject="S2")
    assert list(read_keypoints(tmp_path, "cpn")) == [("S2", "Photo 2")]

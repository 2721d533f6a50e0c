"""Motion capture as takes: rigs, bodies, filming and splits, on small files and real ones."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.cameras import Camera
from gsam.configs import build
from gsam.datasets.bvh.bodies import vary_bones
from gsam.datasets.bvh.filming import film, place
from gsam.datasets.bvh.parser import Motion, parse_bvh
from gsam.datasets.bvh.rigs import RIGS, Rig, find_rig, human36m_joints
from gsam.datasets.bvh.split import Recording, assign_splits, list_recordings
from gsam.datasets.bvh.takes import BvhConfig, read_takes, recordings
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.errors import ConfigError, DataError
from gsam.skeletons import H36M_17

J = {name: index for index, name in enumerate(H36M_17.joints)}

# Human3.6M-17 of a person who faces x with the left side along y and stands on z = 0, metres.
STANDING = {
    "hip": (0, 0.1, 0.9),
    "knee": (0.03, 0.1, 0.48),
    "ankle": (0, 0.1, 0.08),
    "shoulder": (0, 0.16, 1.38),
    "elbow": (0, 0.18, 1.1),
    "wrist": (0.05, 0.18, 0.85),
}
MIDDLE = {"spine": 1.15, "thorax": 1.42, "nose": 1.5, "head_top": 1.6}


def rig_motion(rig: Rig, frames: int = 4) -> Motion:
    """A standing person in a rig's joints, units and axes: no joint turns, all hang on the root."""

    def in_file(point: tuple[float, float, float]) -> np.ndarray:
        x, y, z = point
        return np.array((x, z, -y) if rig.up == "y" else (x, y, z)) / rig.unit_m

    at: dict[str, np.ndarray] = {}
    for joint, points in rig.points.items():
        side, _, part = joint.partition("_")
        for name, _ in points:
            if side in ("left", "right") and part in STANDING:
                x, y, z = STANDING[part]
                at[name] = in_file((x, y if side == "left" else -y, z))
            elif joint != "pelvis":
                at.setdefault(name, in_file((0, 0, MIDDLE[joint])))
    names = ["joint_Root" if "joint_Root" in rig.marks else "Hips", *at]
    names += [mark for mark in rig.marks if mark not in names]
    offsets = np.array([at.get(name, np.zeros(3)) for name in names])
    channels = (("xposition", "yposition", "zposition", "zrotation", "xrotation", "yrotation"),)
    return Motion(
        path="file.bvh",
        names=tuple(names),
        parents=(-1, *[0] * (len(names) - 1)),
        offsets=offsets,
        channels=channels + ((),) * (len(names) - 1),
        frame_time=1 / 50,
        values=np.zeros((frames, 6)),
    )


@pytest.mark.parametrize("rig", RIGS, ids=lambda rig: rig.name)
def test_every_rig_comes_out_upright_in_metres_with_its_left_on_the_left(rig: Rig) -> None:
    motion = rig_motion(rig)
    assert find_rig(motion) is rig
    joints = human36m_joints(motion, 50.0)
    assert joints.shape == (4, 17, 3) and joints.dtype == np.float32
    for side, sign in (("left", 1), ("right", -1)):
        for part, (x, y, z) in STANDING.items():
            found = joints[0, J[f"{side}_{part}"]]
            np.testing.assert_allclose(found, (x, sign * y, z), atol=1e-6)
    np.testing.assert_allclose(joints[0, 0], (0, 0, 0.9), atol=1e-6)
    assert joints[0, J["thorax"], 2] == pytest.approx(1.42)


@pytest.mark.parametrize("rig", RIGS, ids=lambda rig: rig.name)
def test_a_rig_without_a_joint_is_unknown_by_name(rig: Rig) -> None:
    motion = rig_motion(rig)
    knee = rig.points["left_knee"][0][0]
    broken = replace(motion, names=tuple("x" if n == knee else n for n in motion.names))
    with pytest.raises(
        DataError, match=rf"file\.bvh: unknown rig, lacks {knee}.*bandai-namco, cmu"
    ):
        find_rig(broken)


def test_another_unit_is_refused() -> None:
    motion = rig_motion(RIGS[0])
    with pytest.raises(DataError, match=r"the thigh is 42\.\d* m with bandai-namco's unit"):
        human36m_joints(replace(motion, offsets=motion.offsets * 100), 50.0)


def bones(joints: np.ndarray) -> np.ndarray:
    return np.stack(
        [np.linalg.norm(joints[:, c] - joints[:, p], axis=-1) for p, c in H36M_17.bones], axis=1
    )


def walker(frames: int = 30, path: float = 0.5) -> np.ndarray:
    joints = np.repeat(human36m_joints(rig_motion(RIGS[0]), 50.0)[:1], frames, axis=0)
    joints = joints.astype(np.float64)
    joints[..., 0] += np.linspace(0, path, frames)[:, None]
    joints[:, J["left_wrist"], 0] += 0.1 * np.sin(np.arange(frames))
    return joints


@given(st.integers(0, 1000), st.floats(0.001, 0.3))
def test_other_bodies_are_symmetric_constant_and_move_the_same_way(
    seed: int, spread: float
) -> None:
    joints = walker()
    varied = vary_bones(joints, spread, np.random.default_rng(seed))
    ratio = bones(varied) / bones(joints)
    np.testing.assert_allclose(ratio, np.repeat(ratio[:1], len(ratio), axis=0))
    children = [c for _, c in H36M_17.bones]
    for left, right in zip(H36M_17.left, H36M_17.right, strict=True):
        np.testing.assert_allclose(ratio[0, children.index(left)], ratio[0, children.index(right)])
    before = joints[:, J["left_knee"]] - joints[:, J["left_hip"]]
    after = varied[:, J["left_knee"]] - varied[:, J["left_hip"]]
    np.testing.assert_allclose(np.cross(before, after), 0, atol=1e-12)
    # Feet follow the pelvis's scaled path: ankles above the floor scale with the legs.
    leg = ratio[0, children.index(J["left_knee"])]
    np.testing.assert_allclose(varied[:, J["left_ankle"], 2], leg * 0.08, atol=0.02)


def test_no_variation_changes_nothing_and_hips_and_shoulders_move_towards_human36m() -> None:
    joints = walker()
    same = vary_bones(joints, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(same, joints)
    rng = np.random.default_rng(0)
    hips = [bones(vary_bones(joints, 1e-9, rng))[0, 0] for _ in range(200)]
    assert min(hips) >= 0.1 - 1e-6 and max(hips) > 0.12 and max(hips) < 0.13


@given(st.floats(0, 2 * np.pi), st.floats(-5, 5), st.floats(0, 8))
def test_filming_keeps_shapes_heights_and_everyone_in_view(
    yaw: float, offset: float, path: float
) -> None:
    joints = walker(path=path) + np.array([offset, -offset, 0])
    placed = place(joints, yaw)
    np.testing.assert_allclose(placed[..., 2], joints[..., 2])
    np.testing.assert_allclose(bones(placed), bones(joints))
    assert np.abs(placed[:, 0, :2]).max() <= path / 2 + 1e-9
    for camera in film(placed, human36m_cameras()["S1"]):
        assert_in_view(camera, placed)


def assert_in_view(camera: Camera, joints: np.ndarray) -> None:
    seen = camera.world_to_camera(joints)
    pixels = camera.project(seen)
    assert seen[..., 2].min() >= 1.0 - 1e-5
    assert pixels.min() >= 0
    assert (pixels < [camera.width, camera.height]).all()


def test_cameras_move_only_when_they_must_and_only_backwards() -> None:
    cameras = human36m_cameras()["S1"]
    assert film(place(walker(), 0.0), cameras) == cameras
    far = film(place(walker(path=9.0), 0.3), cameras)
    for moved, camera in zip(far, cameras, strict=True):
        np.testing.assert_array_equal(moved.R, camera.R)
        step = moved.t - camera.t
        assert step[2] > 0 and step[0] == step[1] == 0


HEADER = (
    "HIERARCHY\nROOT joint_Root\n{{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition "
    "Zrotation Xrotation Yrotation\n{joints}}}\nMOTION\nFrames: {frames}\nFrame Time: 0.0333333\n"
)


def bvh_text(frames: int = 4) -> str:
    motion = rig_motion(RIGS[0])
    joints = "".join(
        f"JOINT {name}\n{{\nOFFSET {x} {y} {z}\n}}\n"
        for name, (x, y, z) in zip(motion.names[1:], motion.offsets[1:], strict=True)
    )
    rows = "".join(f"{10 * i} 0 0 0 0 {10 * i}\n" for i in range(frames))
    return HEADER.format(joints=joints, frames=frames) + rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for style in ("active", "normal"):
        for take in range(1, 6):
            name = f"dataset-2_walk-turn-left_{style}_{take:03d}.bvh"
            (tmp_path / "bvh").mkdir(exist_ok=True)
            (tmp_path / "bvh" / name).write_text(bvh_text())
    return tmp_path


def test_takes_of_a_folder(folder: Path) -> None:
    takes = list(read_takes(folder, BvhConfig()))
    assert len(takes) == 10
    first = takes[0]
    assert first.sequence == "dataset-2/walk-turn-left active 001"
    assert first.action == "walk-turn-left" and first.dataset == "bvh" and first.fps == 50
    # Three steps of 1/30 s hold five whole steps of 1/50 s.
    assert first.joints.shape == (6, 17, 3) and first.joints.dtype == np.float32
    assert [t.name for t in takes if t.split == "test"] == [
        "walk-turn-left active 005",
        "walk-turn-left normal 005",
    ]
    assert [c.name for c in first.cameras] == [c.name for c in human36m_cameras()["S1"]]
    again = list(read_takes(folder, BvhConfig()))
    for one, two in zip(takes, again, strict=True):
        np.testing.assert_array_equal(one.joints, two.joints)
    assert not np.array_equal(takes[0].joints, next(read_takes(folder, BvhConfig(seed=1))).joints)


def test_only_training_takes_get_other_bodies(folder: Path) -> None:
    lengths = {
        split: np.array(
            [bones(t.joints)[0] for t in read_takes(folder, BvhConfig()) if t.split == split]
        )
        for split in ("train", "test")
    }
    assert np.ptp(lengths["test"], axis=0).max() < 1e-6
    assert np.ptp(lengths["train"], axis=0).min() > 1e-3
    recorded = [t for t in read_takes(folder, BvhConfig(bone_variation=0.0)) if t.split == "train"]
    assert np.ptp([bones(t.joints)[0] for t in recorded], axis=0).max() < 1e-6


def test_filters_and_limits(folder: Path) -> None:
    assert len(recordings(folder, BvhConfig(max_takes=2))) == 4
    assert len(recordings(folder, BvhConfig(contents=("walk-turn-left",)))) == 10
    with pytest.raises(DataError, match="no content 'fly', expected walk-turn-left"):
        recordings(folder, BvhConfig(contents=("fly",)))


def test_a_config_survives_json_and_names_what_cannot_work(folder: Path) -> None:
    config = BvhConfig(test_values=("active",), split_by="style")
    assert build(BvhConfig, json.loads(json.dumps(asdict(config))), "bvh") == config
    bad = BvhConfig(
        fps=0, test_share=1.5, bone_variation=-1, test_values=("a",), cameras_of="S2", max_takes=-1
    )
    assert len(bad.problems()) == 6
    with pytest.raises(ConfigError, match=r"fps = 0.*cameras_of = 'S2': expected one of S1"):
        read_takes(folder, bad)


def test_a_broken_file_among_good_ones_is_named(folder: Path) -> None:
    bad = folder / "bvh" / "dataset-2_walk-turn-left_active_003.bvh"
    bad.write_text(bad.read_text()[:-20])
    with pytest.raises(DataError, match=r"active_003\.bvh: line \d+: \d values, expected 6"):
        list(read_takes(folder, BvhConfig()))


def items(content: str, style: str, takes: range, part: str = "dataset-2") -> list[Recording]:
    return [Recording(part, content, style, t, f"{content}{style}{t}") for t in takes]


def test_the_last_takes_of_every_style_are_the_test_split() -> None:
    found = assign_splits(
        items("run", "a", range(1, 11)) + items("run", "b", range(1, 4)), "take", 0.2, ()
    )
    assert [(i.style, i.take) for i in found if i.split == "test"] == [
        ("a", 9),
        ("a", 10),
        ("b", 3),
    ]


def test_contents_of_single_takes_are_split_by_style() -> None:
    found = [i for s in "abcde" for c in ("bow", "dash") for i in items(c, s, range(1, 2))]
    found += items("call", "a", range(1, 2))
    tested = {
        (i.content, i.style) for i in assign_splits(found, "take", 0.2, ()) if i.split == "test"
    }
    assert tested == {("bow", "e"), ("dash", "e")}


@given(st.integers(4, 60), st.floats(0.05, 0.5))
def test_overlapping_takes_are_never_parted(count: int, share: float) -> None:
    found = items("walk-turn-left", "normal", range(1, count + 1))
    found += items("walk-turn-right", "normal", range(1, count + 1)) + items("x", "y", range(1, 41))
    splits = {
        i.split
        for i in assign_splits(found, "take", share, ())
        if 27 <= i.take <= 35 and i.content != "x"
    }
    assert len(splits) <= 1


def test_splits_by_style_content_and_column() -> None:
    found = [i for s in "abcde" for c in ("bow", "dash") for i in items(c, s, range(1, 3))]

    def tested(*rule: object) -> set[tuple[str, str]]:
        return {(i.content, i.style) for i in assign_splits(found, *rule) if i.split == "test"}

    assert tested("style", 0.2, ()) == {("bow", "e"), ("dash", "e")}
    assert tested("style", 0.2, ("a",)) == {("bow", "a"), ("dash", "a")}
    assert tested("content", 0.5, ()) == {("dash", s) for s in "abcde"}
    with pytest.raises(DataError, match="split_by content: no take in test among 20"):
        tested("content", 0.2, ("fly",))
    with pytest.raises(DataError, match="no split in manifest"):
        tested("column", 0.2, ())
    marked = [replace(i, split="test" if i.take == 1 else "train") for i in found]
    assert assign_splits(marked, "column", 0.2, ()) == marked


def manifest(folder: Path, text: str) -> Path:
    (folder / "manifest.csv").write_text(text)
    return folder


def test_a_manifest_says_what_names_do_not(folder: Path) -> None:
    file = "bvh/dataset-2_walk-turn-left_active_001.bvh"
    other = "bvh/dataset-2_walk-turn-left_active_002.bvh"
    manifest(
        folder, f"file,content,style,take,split\n{file},dance,slow,7,test\n{other},dance,,8,train\n"
    )
    found = recordings(folder, BvhConfig(split_by="column"))
    assert [(i.part, i.name, i.split) for i in found] == [
        ("dataset-2", "dance active 008", "train"),
        ("dataset-2", "dance slow 007", "test"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no \.bvh files"),
        ("name\nx\n", "line 2: no column 'file'"),
        ("file\nbvh/none.bvh\n", r"line 2: no file 'bvh/none\.bvh'"),
        ("file\n../x.bvh\n", r"line 2: no file '\.\./x\.bvh'"),
        ("file\n/etc/passwd\n", "line 2: no file '/etc/passwd'"),
        ("file,take\n{0},x\n", "line 2: take 'x', expected a number"),
        ("file,split\n{0},val\n", "line 2: split 'val', expected train or test"),
        ("file,take\n{0},1\n{1},1\n", "are both dataset-2 'walk-turn-left active 001'"),
    ],
)
def test_unusable_manifests_are_named(folder: Path, text: str, message: str) -> None:
    files = [f"bvh/dataset-2_walk-turn-left_active_00{i}.bvh" for i in (1, 2)]
    with pytest.raises(DataError, match=message):
        list_recordings(manifest(folder, text.format(*files)))


def test_names_without_a_scheme_are_read_as_content_and_number(tmp_path: Path) -> None:
    for name in ("01_02.bvh", "wave_hello.BVH", "sub/jump  high 3.bvh", "12.bvh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {i.file: (i.part, i.name) for i in list_recordings(tmp_path)}
    assert found == {
        "01_02.bvh": ("motion", "01 002"),
        "wave_hello.BVH": ("motion", "wave_hello 001"),
        "sub/jump  high 3.bvh": ("sub", "jump-high 003"),
        "12.bvh": ("motion", "12 001"),
    }
    with pytest.raises(DataError, match=r"no \.bvh files"):
        list_recordings(tmp_path / "sub" / "none")


@pytest.fixture(scope="module")
def real_joints(bandai_namco: Path) -> dict[str, np.ndarray]:
    files = sorted((bandai_namco / "bvh").glob("*.bvh"))[::15]
    return {f.stem: human36m_joints(parse_bvh(f), 50.0).astype(np.float64) for f in files}


def test_real_bones_keep_their_lengths(real_joints: dict[str, np.ndarray]) -> None:
    lengths = np.concatenate([bones(joints) for joints in real_joints.values()]) * 1000
    names = [H36M_17.joints[child] for _, child in H36M_17.bones]
    rigid = [
        i for i, n in enumerate(names) if n.split("_")[-1] in ("knee", "ankle", "elbow", "wrist")
    ]
    assert lengths[:, rigid].std(axis=0).max() < 0.01
    assert lengths.std(axis=0).max() < 7
    measured = dict(zip(names, lengths.mean(axis=0), strict=True))
    expected = {"left_knee": 391, "left_ankle": 410, "left_elbow": 243, "left_wrist": 223}
    for name, length in expected.items():
        assert measured[name] == pytest.approx(length, abs=1)


def test_real_people_stand_on_the_floor_at_their_height(
    real_joints: dict[str, np.ndarray],
) -> None:
    lowest = [joints[..., 2].min() for joints in real_joints.values()]
    assert min(lowest) > 0.05 and np.median(lowest) < 0.15
    crowns = [np.median(joints[:, J["head_top"], 2]) for joints in real_joints.values()]
    assert 1.4 < np.median(crowns) < 1.55
    pelvis = [np.median(joints[:, 0, 2]) for joints in real_joints.values()]
    assert 0.85 < np.median(pelvis) < 0.95


def test_real_left_is_left_of_where_knees_bend_and_feet_go(
    real_joints: dict[str, np.ndarray],
) -> None:
    for name, joints in real_joints.items():
        forward = np.zeros((len(joints), 3))
        for side in ("left", "right"):
            hip, knee, ankle = (joints[:, J[f"{side}_{p}"]] for p in ("hip", "knee", "ankle"))
            forward += knee - (hip + ankle) / 2
        left = np.cross([0, 0, 1], forward)
        for part in ("hip", "shoulder"):
            across = joints[:, J[f"left_{part}"]] - joints[:, J[f"right_{part}"]]
            assert np.median(np.sum(left * across, axis=-1)) > 0, (name, part)
        if "_walk_" in name or "_run_" in name or "_dash_" in name:
            steps = np.diff(joints[:, 0], axis=0)
            assert np.sum(steps * forward[1:]) > 0, name


def test_real_splits_hold_every_content_apart_from_lone_takes(bandai_namco: Path) -> None:
    found = recordings(bandai_namco, BvhConfig())
    assert len(found) == 771
    share = np.mean([item.split == "test" for item in found])
    assert 0.15 < share < 0.25
    lone = {"call", "punch", "respond", "slash"}
    tested = {(item.part, item.content) for item in found if item.split == "test"}
    assert {(item.part, item.content) for item in found if item.content not in lone} == tested
    without_manifest = list_recordings(bandai_namco / "bvh")
    assert [(i.part, i.name) for i in without_manifest] == [(i.part, i.name) for i in found]


def test_real_takes_are_in_view_of_every_camera(bandai_namco: Path) -> None:
    for take in read_takes(bandai_namco, BvhConfig(max_takes=6)):
        for camera in take.cameras:
            assert_in_view(camera, take.joints)


def test_a_real_file_that_is_cut_is_a_data_error(bandai_namco: Path, tmp_path: Path) -> None:
    whole = next(iter(sorted((bandai_namco / "bvh").glob("*.bvh")))).read_bytes()[:30_000]
    for size in range(0, len(whole), 97):
        (tmp_path / "a.bvh").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.bvh: "):
            parse_bvh(tmp_path / "a.bvh")

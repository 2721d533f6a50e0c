"""3DPW's pickles are read as Python 2 wrote them; what is wrong in one is named in one line."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from gsam.body.bodies import open_bodies
from gsam.datasets.threedpw.pickles import read_sequence, sequence_files
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.errors import DataError, LicensedDataMissing
from tests.unit.threedpw_fixtures import content, python2, write_sequence


def written(folder: Path, **changes: Any) -> Path:
    return write_sequence(folder, "train", "courtyard_golf_00", **changes)


def test_a_python_2_pickle_of_two_people(tmp_path: Path) -> None:
    found = read_sequence(written(tmp_path))
    wanted = content()
    assert found.name == "courtyard_golf_00" and found.genders == ("m", "f")
    assert found.poses.shape == (2, 6, 72) and found.shapes.shape == (2, 10)
    np.testing.assert_array_equal(found.shapes[1], wanted["betas"][1][:10])
    # x, y, confidence of a joint together, where the file has rows of each.
    np.testing.assert_array_equal(found.points[1, 2, 5], wanted["poses2d"][1][2][:, 5])
    assert found.tracked.all() and found.detected.all()


def test_the_readmes_spellings_are_read_too(tmp_path: Path) -> None:
    other = content()
    other["gender"] = other.pop("genders")
    other["poses2D"] = other.pop("poses2d")
    path = tmp_path / "a.pkl"
    path.write_bytes(python2(other))
    assert read_sequence(path).genders == ("m", "f")


def test_frames_without_camera_or_joints_are_told_apart(tmp_path: Path) -> None:
    valid = [np.array([1, 1, 0, 1, 1, 1]), np.ones(6)]
    points = content()["poses2d"]
    points[0][4] = 0.0  # nobody found
    points[1][3, 2, 5:] = 0.0  # five joints are too few
    points[1][5, 2, 6:] = 0.0  # six are enough
    # What nobody looks at may be anything.
    poses = content()["poses"]
    poses[0][2] = np.nan
    changes = {"campose_valid": valid, "poses2d": points, "poses": poses}
    found = read_sequence(written(tmp_path, **changes))
    assert np.flatnonzero(~found.tracked[0]).tolist() == [2] and found.tracked[1].all()
    assert np.flatnonzero(~found.detected[0]).tolist() == [4]
    assert np.flatnonzero(~found.detected[1]).tolist() == [3]


def test_boxes_hold_the_confident_joints_and_a_fifth_more(tmp_path: Path) -> None:
    points = content(people=1)["poses2d"]
    points[0][:, :, 0] = np.array([10.0, 20.0, 0.5])
    points[0][:, :, 1] = np.array([30.0, 60.0, 0.1])
    points[0][:, :2, 2:] = 25.0
    points[0][:, :, 17] = np.array([500.0, 900.0, 0.0])  # not found
    found = read_sequence(written(tmp_path, people=1, poses2d=points))
    np.testing.assert_allclose(found.boxes(0, np.array([3])), [[8.0, 16.0, 24.0, 48.0]])


def _sequence(poses: NDArray, trans: NDArray, camera: NDArray, shape: NDArray) -> Sequence3dpw:
    return Sequence3dpw(
        name="a",
        poses=poses[None, None],
        translations=trans[None, None],
        shapes=shape[None],
        genders=("n",),
        points=np.zeros((1, 1, 18, 3)),
        cameras=camera[None],
        intrinsics=np.eye(3),
        tracked=np.ones((1, 1), bool),
    )


BODY = open_bodies(None).neutral.double()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_body_before_the_camera_is_the_worlds_seen_by_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    camera = np.eye(4)
    camera[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    camera[:3, 3] = random.normal(scale=3, size=3)
    poses, trans = random.normal(scale=0.7, size=72), random.normal(scale=3, size=3)
    shape = random.normal(size=10)
    betas = torch.from_numpy(shape[None])
    pelvis = BODY.rest_joints(betas)[0, 0].numpy()
    sequence = _sequence(poses, trans, camera, shape)
    turned, shifts = sequence.before_camera(0, np.array([0]), pelvis)

    def vertices(pose: NDArray, shift: NDArray) -> NDArray:
        axes = torch.from_numpy(pose.reshape(1, 24, 3))
        return BODY(betas, axes, torch.from_numpy(shift.reshape(1, 3))).vertices[0].numpy()

    wanted = vertices(poses, trans) @ camera[:3, :3].T + camera[:3, 3]
    np.testing.assert_allclose(vertices(turned, shifts), wanted, atol=2e-6)
    np.testing.assert_array_equal(turned[0, 3:], poses[3:])


def nan_at(key: str, *place: int) -> Any:
    values = content()[key]
    values[place[0]][place[1:]] = np.nan
    return values


SKEWED = content()["cam_poses"] * np.array([1.1, 1.0, 1.0, 1.0])
WRONG = [
    ({"poses": [np.zeros((6, 69))] * 2}, r"poses: person 0: shape \(6, 69\), expected \(6, 72\)"),
    ({"trans": content()["trans"][:1]}, "trans: 1 people, expected 2 as in poses"),
    ({"poses": []}, "poses: nobody"),
    ({"poses": "72"}, "poses: a str, expected a list"),
    ({"poses2d": [np.zeros((6, 18, 3))] * 2}, r"poses2d: person 0: shape \(6, 18, 3\), expected"),
    ({"poses2d": [np.zeros((0, 3, 18))] * 2}, r"poses2d: person 0: shape \(0, 3, 18\)"),
    ({"poses2d": [[["a"]]] * 2}, "poses2d: person 0: no array of numbers"),
    ({"betas": [np.zeros(9), np.zeros(10)]}, r"betas: person 0: shape \(9,\), expected 10"),
    ({"genders": ["m"]}, r"genders: \['m'\], expected m or f of 2 people"),
    ({"genders": ["m", ""]}, "genders: .* expected m or f of 2 people"),
    ({"cam_poses": np.zeros((6, 3, 4))}, r"cam_poses: shape \(6, 3, 4\)"),
    ({"cam_poses": SKEWED}, "cam_poses: frame 0 is no rotation"),
    ({"cam_intrinsics": np.zeros((3, 3))}, "cam_intrinsics: expected positive focal lengths"),
    ({"cam_intrinsics": np.eye(4)}, r"cam_intrinsics: shape \(4, 4\)"),
    ({"campose_valid": [np.ones(5)] * 2}, r"campose_valid: person 0: shape \(5,\)"),
    ({"poses": nan_at("poses", 1, 4, 7)}, "poses: person 1: frame 4 is not finite"),
    ({"trans": nan_at("trans", 0, 5, 1)}, "trans: person 0: frame 5 is not finite"),
    ({"cam_poses": nan_at("cam_poses", 3, 1, 1)}, "cam_poses: person 0: frame 3 is not finite"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_what_is_wrong_is_named_in_one_line(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = written(tmp_path)
    path.write_bytes(python2(content() | changes))
    with pytest.raises(DataError, match=f"courtyard_golf_00.pkl: {words}") as caught:
        read_sequence(path)
    assert "\n" not in str(caught.value)


def test_every_key_is_asked_for(tmp_path: Path) -> None:
    unused = {"sequence", "jointPositions", "img_frame_ids"}
    for key in set(content()) - unused:
        path = tmp_path / "a.pkl"
        path.write_bytes(python2({k: v for k, v in content().items() if k != key}))
        with pytest.raises(DataError, match=f"a.pkl: {key}: missing, found"):
            read_sequence(path)
    path.write_bytes(python2({k: v for k, v in content().items() if k not in unused}))
    assert read_sequence(path).name == "a"


class Hostile:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


def test_a_truncated_or_hostile_pickle_does_nothing(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for end in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"golf_00.pkl: not a readable pickle"):
            read_sequence(path)
    target = tmp_path / "touched"
    path.write_bytes(pickle.dumps(content() | {"betas": Hostile(target)}, protocol=2))
    with pytest.raises(DataError, match=r"golf_00.pkl: refused, the pickle names"):
        read_sequence(path)
    assert not target.exists()
    path.write_bytes(python2([1, 2]))
    with pytest.raises(DataError, match="holds a list, expected a dictionary"):
        read_sequence(path)


def test_files_by_split_or_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(LicensedDataMissing, match=r"sequenceFiles missing; .*3DPW.*unpack"):
        sequence_files(tmp_path)
    for split in ("train", "validation"):
        write_sequence(tmp_path, split, f"{split}_b_00")
        write_sequence(tmp_path, split, f"{split}_a_00")
    with pytest.raises(LicensedDataMissing, match="sequenceFiles/test/"):
        sequence_files(tmp_path)
    write_sequence(tmp_path, "test", "test_a_00")
    found = {
        split: [path.stem for path in paths] for split, paths in sequence_files(tmp_path).items()
    }
    assert found == {
        "train": ["train_a_00", "train_b_00"],
        "validation": ["validation_a_00", "validation_b_00"],
        "test": ["test_a_00"],
    }

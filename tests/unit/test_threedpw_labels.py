"""Labels of 3DPW's people: seen through the camera of their frame, kept while they are in view."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.body.bodies import Bodies, open_bodies
from gsam.body.joints import BodyJoints
from gsam.datasets.threedpw.labels import LabelBody, LabelledFrame, label_bodies, label_frames
from gsam.datasets.threedpw.pickles import read_sequence
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.skeletons import SMPL_24, SPIN_24
from tests.unit.threedpw_fixtures import FOCAL, HEIGHT, WIDTH, content, write_sequence

BODIES = label_bodies(open_bodies(None))
MAP = 48
SIZE = (WIDTH, HEIGHT)


@pytest.fixture
def sequence(tmp_path: Path) -> Sequence3dpw:
    return read_sequence(write_sequence(tmp_path, "train", "courtyard_golf_00"))


def label(sequence: Sequence3dpw, frames: list[int]) -> list[LabelledFrame]:
    return label_frames(sequence, frames, [SIZE] * len(frames), BODIES, MAP)


def test_joints_are_the_worlds_seen_by_the_frames_camera(sequence: Sequence3dpw) -> None:
    frames = label(sequence, [0, 4])
    assert [frame.image for frame in frames] == [
        "courtyard_golf_00/image_00000",
        "courtyard_golf_00/image_00004",
    ]
    assert [len(frame.labels) for frame in frames] == [2, 2]
    body = open_bodies(None).neutral
    raw = content()
    for frame in frames:
        for person, found in enumerate(frame.labels):
            assert (found.person, found.gender) == (person, "mf"[person])
            pose = torch.from_numpy(raw["poses"][person][frame.frame].reshape(1, 24, 3)).float()
            betas = torch.from_numpy(raw["betas"][person][None, :10]).float()
            trans = torch.from_numpy(raw["trans"][person][:1]).float()
            world = BodyJoints.of(body).joints49(body(betas, pose, trans))[0, 25:].numpy()
            camera = raw["cam_poses"][frame.frame]
            joints = world @ camera[:3, :3].T + camera[:3, 3]
            np.testing.assert_allclose(found.joints, joints, atol=1e-5)
            points = FOCAL * joints[:, :2] / joints[:, 2:] + (WIDTH / 2, HEIGHT / 2)
            np.testing.assert_allclose(frame.people.points[person], points, atol=1e-3)
    moved = frames[1].people.points[:, :, 0] - frames[0].people.points[:, :, 0]
    assert moved.mean() > 3  # the camera went 8 cm to the side


def test_keypoints_outside_of_the_picture_are_unlabelled(sequence: Sequence3dpw) -> None:
    people = label(sequence, [0])[0].people
    inside = ((people.points > -0.5) & (people.points < np.array(SIZE) - 0.5)).all(axis=-1)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(people.visibility, np.where(inside, 3, 0))
    np.testing.assert_array_equal(people.ids, [0, 1])
    np.testing.assert_allclose(people.areas, people.boxes[:, 2] * people.boxes[:, 3])


def test_a_part_map_lies_over_its_person(sequence: Sequence3dpw) -> None:
    frame = label(sequence, [2])[0]
    for person, found in enumerate(frame.labels):
        assert found.parts is not None and found.parts_box is not None
        assert found.parts.shape == (MAP, MAP)
        x, y, side, _ = found.parts_box
        box = frame.people.boxes[person]
        np.testing.assert_allclose(x + side / 2, box[0] + box[2] / 2, rtol=1e-6)
        assert side == pytest.approx(1.5 * max(box[2:]))
        scaled = (frame.people.points[person] - (x, y)) * MAP / side
        for joint, part in (("left_knee", "left_knee"), ("right_elbow", "right_elbow")):
            column, row = np.rint(scaled[SPIN_24.index(joint)]).astype(int)
            around = found.parts[row - 2 : row + 3, column - 2 : column + 3]
            assert 1 + SMPL_24.index(part) in around, joint


def test_who_is_untracked_undetected_or_out_of_view_is_left_out(sequence: Sequence3dpw) -> None:
    tracked, points = sequence.tracked.copy(), sequence.points.copy()
    cameras = sequence.cameras.copy()
    tracked[0, 0] = False
    points[1, 1, :, 2] = 0.0
    cameras[2, 0, 3] += 0.9  # the second person leaves to the right
    cameras[3, 2, 3] = -3.0  # both are behind the camera
    changed = replace(sequence, tracked=tracked, points=points, cameras=cameras)
    frames = label(changed, [0, 1, 2, 3, 4])
    assert [frame.people.ids.tolist() for frame in frames] == [[1], [0], [0], [], [0, 1]]
    assert [one.person for one in frames[0].labels] == [0]
    assert frames[3].people.points.shape == (0, 24, 2)


def test_a_person_partly_behind_the_camera_has_finite_labels(sequence: Sequence3dpw) -> None:
    cameras = sequence.cameras.copy()
    cameras[:, 2, 3] = 0.1
    for frame in label(replace(sequence, cameras=cameras), [0, 1]):
        for one in frame.labels:
            assert np.isfinite(one.joints).all()
        assert np.isfinite(frame.people.points).all()


def test_labels_do_not_depend_on_what_is_labelled_together(sequence: Sequence3dpw) -> None:
    together = label(sequence, [0, 1, 2, 3])
    alone = [label(sequence, [frame])[0] for frame in range(4)]
    for one, other in zip(together, alone, strict=True):
        for found, wanted in zip(one.labels, other.labels, strict=True):
            np.testing.assert_allclose(found.joints, wanted.joints, atol=1e-6)
            assert found.parts is not None and wanted.parts is not None
            assert (found.parts != wanted.parts).mean() < 2e-3


def test_a_gender_without_a_model_gets_the_neutral_one(caplog: pytest.LogCaptureFixture) -> None:
    free = open_bodies(None)
    user = Bodies("SMPL", False, {"neutral": free.arrays["neutral"]})
    found: dict[str, LabelBody] = label_bodies(user)
    assert {gender: body.title for gender, body in found.items()} == dict.fromkeys(
        "nmf", "SMPL neutral"
    )
    assert "no male SMPL model" in caplog.text and "labelled with the neutral one" in caplog.text
    assert label_bodies(free)["m"].title == "free body"

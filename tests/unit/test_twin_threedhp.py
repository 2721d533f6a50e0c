"""The twin of MPI-INF-3DHP: anatomy, cameras, marks, and the same bytes from the same seed."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gsam.datasets.mpi_inf_3dhp.files import TESTS, TRAINING
from gsam.skeletons import MPI_INF_3DHP_28
from gsam.storage import digest
from gsam.twin.threedhp import LAYOUTS, TwinThreedhpConfig, generate
from gsam.twin.threedhp import recordings as recorded
from gsam.twin.threedhp.acting import ACTIVITIES
from gsam.twin.threedhp.recordings import Recording
from gsam.twin_mark import twin_of

SMALL = TwinThreedhpConfig(seconds=4.0, test_seconds=5.0, seed=3)


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return [*recorded.training_recordings(SMALL), *recorded.test_recordings(SMALL)]


def bones(joints: np.ndarray) -> np.ndarray:
    """Lengths (T, 27), mm."""
    parents, children = np.array(MPI_INF_3DHP_28.bones).T
    return np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)


def between(joints: np.ndarray, one: str, other: str) -> np.ndarray:
    first, second = MPI_INF_3DHP_28.indices([one, other])
    return np.linalg.norm(joints[:, first] - joints[:, second], axis=-1)


def test_every_sequence_is_there_with_its_rate_and_cameras(recordings: list[Recording]) -> None:
    training, tests = recordings[: len(TRAINING)], recordings[len(TRAINING) :]
    assert {(r.subject, r.sequence): r.fps for r in training} == {
        name: length.fps for name, length in TRAINING.items()
    }
    assert [len(r.views) for r in training] == [14] * 16
    assert [r.subject for r in tests] == list(TESTS)
    sizes = [(r.views[0].camera.width, r.views[0].camera.height) for r in tests]
    assert sizes == [(2048, 2048)] * 4 + [(1920, 1080)] * 2


def test_metric_joints_project_onto_the_points_and_universal_ones_do_not(
    recordings: list[Recording],
) -> None:
    for recording in recordings:
        for view in recording.views:
            assert view.metric[..., 2].min() > 1000
            metric, universal = (
                view.camera.project(joints.astype(np.float64) / 1000) - view.points
                for joints in (view.metric, view.universal)
            )
            assert np.abs(metric).max() < 0.01
            scale = between(view.universal, "neck", "pelvis") / between(
                view.metric, "neck", "pelvis"
            )
            assert np.abs(universal).max() > 100 * abs(scale.mean() - 1.0)


def test_bones_keep_their_lengths_in_every_camera_and_people_differ(
    recordings: list[Recording],
) -> None:
    legs = {}
    for recording in recordings:
        lengths = np.concatenate([bones(view.metric) for view in recording.views])
        assert np.ptp(lengths, axis=0).max() < 0.01
        hips = between(recording.views[0].metric, "left_hip", "right_hip")
        assert 200 < hips[0] < 320
        legs[recording.subject] = lengths[0, 20].round(2)
    assert len(set(legs.values())) == 14


def test_universal_people_have_one_height(recordings: list[Recording]) -> None:
    heights: dict[str, list[float]] = {"metric": [], "universal": []}
    spine = ("pelvis", "spine", "spine2", "spine3", "spine4", "neck")
    for recording in recordings:
        for field, found in heights.items():
            joints = getattr(recording.views[0], field)
            trunk = sum(between(joints, *pair).mean() for pair in pairwise(spine))
            found.append(float(trunk + between(joints, "left_hip", "left_knee").mean()))
    # Backs are curved differently, so not to the millimetre.
    assert np.ptp(heights["universal"]) < 40 < np.ptp(heights["metric"])


def test_left_is_left(recordings: list[Recording]) -> None:
    """A person's left is to the left of forward: hips, toes and up make a right-handed frame."""
    for recording in recordings:
        view = recording.views[0]
        world = view.camera.camera_to_world(view.metric.astype(np.float64) / 1000)
        at = {joint: world[:, row] for row, joint in enumerate(MPI_INF_3DHP_28.joints)}
        up = at["neck"] - at["pelvis"]
        left = at["left_hip"] - at["right_hip"]
        ahead = (at["left_toe"] - at["left_ankle"]) + (at["right_toe"] - at["right_ankle"])
        turned = (np.cross(left, up) * ahead).sum(axis=-1)
        assert (turned > 0).mean() > 0.8, recording.subject


def test_nothing_jumps_between_acts_and_all_activities_are_shown(
    recordings: list[Recording],
) -> None:
    shown = set()
    for recording in recordings:
        steps = np.linalg.norm(np.diff(recording.views[0].metric, axis=0), axis=-1)
        assert steps.max() * recording.fps < 8000, recording.subject
        if recording.subject in TESTS:
            shown |= set(recording.activities.tolist())
            assert 0.15 < recording.valid.mean() < 1.0
        else:
            assert recording.valid.all()
    assert shown == set(ACTIVITIES)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_seed_gives_the_same_bytes_and_a_mark(layout: str, tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        folder = tmp_path / name
        folder.mkdir()
        config = TwinThreedhpConfig(seconds=4.0, test_seconds=4.0, seed=seed)
        generate(folder, config, layout)  # type: ignore[arg-type]
        assert twin_of(folder) == "mpi_inf_3dhp"
        hashes.append(digest(folder))
    assert hashes[0] == hashes[1] != hashes[2]


def test_wrong_lengths_are_named() -> None:
    assert TwinThreedhpConfig(seconds=1.0, seed=-1).problems() == [
        "seconds = 1.0: expected 4.0 to 300.0",
        "seed = -1: expected 0 or more",
    ]

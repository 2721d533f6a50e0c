"""The twin's motion: joint limits, feet that stay put, smooth paths, nothing below the floor."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.body.files import load_body
from gsam.twin import figure as f
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import (
    alternate,
    held_keys,
    min_jerk,
    smooth,
    soft_max,
    soft_min,
    turn,
    wander,
)
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer
from gsam.twin.ground import ankle_offset, slide
from gsam.twin.ik import bend, reach_limits
from gsam.twin.performance import Motion
from gsam.twin.solve import Pose, local_rotations, solve
from gsam.twin.subjects import TakePlan

FRAMES = 300
TAKES = ("", " 1", " 2")


@pytest.fixture(scope="module")
def performer() -> Performer:
    return Performer("S9", TwinConfig(seed=5), load_body())


@pytest.fixture(scope="module", params=list(ACTIONS))
def performed(
    request: pytest.FixtureRequest, performer: Performer
) -> Iterator[list[tuple[Motion, Pose]]]:
    """Three takes of one action."""
    takes = []
    for suffix in TAKES:
        plan = TakePlan("S9", request.param, request.param + suffix, FRAMES)
        motion = ACTIONS[request.param](performer.actor(plan))
        takes.append((motion, solve(performer.figure, motion)))
    yield takes


def test_planted_feet_do_not_slide(performed: list[tuple[Motion, Pose]]) -> None:
    steps = 0
    for motion, pose in performed:
        moved = slide(pose.at[:, list(f.ANKLES)], motion.planted)
        steps += len(moved)
        assert moved.max(initial=0.0) < 0.1
    assert steps > 0.4 * FRAMES


def test_feet_reach_their_goals_and_stay_above_the_floor(
    performed: list[tuple[Motion, Pose]], performer: Performer
) -> None:
    for motion, pose in performed:
        ankles = pose.at[:, list(f.ANKLES)]
        assert np.abs(ankles - ankle_offset(performer.figure, motion)).max() < 0.002
        assert ankles[..., 2].min() > performer.figure.ankle_height - 0.003


def test_elbows_and_knees_bend_at_most_145_degrees(performed: list[tuple[Motion, Pose]]) -> None:
    chains = [
        *zip(f.SHOULDERS, f.ELBOWS, f.WRISTS, strict=True),
        *zip(f.HIPS, f.KNEES, f.ANKLES, strict=True),
    ]
    for _, pose in performed:
        for start, middle, end in chains:
            upper = pose.at[:, middle] - pose.at[:, start]
            lower = pose.at[:, end] - pose.at[:, middle]
            cosine = (upper * lower).sum(-1)
            cosine /= np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 145.1


def test_joints_move_smoothly(performed: list[tuple[Motion, Pose]]) -> None:
    for _, pose in performed:
        acceleration = np.linalg.norm(np.diff(pose.at, 2, axis=0), axis=-1) * 2500.0
        assert np.percentile(acceleration, 99) < 45.0
        assert acceleration.max() < 160.0
        speed = np.linalg.norm(np.diff(pose.at, axis=0), axis=-1) * 50.0
        assert speed.max() < 8.0


def test_people_are_never_still(performed: list[tuple[Motion, Pose]]) -> None:
    for _, pose in performed:
        # Every second, wrists move by more than a centimetre somewhere, and bend at the hand.
        wrists = pose.at[:, list(f.WRISTS)]
        span = [np.ptp(wrists[i : i + 50], axis=0).max() for i in range(0, FRAMES - 50, 50)]
        assert min(span) > 0.004
        hands = np.swapaxes(pose.turn[:, list(f.ELBOWS)], -1, -2) @ pose.turn[:, list(f.WRISTS)]
        assert np.abs(hands - hands[:1]).max() > 0.1


def test_knees_hands_and_pelvis_stay_above_the_floor(performed: list[tuple[Motion, Pose]]) -> None:
    for _, pose in performed:
        for joints, least in ((f.KNEES, 0.05), (f.WRISTS, 0.03), ((0,), 0.08)):
            assert pose.at[:, list(joints), 2].min() > least


def test_bones_keep_their_lengths(
    performed: list[tuple[Motion, Pose]], performer: Performer
) -> None:
    for _, pose in performed:
        for joint in range(1, 24):
            bone = pose.at[:, joint] - pose.at[:, performer.figure.parents[joint]]
            length = np.linalg.norm(performer.figure.bone(joint))
            np.testing.assert_allclose(np.linalg.norm(bone, axis=-1), length, rtol=1e-6)


def test_rotations_are_rotations(
    performed: list[tuple[Motion, Pose]], performer: Performer
) -> None:
    for _, pose in performed:
        local = local_rotations(performer.figure, pose)
        np.testing.assert_allclose(
            local @ np.swapaxes(local, -1, -2), np.broadcast_to(np.eye(3), local.shape), atol=1e-9
        )
        np.testing.assert_allclose(np.linalg.det(local), 1.0, atol=1e-9)


def test_kneeling_puts_a_knee_on_the_floor(performer: Performer) -> None:
    lowest = []
    for take in range(12):
        plan = TakePlan("S9", "Posing", f"Posing {take}", 400)
        pose = performer.perform(plan)
        lowest.append(pose.at[:, list(f.KNEES), 2].min())
    assert min(lowest) < 0.075
    assert min(lowest) > 0.05


def test_the_skin_follows_the_skeleton(performer: Performer) -> None:
    pose = performer.perform(TakePlan("S9", "Walking", "Walking", 60))
    raw = performer.joints(pose)
    for raw_joint, joint in ((2, 5), (7, 4), (18, 18), (26, 19), (19, 20), (27, 21)):
        assert np.linalg.norm(raw[:, raw_joint] - pose.at[:, joint], axis=-1).max() < 0.05


def test_walkers_walk_and_sitters_sit(performer: Performer) -> None:
    walk = performer.perform(TakePlan("S9", "Walking", "Walking", 250))
    path = np.linalg.norm(np.diff(walk.at[:, 0, :2], axis=0), axis=-1).sum()
    assert 3.5 < path < 9.0
    sit = performer.perform(TakePlan("S9", "Sitting", "Sitting", 250))
    assert sit.at[:, 0, 2].max() < 0.75


@settings(max_examples=50, deadline=None)
@given(
    target=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
    pole=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
)
def test_two_bones_reach_any_point_within_their_limits(
    target: tuple[float, float, float], pole: tuple[float, float, float]
) -> None:
    goal, aside = np.array([target]), np.array([pole])
    distance = float(np.linalg.norm(goal))
    if distance < 0.05 or np.linalg.norm(np.cross(goal, aside)) < 1e-2:
        return
    upper, lower = np.array([0.0, 0.28, 0.01]), np.array([0.0, 0.25, 0.0])
    bones = bend(np.zeros((1, 3)), goal, aside, upper, lower, np.array([-1.0, 0.0, 0.0]), 0.0)
    shortest, longest = reach_limits(float(np.linalg.norm(upper)), 0.25)
    reached = float(np.linalg.norm(bones.end))
    assert reached == pytest.approx(np.clip(distance, shortest, 0.9995 * longest), abs=1e-9)
    np.testing.assert_allclose(bones.end / reached, goal / distance, atol=1e-9)
    np.testing.assert_allclose(bones.upper[0] @ upper, bones.middle[0], atol=1e-9)
    np.testing.assert_allclose(bones.lower[0] @ lower, (bones.end - bones.middle)[0], atol=1e-9)
    along = goal[0] / distance
    across = np.eye(3) - np.outer(along, along)
    assert (across @ bones.middle[0]) @ (across @ aside[0]) > 0.0


@settings(max_examples=30, deadline=None)
@given(a=st.floats(-2, 2), b=st.floats(-2, 2), width=st.floats(1e-3, 0.5))
def test_soft_limits_never_cross_the_hard_ones(a: float, b: float, width: float) -> None:
    assert max(a, b) - 1e-12 <= soft_max(a, b, width) <= max(a, b) + 0.5 * width + 1e-12
    assert min(a, b) - 0.5 * width - 1e-12 <= soft_min(a, b, width) <= min(a, b) + 1e-12


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), frames=st.integers(2, 500))
def test_building_blocks_are_smooth_and_bounded(seed: int, frames: int) -> None:
    rng, t = np.random.default_rng(seed), np.arange(frames) / 50.0
    keys = held_keys(rng, t, lambda: rng.uniform(-1.0, 1.0, 2), (0.2, 1.0), (0.5, 0.9))
    assert keys.shape == (frames, 2) and np.abs(keys).max() <= 1.0 + 1e-9
    # A minimum-jerk move over 2 units in 0.5 s has a peak speed of 7.5 units per second.
    assert np.abs(np.diff(keys, axis=0)).max() <= 7.5 / 50.0 + 1e-9
    share = alternate(rng, t, (0.3, 1.0), (0.3, 1.0))
    assert share.min() >= -1e-9 and share.max() <= 1.0 + 1e-9
    assert wander(rng, t, 0.1, 0.5).shape == (frames,)
    assert wander(rng, t, 0.1, 0.5, 3).shape == (frames, 3)


def test_min_jerk_rests_at_both_ends() -> None:
    u = np.linspace(-0.5, 1.5, 2001)
    speed = np.gradient(min_jerk(u), u)
    assert min_jerk(u)[0] == 0.0 and min_jerk(u)[-1] == 1.0
    assert np.abs(speed[[0, 500, 1500, -1]]).max() < 1e-3
    assert speed.max() == pytest.approx(1.875, abs=1e-3)


def test_turns_follow_the_stated_signs() -> None:
    forward, left, up = np.eye(3)
    np.testing.assert_allclose(turn("z", np.pi / 2) @ forward, left, atol=1e-12)
    np.testing.assert_allclose(turn("y", np.pi / 2) @ up, forward, atol=1e-12)
    np.testing.assert_allclose(turn("x", np.pi / 2) @ left, up, atol=1e-12)


def test_smoothing_is_a_mean_that_never_leaves_its_range() -> None:
    signal = np.repeat([0.0, 1.0, 1.0, 0.3, 1.0], 40)
    smoothed = smooth(signal, 1.2)
    kernel = np.hanning(63)[1:-1]
    expected = np.convolve(np.pad(signal, 30, mode="edge"), kernel / kernel.sum(), mode="valid")
    np.testing.assert_allclose(smoothed, expected, atol=1e-12)
    assert smoothed.min() >= 0.0 and smoothed.max() <= 1.0

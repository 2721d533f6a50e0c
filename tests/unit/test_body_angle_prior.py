"""The prior on joint angles: free on recorded and acted motion, dear on broken poses."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from gsam.body.angle_prior import joint_angle_prior
from gsam.body.files import load_body
from gsam.body.rotations import axis_angle_to_matrix
from gsam.body.smpl import SmplBody
from gsam.cameras import rotation_from_quaternion
from gsam.datasets.bvh.kinematics import forward, local_motion
from gsam.datasets.bvh.parser import Motion, parse_bvh
from gsam.skeletons import SMPL_24, mirror
from gsam.twin.actions import ACTIONS
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer
from gsam.twin.images.poses import draw_poses
from gsam.twin.solve import local_rotations
from gsam.twin.subjects import TakePlan

X, Y, Z = np.eye(3)
ARMS = {
    "collar": "Shoulder",
    "shoulder": "UpperArm",
    "elbow": "LowerArm",
    "wrist": "Hand",
}
LEGS = {"hip": "UpperLeg", "knee": "LowerLeg"}
FEET = {"ankle": "Foot", "foot": "Toes"}
TRUNK = {"spine1": "Spine", "spine3": "Chest", "neck": "Neck", "head": "Head"}
# SMPL's x, y, z (left, up, ahead in the T-pose) in the axes of Bandai-Namco's joints, whose bones
# point along +-x and whose elbows and knees bend about y.
AXES = {"pelvis": (-Y, X, Z)} | dict.fromkeys(TRUNK, (Z, X, Y))
AXES |= {f"left_{j}": (X, Y, Z) for j in ARMS} | {f"right_{j}": (X, -Y, -Z) for j in ARMS}
AXES |= {f"left_{j}": (Y, -X, Z) for j in LEGS} | {f"right_{j}": (Y, X, -Z) for j in LEGS}
AXES |= {f"left_{j}": (Y, Z, X) for j in FEET} | {f"right_{j}": (Y, -Z, -X) for j in FEET}


def source_joint(joint: str) -> str:
    """Bandai-Namco's name of an SMPL joint."""
    side, _, part = joint.rpartition("_")
    names = {"pelvis": "Hips"} | TRUNK | ARMS | LEGS | FEET
    return names[part] + (f"_{side[0].upper()}" if side else "")


def retarget(motion: Motion) -> np.ndarray:
    """SMPL's rotations (T, 24, 3, 3), relative to the parents, of a Bandai-Namco motion.

    A joint's world rotation is the source's, taken from SMPL's axes to the source's; joints that
    the source has not follow their parents.
    """
    turns = rotation_from_quaternion(forward(local_motion(motion))[0])
    world: list[np.ndarray] = []
    for joint, parent in zip(SMPL_24.joints, SMPL_24.parents, strict=True):
        if joint in AXES:
            source = turns[motion.names.index(source_joint(joint))]
            world.append(source @ np.stack(AXES[joint], axis=1))
        else:
            world.append(world[parent])
    relative = [
        turn if parent < 0 else np.swapaxes(world[parent], -1, -2) @ turn
        for turn, parent in zip(world, SMPL_24.parents, strict=True)
    ]
    return np.stack(relative, axis=1)


@pytest.fixture(scope="module")
def recorded(bandai_namco: Path) -> list[tuple[Motion, torch.Tensor]]:
    """Every twentieth file of both collections, every fifth frame retargeted."""
    files = sorted((bandai_namco / "bvh").glob("*.bvh"))[::20]
    motions = [parse_bvh(path) for path in files]
    return [(motion, torch.from_numpy(retarget(motion)[::5])) for motion in motions]


@pytest.fixture(scope="module")
def body() -> SmplBody:
    return load_body()


def pose(**degrees: tuple[float, float, float]) -> torch.Tensor:
    """One T-pose (1, 24, 3, 3) with some joints turned, axis-angle in degrees."""
    vectors = torch.zeros(1, 24, 3, dtype=torch.float64)
    for joint, turn in degrees.items():
        vectors[0, SMPL_24.index(joint)] = torch.tensor(turn, dtype=torch.float64).deg2rad()
    return axis_angle_to_matrix(vectors)


def test_retargeted_limbs_point_where_the_recorded_ones_do(recorded, body):
    bones = [("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")]
    motion, rotations = recorded[3]
    positions = forward(local_motion(motion))[1][:, ::5]
    joints = body.joints(torch.zeros(len(rotations), 10), rotations.float()).numpy()
    for side in ("left", "right"):
        for upper, lower in bones:
            a, b = f"{side}_{upper}", f"{side}_{lower}"
            mine = joints[:, SMPL_24.index(b)] - joints[:, SMPL_24.index(a)]
            first, second = (motion.names.index(source_joint(joint)) for joint in (a, b))
            theirs = positions[second] - positions[first]
            lengths = np.linalg.norm(mine, axis=-1) * np.linalg.norm(theirs, axis=-1)
            # The body's legs stand two degrees apart at rest.
            assert ((mine * theirs).sum(axis=-1) / lengths).min() > np.cos(np.deg2rad(3))


def test_recorded_motion_is_free(recorded):
    penalties = torch.cat([joint_angle_prior(rotations) for _, rotations in recorded])
    assert len(penalties) > 500
    assert penalties.mean() < 1e-4 and penalties.max() < 0.01


def test_the_recordings_come_near_the_limits(recorded):
    """Else the test above would say nothing: knees and elbows bend far, forearms turn."""
    rotations = torch.cat([r for _, r in recorded])
    for joint in ("left_elbow", "right_knee"):
        trace = rotations[:, SMPL_24.index(joint)].diagonal(dim1=-2, dim2=-1).sum(dim=-1)
        assert torch.rad2deg(torch.acos((trace.min() - 1) / 2)) > 90


@pytest.mark.parametrize("action", list(ACTIONS))
def test_acted_motion_is_free(action, body):
    performer = Performer("S9", TwinConfig(seed=5), body)
    take = performer.perform(TakePlan("S9", action, action, 150))
    rotations = local_rotations(performer.figure, take)[::5]
    assert joint_angle_prior(torch.from_numpy(rotations)).max() < 1e-6


def test_poses_of_pictures_are_nearly_all_free(body):
    penalties = joint_angle_prior(torch.from_numpy(draw_poses(np.random.default_rng(0), body, 500)))
    assert (penalties > 0).double().mean() < 0.05


BROKEN = {
    "left knee bent forwards": {"left_knee": (-60, 0, 0)},
    "right knee bent forwards": {"right_knee": (-60, 0, 0)},
    "knee bent sideways": {"left_knee": (0, 0, 70)},
    "shank twisted": {"right_knee": (0, 90, 0)},
    "left elbow bent backwards": {"left_elbow": (0, 60, 0)},
    "right elbow bent backwards": {"right_elbow": (0, -60, 0)},
    "elbow bent upwards": {"left_elbow": (0, 0, 100)},
    "left forearm twisted by half a turn": {"left_elbow": (180, 0, 0)},
    "right forearm twisted by half a turn": {"right_elbow": (180, 0, 0)},
    "wrist twisted": {"left_wrist": (120, 0, 0)},
    "head turned to the back": {"head": (0, 150, 0)},
    "trunk wrung": {"spine2": (0, 90, 0)},
    "knee folded through the thigh": {"left_knee": (179, 0, 0)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_poses_are_dear(name):
    assert joint_angle_prior(pose(**BROKEN[name])).item() > 0.1


FINE = {
    "rest": {},
    "squat": {"left_hip": (-100, 0, 0), "left_knee": (130, 0, 0), "right_knee": (130, 0, 0)},
    "arms folded": {"left_elbow": (0, -120, 0), "right_elbow": (0, 120, 0)},
    "palms up": {"left_elbow": (-85, 0, 0), "right_elbow": (-85, 0, 0)},
    "looking aside": {"neck": (0, 40, 0), "head": (0, 40, 0)},
    "lying down": {"pelvis": (90, 0, 0)},
    "upside down, facing the camera": {"pelvis": (180, 0, 0)},
}


@pytest.mark.parametrize("name", FINE)
def test_what_people_do_is_free(name):
    assert joint_angle_prior(pose(**FINE[name])).item() == pytest.approx(0, abs=1e-9)


def test_worse_is_dearer():
    penalties = [joint_angle_prior(pose(left_knee=(-a, 0, 0))).item() for a in range(10, 170, 10)]
    assert penalties == sorted(penalties) and penalties[0] < 1e-6


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_sides_are_treated_alike(seed):
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(1, 24, 3, generator=generator, dtype=torch.float64)
    mirrored = -mirror(vectors, SMPL_24)  # x stays, y and z turn around
    one, other = (joint_angle_prior(axis_angle_to_matrix(v)) for v in (vectors, mirrored))
    # SMPL's Rodrigues shifts every angle by 1e-8, whatever its sign.
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "vectors",
    [
        torch.zeros(1, 24, 3),
        torch.tensor([0.0, torch.pi, 0]).expand(1, 24, 3),
        torch.tensor([0.0, 0, torch.pi]).expand(1, 24, 3),
        torch.tensor([torch.pi, 0, 0]).expand(1, 24, 3),
        2 * torch.randn(50, 24, 3, generator=torch.Generator().manual_seed(1)),
    ],
)
def test_derivatives_are_finite_everywhere(vectors):
    for rotations in (axis_angle_to_matrix(vectors), axis_angle_to_matrix(vectors).round()):
        leaf = rotations.clone().requires_grad_()
        joint_angle_prior(leaf).sum().backward()
        assert torch.isfinite(leaf.grad).all()


def test_descending_the_prior_mends_a_pose():
    vectors = torch.zeros(1, 24, 3, requires_grad=True)
    with torch.no_grad():
        vectors[0, 4, 0], vectors[0, 18, 0], vectors[0, 19, 1] = -1.0, 2.5, -1.0
    optimiser = torch.optim.Adam([vectors], lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        joint_angle_prior(axis_angle_to_matrix(vectors)).sum().backward()
        optimiser.step()
    assert joint_angle_prior(axis_angle_to_matrix(vectors)).item() < 1e-3

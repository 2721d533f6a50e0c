"""Errors of meshes on cases whose answer is known without any reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.metrics import mesh
from gsam.skeletons import H36M_17

RNG = np.random.default_rng(0)
JOINTS = RNG.normal(size=(5, 17, 3))


def turn(axis, angle):
    """Rotation matrix of `angle` about a unit axis."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def test_the_pelvis_is_subtracted_and_does_not_count():
    moved = JOINTS + RNG.normal(size=(5, 1, 3))
    np.testing.assert_allclose(mesh.mpjpe(moved, JOINTS), 0, atol=1e-12)
    # A wrong pelvis alone shifts all the others by as much.
    moved = JOINTS.copy()
    moved[:, H36M_17.root] += [0.03, 0.04, 0]
    np.testing.assert_allclose(mesh.mpjpe(moved, JOINTS), 0.05)
    np.testing.assert_allclose(mesh.pa_mpjpe(moved, JOINTS), 0, atol=1e-7)


@pytest.mark.parametrize("joint", ["spine", "nose"])
def test_joints_outside_the_14_do_not_count(joint):
    moved = JOINTS.copy()
    moved[:, H36M_17.index(joint)] += 1
    assert (mesh.mpjpe(moved, JOINTS) == 0).all()


def test_one_wrong_joint_is_a_fourteenth():
    moved = JOINTS.copy()
    moved[:, H36M_17.index("left_wrist"), 1] += 0.14
    np.testing.assert_allclose(mesh.mpjpe(moved, JOINTS), 0.01)


@given(st.floats(0.1, 10), st.floats(-3, 3))
def test_alignment_undoes_any_similarity(scale, angle):
    turned = scale * JOINTS @ turn((0.6, 0, 0.8), angle).T + 2
    np.testing.assert_allclose(mesh.pa_mpjpe(turned, JOINTS), 0, atol=1e-6)


def test_alignment_never_mirrors():
    assert (mesh.pa_mpjpe(JOINTS * [-1, 1, 1], JOINTS) > 0.1).all()


def test_vertices_are_not_centred():
    vertices = RNG.normal(size=(3, 50, 3))
    np.testing.assert_allclose(mesh.vertex_errors(vertices + np.array([0, 0.2, 0]), vertices), 0.2)


@given(st.floats(0, np.pi), st.integers(0, 23))
def test_angles_between_rotations(angle, joint):
    true = np.tile(np.eye(3), (24, 1, 1))
    pred = true.copy()
    pred[joint] = turn((0, 0.6, 0.8), angle)
    expected = angle / 9 if joint in mesh.ANGLE_JOINTS else 0
    assert mesh.joint_angle_errors(pred, true) == pytest.approx(expected, abs=1e-9)
    assert mesh.joint_angle_errors(true, pred) == pytest.approx(expected, abs=1e-9)


def test_what_cannot_be_compared():
    with pytest.raises(DataError, match=r"shape \(14, 3\): expected \(..., 17, 3\)"):
        mesh.scored_joints(np.zeros((14, 3)))
    with pytest.raises(DataError, match="not finite"):
        mesh.mpjpe(np.where(JOINTS > 2, np.nan, JOINTS), JOINTS)
    with pytest.raises(DataError, match="expected equal shapes"):
        mesh.vertex_errors(np.zeros((6890, 3)), np.zeros((3446, 3)))
    turns = np.tile(np.eye(3), (2, 24, 1, 1))
    with pytest.raises(DataError, match=r"\(23, 3, 3\)"):
        mesh.joint_angle_errors(turns[0, 1:], turns[0])
    with pytest.raises(DataError, match="a rotation is not finite"):
        mesh.joint_angle_errors(turns, turns * np.nan)

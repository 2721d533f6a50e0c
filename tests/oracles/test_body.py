"""The body's forward pass and rotations against the reference implementation's numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.body.files import read_body_arrays
from gsam.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from gsam.body.smpl import SmplBody


@pytest.fixture(scope="module")
def recorded(oracles: Path) -> dict[str, np.ndarray]:
    with np.load(oracles / "body" / "smpl_lbs_small.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def body(recorded: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> SmplBody:
    path = tmp_path_factory.mktemp("body") / "small.npz"
    np.savez(path, **{k[5:]: v for k, v in recorded.items() if k.startswith("body/")})
    return SmplBody.from_arrays(read_body_arrays(path))


def test_vertices_and_joints_match_the_reference(body, recorded):
    betas = torch.from_numpy(recorded["betas"])
    pose = torch.from_numpy(recorded["pose_axis_angle"]).view(-1, 24, 3)
    posed = body(betas, pose)
    np.testing.assert_allclose(posed.vertices, recorded["lbs64/vertices"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(posed.joints, recorded["lbs64/joints"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        body.rest_joints(betas), recorded["lbs64/joints_rest"], atol=1e-6, rtol=0
    )


def test_rotation_matrices_give_the_same_body(body, recorded):
    rotations = torch.from_numpy(recorded["lbs64/rotmats"])
    posed = body(torch.from_numpy(recorded["betas"]), rotations)
    expected = recorded["lbs64/vertices_from_rotmat"]
    np.testing.assert_allclose(posed.vertices, expected, atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        posed.joints, recorded["lbs64/joints_from_rotmat"], atol=1e-5, rtol=0
    )


def test_translation_moves_vertices_and_joints(body, recorded):
    pose = torch.from_numpy(recorded["pose_axis_angle"]).view(-1, 24, 3)
    translation = torch.from_numpy(recorded["transl"])
    posed = body(torch.from_numpy(recorded["betas"]), pose, translation)
    np.testing.assert_allclose(posed.vertices, recorded["smpl_forward/vertices"], atol=1e-5, rtol=0)
    expected = recorded["smpl_forward/joints"][:, :24]
    np.testing.assert_allclose(posed.joints, expected, atol=1e-5, rtol=0)


def test_axis_angle_to_matrix_matches_the_reference(oracles: Path):
    with np.load(oracles / "body" / "rotations_cameras.npz") as archive:
        vectors, expected = archive["axis_angle"], archive["rotmat_smplx_f64"]
    matrices = axis_angle_to_matrix(torch.from_numpy(vectors.astype(np.float64))).numpy()
    np.testing.assert_allclose(matrices, expected, atol=1e-9, rtol=0)


def test_single_precision_matches_the_reference_and_stays_finite(oracles: Path):
    with np.load(oracles / "body" / "rotations_cameras.npz") as archive:
        vectors, expected = archive["axis_angle"], archive["rotmat_smplx"]
    matrices = axis_angle_to_matrix(torch.from_numpy(vectors)).numpy()
    # One row is NaN in the reference (its shifted angle is exactly zero); ours is the identity.
    finite = np.isfinite(expected).all(axis=(1, 2))
    assert finite.sum() == len(expected) - 1
    np.testing.assert_allclose(matrices[finite], expected[finite], atol=1e-6, rtol=0)
    np.testing.assert_allclose(matrices[~finite], np.eye(3)[None], atol=1e-6)


def test_matrix_to_axis_angle_matches_the_reference(oracles: Path):
    with np.load(oracles / "body" / "rotations_cameras.npz") as archive:
        matrices, expected = archive["rotmats"], archive["axis_angle_from_rotmat"]
    vectors = matrix_to_axis_angle(torch.from_numpy(matrices)).numpy()
    np.testing.assert_allclose(vectors[9:], expected[9:], atol=1e-5, rtol=0)
    # The first rows are at zero and half turns, where the axis' sign is free: compare the rotation.
    back = axis_angle_to_matrix(torch.from_numpy(vectors[:9]))
    np.testing.assert_allclose(back, matrices[:9], atol=1e-4)

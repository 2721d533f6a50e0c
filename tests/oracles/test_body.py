"""The body's forward pass and rotations against the reference implementation's numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.body.files import SMPL_PICKED, read_body_arrays
from gsam.body.joints import BodyJoints
from gsam.body.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_rot6d,
    rot6d_to_matrix,
)
from gsam.body.smpl import Posed, SmplBody
from gsam.cameras import rotation_from_quaternion
from tests.oracles import recipe


@pytest.fixture(scope="module")
def recorded(oracles: Path) -> dict[str, np.ndarray]:
    with np.load(oracles / "body" / "smpl_lbs_small.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def body(recorded: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> SmplBody:
    path = tmp_path_factory.mktemp("body") / "small.npz"
    arrays = {k[5:]: v for k, v in recorded.items() if k.startswith("body/")}
    np.savez(path, extra_vertices=recorded["smpl_forward/extra_vertex_ids"], **arrays)
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


def test_double_precision_matches_the_reference_closely(body, recorded):
    pose = torch.from_numpy(recorded["pose_axis_angle"]).view(-1, 24, 3).double()
    exact = SmplBody(dict(body.named_buffers()), body.parents).double()
    posed = exact(torch.from_numpy(recorded["betas"]).double(), pose)
    # The body keeps its arrays in single precision, which is that of the recorded ones but for the
    # joint regressor's products.
    np.testing.assert_allclose(posed.vertices, recorded["lbs64/vertices"], atol=3e-7, rtol=0)
    np.testing.assert_allclose(posed.joints, recorded["lbs64/joints"], atol=3e-7, rtol=0)


def test_picked_vertices_follow_the_joints_as_in_the_reference(body, recorded):
    pose = torch.from_numpy(recorded["pose_axis_angle"]).view(-1, 24, 3)
    translation = torch.from_numpy(recorded["transl"])
    posed = body(torch.from_numpy(recorded["betas"]), pose, translation)
    joints = BodyJoints.of(body).joints54(posed)[:, :45]
    np.testing.assert_allclose(joints, recorded["smpl_forward/joints"], atol=1e-5, rtol=0)


def synthetic_body(seed: int) -> SmplBody:
    """The body of the full PARE fixtures, of SMPL's size (RECIPE.md)."""

    def normal(key: str, *shape: int) -> np.ndarray:
        return recipe.generator(f"smpl:{key}", seed).standard_normal(shape)

    def rows(key: str, spread: float, *shape: int) -> np.ndarray:
        weights = np.exp(spread * normal(key, *shape))
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    arrays = {
        "v_template": normal("v_template", 6890, 3) * np.array([0.3, 0.6, 0.15]),
        "shapedirs": 0.03 * normal("shapedirs", 6890, 3, 10),
        "posedirs": 0.01 * normal("posedirs", 6890, 3, 207),
    }
    return SmplBody.from_arrays(
        {key: array.astype(np.float32) for key, array in arrays.items()}
        | {
            "J_regressor": rows("J_regressor", 1.5, 24, 6890),
            "J_regressor_extra": rows("J_regressor_extra", 1.5, 9, 6890),
            "weights": rows("weights", 2.0, 6890, 24),
            "f": np.zeros((0, 3), np.int64),
            "kintree_table": np.array([parents, range(24)]),
            "extra_vertices": np.array(SMPL_PICKED),
        }
    )


@pytest.mark.parametrize("name", ["pare_hrnet_w32_conv_partsegm", "hmr_resnet50"])
def test_the_49_joints_are_those_of_the_reference(oracles: Path, name: str):
    fixture, arrays = recipe.load(oracles / "models" / name)
    body = synthetic_body(fixture["config"]["synthetic_smpl_body_seed"])
    outputs = fixture["outputs"]
    rotations = torch.from_numpy(arrays["out/pred_pose"]).view(outputs["pred_pose"]["shape"])
    betas = torch.from_numpy(arrays["out/pred_shape"]).view(outputs["pred_shape"]["shape"])
    posed = body(betas, rotations)
    recipe.assert_output("smpl_vertices", posed.vertices, fixture, arrays)
    recipe.assert_output("smpl_joints3d", BodyJoints.of(body).joints49(posed), fixture, arrays)


@pytest.fixture(scope="module")
def rotations(oracles: Path) -> dict[str, torch.Tensor]:
    with np.load(oracles / "body" / "rotations_cameras.npz") as archive:
        return {name: torch.from_numpy(array) for name, array in archive.items()}


def test_six_numbers_give_the_rotations_of_the_reference(rotations):
    found = rot6d_to_matrix(rotations["rot6d"])
    expected = rotations["rotmat_from_rot6d"]
    # The first rows are nearly degenerate: rounding decides where their second column points.
    torch.testing.assert_close(found[9:], expected[9:], atol=1e-6, rtol=0)
    torch.testing.assert_close(found[:9], expected[:9], atol=1e-3, rtol=0)
    assert not found[4].any()  # six zeros are no rotation


def test_six_numbers_of_the_reference(rotations):
    found = matrix_to_rot6d(rotations["rotmat_from_rot6d"])
    torch.testing.assert_close(found, rotations["rot6d_from_rotmat"], atol=1e-6, rtol=0)


def test_the_reference_by_way_of_quaternions_gives_the_same_rotations(rotations):
    """PARE's own Rodrigues goes by half angles; it is the same function, so there is one here."""
    expected = rotations["rotmat_pare_f64"]
    found = axis_angle_to_matrix(rotations["axis_angle"].double())
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    turned = rotation_from_quaternion(rotations["quaternion_from_rotmat"].numpy())
    np.testing.assert_allclose(turned, rotations["rotmats"], atol=1e-5)


def test_a_subset_poses_its_vertices_as_the_whole(body, recorded):
    betas = torch.from_numpy(recorded["betas"])
    pose = torch.from_numpy(recorded["pose_axis_angle"]).view(-1, 24, 3)
    small, joints = BodyJoints.of(body).compact()
    whole: Posed = body(betas, pose)
    torch.testing.assert_close(
        joints.joints49(small(betas, pose)),
        BodyJoints.of(body).joints49(whole),
        atol=1e-6,
        rtol=0,
    )


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

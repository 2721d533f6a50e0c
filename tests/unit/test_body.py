"""The body: geometry that must hold, the shipped asset, users' own files, damaged files."""

import pickle
from importlib import resources

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.sparse import csc_matrix

from gsam.body.files import load_body, read_body_arrays
from gsam.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from gsam.body.smpl import BETA_LIMIT, SmplBody, clip_betas
from gsam.errors import DataError

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
LEFT, RIGHT = [1, 4, 7, 10, 13, 16, 18, 20, 22], [2, 5, 8, 11, 14, 17, 19, 21, 23]
MIRROR = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]


@pytest.fixture(scope="module")
def body() -> SmplBody:
    return load_body()


def smpl_arrays(vertices: int, components: int = 10) -> dict[str, np.ndarray]:
    """Arrays with SMPL's keys, types and shapes, and random content."""
    rng = np.random.default_rng(0)
    weights = rng.random((vertices, 24)) ** 8
    parents = np.array(PARENTS, dtype=np.int64)
    parents[0] = 2**32 - 1
    return {
        "v_template": rng.normal(size=(vertices, 3)),
        "f": rng.integers(0, vertices, (50, 3)).astype(np.uint32),
        "shapedirs": 0.01 * rng.normal(size=(vertices, 3, components)),
        "posedirs": np.zeros((vertices, 3, 207), dtype=np.float32),
        "J_regressor": rng.dirichlet(np.ones(vertices), 24),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(24)]).astype(np.uint32),
    }


def random_pose(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    betas = torch.randn(count, 10, generator=generator)
    return betas, 0.5 * torch.randn(count, 24, 3, generator=generator)


# --- forward pass


def test_rest_pose_is_the_shaped_template(body):
    betas, _ = random_pose(2, 1)
    posed = body(betas, torch.zeros(2, 24, 3))
    shaped = body.v_template + torch.einsum("vck,bk->bvc", body.shapedirs, betas)
    torch.testing.assert_close(posed.vertices, shaped, atol=1e-5, rtol=0)
    torch.testing.assert_close(posed.joints, body.rest_joints(betas), atol=1e-6, rtol=0)


def test_root_orientation_turns_the_whole_body_about_the_pelvis(body):
    betas, pose = random_pose(3, 2)
    turned = pose.clone()
    turned[:, 0] = torch.tensor([0.3, -1.1, 0.4])
    pose[:, 0] = 0
    before, after = body(betas, pose), body(betas, turned)
    turn = axis_angle_to_matrix(turned[:, 0])
    pelvis = before.joints[:, :1]
    for one, other in zip(before, after, strict=True):
        expected = (one - pelvis) @ turn.transpose(1, 2) + pelvis
        torch.testing.assert_close(other, expected, atol=1e-5, rtol=0)


def test_bending_one_elbow_moves_only_its_forearm(body):
    pose = torch.zeros(1, 24, 3)
    pose[0, 18, 1] = -1.5
    moved = (body.joints(torch.zeros(1, 10), pose) - body.rest_joints(torch.zeros(1, 10)))[0]
    changed = torch.nonzero(moved.norm(dim=-1) > 1e-6)[:, 0].tolist()
    assert changed == [20, 22]
    assert moved[20, 2] > 0.1  # the left forearm comes forward


def test_joints_alone_agree_with_the_forward_pass(body):
    betas, pose = random_pose(4, 3)
    translation = torch.tensor([[1.0, 2.0, 3.0]]).expand(4, 3)
    expected = body(betas, pose, translation).joints
    torch.testing.assert_close(body.joints(betas, pose, translation), expected)


def test_fewer_betas_mean_zeros(body):
    betas, pose = random_pose(2, 4)
    betas[:, 4:] = 0
    torch.testing.assert_close(body(betas[:, :4], pose).vertices, body(betas, pose).vertices)


def test_subset_regresses_the_same_human36m_joints(body):
    betas, pose = random_pose(5, 5)
    ids = body.h36m_vertex_ids()
    assert len(ids) < 300
    small = body.subset(ids)
    posed = body(betas, pose)
    fast = small(betas, pose)
    torch.testing.assert_close(fast.vertices, posed.vertices[:, ids], atol=1e-6, rtol=0)
    torch.testing.assert_close(
        small.h36m_joints(fast.vertices), body.h36m_joints(posed.vertices), atol=1e-5, rtol=0
    )


def test_gradients_reach_pose_and_shape_at_the_zero_pose(body):
    betas = torch.zeros(1, 10, requires_grad=True)
    pose = torch.zeros(1, 24, 3, requires_grad=True)
    body.joints(betas, pose)[0, 20].sum().backward()
    assert torch.isfinite(pose.grad).all() and pose.grad[0, 16].abs().max() > 0.1
    assert torch.isfinite(betas.grad).all() and betas.grad.abs().max() > 0


def test_clip_betas():
    clipped = clip_betas(torch.tensor([[-9.0, 0.5, 9.0]]))
    assert clipped.tolist() == [[-BETA_LIMIT, 0.5, BETA_LIMIT]]


# --- rotations


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3))
def test_axis_angle_survives_the_round_trip(vector):
    expected = torch.tensor([vector], dtype=torch.float64)
    matrix = axis_angle_to_matrix(expected)
    torch.testing.assert_close(
        matrix @ matrix.transpose(1, 2), torch.eye(3, dtype=torch.float64)[None], atol=1e-6, rtol=0
    )
    torch.testing.assert_close(matrix_to_axis_angle(matrix), expected, atol=1e-6, rtol=0)


def test_the_vector_that_cancels_the_shift_stays_finite():
    matrix = axis_angle_to_matrix(torch.full((1, 3), -1e-8))
    torch.testing.assert_close(matrix[0], torch.eye(3), atol=1e-6, rtol=0)


# --- the shipped asset


def test_asset_is_small():
    asset = resources.files("gsam.body") / "assets" / "body_small.npz"
    assert len(asset.read_bytes()) < 600_000


def test_asset_is_a_standing_person_with_its_left_at_positive_x(body):
    joints = body.rest_joints(torch.zeros(1, 10))[0]
    assert body.parents == PARENTS
    assert 3000 < len(body.v_template) < 4000
    assert (joints[LEFT, 0] > 0.01).all() and (joints[RIGHT, 0] < -0.01).all()
    torch.testing.assert_close(
        joints[MIRROR] * torch.tensor([-1.0, 1, 1]), joints, atol=3e-3, rtol=0
    )
    assert joints[15, 1] > joints[12, 1] > joints[9, 1] > joints[0, 1] > joints[4, 1] > joints[7, 1]
    assert joints[10, 2] > joints[7, 2] + 0.05  # toes point forward
    assert joints[0].abs().max() < 5e-3  # the pelvis is the origin
    arm = joints[[16, 18, 20], 1]
    assert arm.max() - arm.min() < 0.02  # a T-pose


@pytest.mark.parametrize(("beta", "low", "high"), [(-2.5, 1.4, 1.55), (0, 1.7, 1.9), (2.5, 2, 2.2)])
def test_first_component_is_stature(body, beta, low, high):
    betas = torch.zeros(1, 10)
    betas[0, 0] = beta
    y = body(betas, torch.zeros(1, 24, 3)).vertices[0, :, 1]
    assert low < float(y.max() - y.min()) < high


def test_asset_regressors_are_weighted_means(body):
    arrays = read_body_arrays(resources.files("gsam.body") / "assets" / "body_small.npz")
    for key in ("J_regressor", "J_regressor_h36m"):
        np.testing.assert_allclose(arrays[key].sum(axis=1), 1, atol=1e-3)
    assert (arrays["J_regressor_h36m"] >= 0).all()
    assert np.abs(arrays["J_regressor"]).sum(axis=1).max() < 20
    assert np.unique(arrays["f"]).size == len(arrays["v_template"])


def test_human36m_joints_follow_the_kinematic_ones(body):
    betas, pose = random_pose(20, 6)
    posed = body(clip_betas(betas), 0.6 * pose)
    regressed = body.h36m_joints(posed.vertices)
    rows = [0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
    joints = [0, 2, 5, 8, 1, 4, 7, 16, 18, 20, 17, 19, 21]
    error = (regressed[:, rows] - posed.joints[:, joints]).norm(dim=-1)
    assert error.mean() < 0.010 and error.max() < 0.05
    rest = body.h36m_joints(body.v_template[None])[0]
    assert rest[10, 1] == body.v_template[:, 1].max()  # head top
    assert rest[9, 2] > rest[8, 2] + 0.05 and abs(rest[9, 0]) < 0.015  # nose


# --- users' files


def test_own_npz_of_smpl_size_with_more_components(tmp_path):
    arrays = smpl_arrays(6890, components=12)
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **arrays)
    body = load_body(tmp_path / "SMPL_NEUTRAL.npz")
    assert body.num_betas == 10 and body.parents == PARENTS
    betas, pose = random_pose(2, 7)
    posed = body(betas, pose)
    assert posed.vertices.shape == (2, 6890, 3) and torch.isfinite(posed.vertices).all()
    expected = arrays["J_regressor"] @ arrays["v_template"]
    np.testing.assert_allclose(body.rest_joints(torch.zeros(1, 10))[0], expected, atol=1e-6)
    with pytest.raises(DataError, match="J_regressor_h36m: missing"):
        body.h36m_joints(posed.vertices)


def test_own_pickle_with_a_sparse_regressor(tmp_path):
    arrays = smpl_arrays(40)
    dense = arrays["J_regressor"]
    content = {**arrays, "J_regressor": csc_matrix(dense), "bs_style": "lbs"}
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(content, protocol=2))
    np.testing.assert_allclose(read_body_arrays(path)["J_regressor"], dense, atol=1e-12)


def test_side_regressor_is_put_into_right_leg_first_order(tmp_path):
    arrays = smpl_arrays(40)
    arrays["v_template"][[4, 9], 0] = 0.1, -0.1
    side = np.zeros((17, 40))
    side[np.arange(17), np.arange(17)] = 1
    side[[1, 4]] = 0
    side[1, 4] = side[4, 9] = 1  # row 1 is the left hip, as in the public file
    np.savez(tmp_path / "body.npz", **arrays)
    np.save(tmp_path / "J_regressor_h36m.npy", side)
    regressor = read_body_arrays(tmp_path / "body.npz")["J_regressor_h36m"]
    np.testing.assert_array_equal(regressor[1], side[4])
    np.testing.assert_array_equal(regressor[4:7], side[1:4])


def rows_short(arrays, key):
    arrays[key] = arrays[key][:-1]


def not_a_number(arrays, key):
    arrays[key][0, 0] = np.nan


def dropped(arrays, key):
    del arrays[key]


def doubled(arrays, key):
    arrays[key] = 2 * arrays[key]


def beyond(arrays, key):
    arrays[key][0, 0] = 40


def own_parent(arrays, key):
    arrays[key][0, 5] = 7


@pytest.mark.parametrize(
    ("damage", "key", "says"),
    [
        (rows_short, "weights", r"weights: shape \(39, 24\); expected \(40, 24\)"),
        (rows_short, "posedirs", r"posedirs: shape"),
        (rows_short, "J_regressor", r"J_regressor: shape \(23, 40\)"),
        (rows_short, "v_template", "expected"),
        (rows_short, "kintree_table", "kintree_table: shape"),
        (not_a_number, "v_template", "v_template: NaN or infinity"),
        (not_a_number, "weights", "weights: NaN or infinity"),
        (dropped, "shapedirs", "missing shapedirs"),
        (dropped, "f", "missing f"),
        (doubled, "weights", "rows that sum to 1"),
        (beyond, "f", r"f: vertex ids outside 0\.\.39"),
        (own_parent, "kintree_table", "parent does not come before"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, damage, key, says):
    arrays = smpl_arrays(40)
    damage(arrays, key)
    path = tmp_path / "broken.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=says) as caught:
        load_body(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("dims", [0, 1, 4])
def test_arrays_of_the_wrong_rank_are_refused(tmp_path, dims):
    for key in smpl_arrays(2):
        arrays = smpl_arrays(40)
        arrays[key] = np.zeros((1,) * dims)
        np.savez(tmp_path / "flat.npz", **arrays)
        with pytest.raises(DataError):
            load_body(tmp_path / "flat.npz")


@pytest.mark.parametrize("name", ["absent.npz", "absent.pkl", "model.txt"])
def test_absent_or_unknown_files(tmp_path, name):
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        load_body(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut"])
@pytest.mark.parametrize("name", ["body.npz", "body.pkl"])
def test_garbage_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError):
        load_body(tmp_path / name)


def test_texts_and_foreign_objects_are_refused(tmp_path):
    arrays = smpl_arrays(40)
    arrays["weights"] = np.array(["a", "b"])
    np.savez(tmp_path / "text.npz", **arrays)
    with pytest.raises(DataError, match="weights: expected numbers"):
        load_body(tmp_path / "text.npz")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(DataError, match="dictionary of SMPL arrays"):
        load_body(tmp_path / "list.pkl")
    (tmp_path / "code.pkl").write_bytes(pickle.dumps({"f": print}))
    with pytest.raises(DataError, match="refused"):
        load_body(tmp_path / "code.pkl")

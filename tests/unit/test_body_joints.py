"""The points read off a posed body: where the shipped body has them, and from how few vertices."""

import numpy as np
import pytest
import torch

from gsam.body.files import load_body, load_body_arrays, read_body_arrays
from gsam.body.joints import OPENPOSE_JOINTS, PICKS, BodyJoints
from gsam.body.smpl import SmplBody
from gsam.errors import DataError
from gsam.skeletons import SPIN_24
from tools.build_body.landmarks import landmark_arrays

SPIN = {name: OPENPOSE_JOINTS + i for i, name in enumerate(SPIN_24.joints)}


@pytest.fixture(scope="module")
def body() -> SmplBody:
    return load_body()


@pytest.fixture(scope="module")
def rest(body: SmplBody) -> dict[str, np.ndarray]:
    """The 54 joints of the mean body at rest, and SPIN's 24 by name."""
    joints, posed = BodyJoints.of(body), body(torch.zeros(1, 10), torch.zeros(1, 24, 3))
    named = joints.joints49(posed)[0].numpy()
    return {"54": joints.joints54(posed)[0].numpy()} | {n: named[i] for n, i in SPIN.items()}


def random_pose(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    betas = torch.randn(count, 10, generator=generator)
    return betas, 0.5 * torch.randn(count, 24, 3, generator=generator)


def test_the_shipped_body_has_its_face_where_a_face_is(rest):
    top, nose, neck = rest["head_top"], rest["nose"], rest["neck"]
    for eye in ("left_eye", "right_eye"):
        assert nose[1] < rest[eye][1] < top[1] and rest[eye][2] > rest["left_ear"][2] + 0.08
    assert rest["left_ear"][0] > rest["left_eye"][0] > 0.02
    assert rest["right_ear"][0] < rest["right_eye"][0] < -0.02
    assert nose[2] > rest["left_eye"][2] > neck[2] and top[1] - neck[1] > 0.15


def test_the_trunk_is_in_order_from_below(rest):
    heights = [rest[name][1] for name in ("pelvis", "spine", "thorax", "neck", "jaw", "head")]
    assert heights == sorted(heights) and heights[1] - heights[0] > 0.15
    assert abs(rest["left_hip"][1] - rest["right_hip"][1]) < 0.01
    assert rest["left_hip"][0] > 0.05 > -0.05 > rest["right_hip"][0]


def test_feet_and_fingers_end_where_the_mesh_does(rest, body):
    points, vertices = rest["54"], body.v_template.numpy()
    floor = vertices[:, 1].min()
    for first, side in ((29, 1), (32, -1)):
        big, small, heel = points[first : first + 3]
        assert side * small[0] > side * big[0] > 0.05  # the small toe is outside
        assert big[2] > small[2] > heel[2] + 0.15
        assert max(big[1], small[1]) - floor < 0.05 and heel[1] - floor < 0.08
        np.testing.assert_allclose(big[2], vertices[:, 2].max(), atol=0.01)
    for first, side in ((35, 1), (40, -1)):
        tips = points[first : first + 5]
        assert (np.diff(tips[:, 2]) < -0.01).all()  # thumb in front, little finger behind
        assert (side * tips[:, 0]).argmax() == 2  # the middle finger is the longest
        assert (side * tips[:, 0] > side * points[20 if side > 0 else 21, 0] + 0.04).all()


def test_the_two_sides_mirror_each_other(rest):
    points = np.stack([rest[name] for name in SPIN_24.joints])
    mirrored = points[list(SPIN_24.mirror_permutation)] * np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored, points, atol=0.03)


def test_49_joints_are_picks_of_the_54(body):
    joints, posed = BodyJoints.of(body), body(*random_pose(2))
    everything = joints.joints54(posed)
    assert everything.shape == (2, 54, 3) and len(PICKS) == 49
    torch.testing.assert_close(everything[:, :24], posed.joints)
    torch.testing.assert_close(joints.joints49(posed), everything[:, list(PICKS)])


def test_the_upper_neck_follows_the_head_joint(body):
    joints, posed = BodyJoints.of(body), body(*random_pose(50))
    error = (joints.joints49(posed)[:, SPIN["neck"]] - posed.joints[:, 15]).norm(dim=-1)
    assert error.mean() < 0.008 and error.max() < 0.03


def test_compact_body_gives_the_same_joints_from_few_vertices(body):
    joints, (betas, pose) = BodyJoints.of(body), random_pose(6)
    small, small_joints = joints.compact()
    assert len(small.v_template) < 200
    whole, posed = body(betas, pose), small(betas, pose)
    close = {"atol": 1e-6, "rtol": 0}
    torch.testing.assert_close(small_joints.joints54(posed), joints.joints54(whole), **close)
    torch.testing.assert_close(
        small.h36m_joints(posed.vertices), body.h36m_joints(whole.vertices), **close
    )


def test_the_module_has_no_state_and_moves_as_a_whole(body):
    small, joints = BodyJoints.of(body).compact()
    assert not joints.state_dict() and not list(joints.parameters())
    joints.double()
    assert joints.joints49(small(*(x.double() for x in random_pose(1)))).dtype == torch.float64


def grown_to_smpl(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with unused vertices up to SMPL's number of them."""
    more = 6890 - len(arrays["v_template"])
    axis = {"v_template": 0, "shapedirs": 0, "posedirs": 0, "weights": 0}
    axis |= dict.fromkeys(("J_regressor", "J_regressor_h36m", "J_regressor_extra"), 1)
    grown = {}
    for key, array in arrays.items():
        width = [(0, more if axis.get(key) == dim else 0) for dim in range(array.ndim)]
        grown[key] = np.pad(array, width, mode="edge" if key == "weights" else "constant")
    return grown


def test_files_of_smpls_size_need_no_vertex_ids(tmp_path):
    arrays = grown_to_smpl(load_body_arrays())
    del arrays["extra_vertices"]
    side = arrays.pop("J_regressor_extra")
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **arrays)
    np.save(tmp_path / "J_regressor_extra.npy", side)
    read = read_body_arrays(tmp_path / "SMPL_NEUTRAL.npz")
    assert read["extra_vertices"][[0, 7, 20]].tolist() == [332, 3387, 6133]
    np.testing.assert_array_equal(read["J_regressor_extra"], side)
    assert BodyJoints.of(SmplBody.from_arrays(read)).regressor.shape == (9, 6890)


@pytest.mark.parametrize("key", ["extra_vertices", "J_regressor_extra"])
def test_a_body_without_the_points_says_which_key_it_lacks(key):
    arrays = load_body_arrays()
    del arrays[key]
    with pytest.raises(DataError, match=f"body: {key}: missing"):
        BodyJoints.of(SmplBody.from_arrays(arrays))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("extra_vertices", np.arange(20), r"extra_vertices: shape \(20,\); expected \(21,\)"),
        ("extra_vertices", np.full(21, 3446), r"extra_vertices: vertex ids outside 0\.\.3445"),
        ("extra_vertices", np.full(21, -1), "extra_vertices: vertex ids outside"),
        ("extra_vertices", np.full(21, np.nan), "extra_vertices: "),
        ("J_regressor_extra", np.zeros((9, 6890)), r"J_regressor_extra: shape \(9, 6890\)"),
        ("J_regressor_extra", np.full((9, 3446), np.inf), "J_regressor_extra: NaN or infinity"),
    ],
)
def test_regressors_of_another_body_are_refused(tmp_path, key, value, says):
    np.savez(tmp_path / "own.npz", **(load_body_arrays() | {key: value}))
    with pytest.raises(DataError, match=says) as caught:
        read_body_arrays(tmp_path / "own.npz")
    assert "own.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_the_builder_finds_the_landmarks_of_the_asset():
    arrays = load_body_arrays()
    found = landmark_arrays(arrays)
    np.testing.assert_array_equal(found["extra_vertices"], arrays["extra_vertices"])
    np.testing.assert_allclose(found["J_regressor_extra"], arrays["J_regressor_extra"], atol=1e-4)

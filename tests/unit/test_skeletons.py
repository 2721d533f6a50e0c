"""Joint sets: structure, mirroring and conversion by name, against published tables."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gsam.errors import DataError
from gsam.skeletons import (
    BODY_25,
    COCO_17,
    H36M_17,
    H36M_32,
    HALPE_26,
    MPI_INF_3DHP_17,
    MPI_INF_3DHP_28,
    MPII_16,
    OPENPOSE_18,
    SKELETONS,
    SMPL_24,
    conversion_sources,
    convert,
    mirror,
)


@pytest.mark.parametrize("name", SKELETONS)
def test_every_set_is_a_tree_with_partners(name):
    skeleton = SKELETONS[name]
    assert skeleton.size == int(name.rsplit("_", 1)[1]) == len(set(skeleton.joints))
    assert skeleton.parents.count(-1) == 1 and skeleton.parents[skeleton.root] == -1
    for joint in range(skeleton.size):
        walk, steps = joint, 0
        while skeleton.parents[walk] >= 0:
            walk, steps = skeleton.parents[walk], steps + 1
            assert steps < skeleton.size, "the parents must not form a circle"
    assert len(skeleton.bones) == skeleton.size - 1
    assert len(skeleton.left) == len(skeleton.right)
    permutation = list(skeleton.mirror_permutation)
    assert [permutation[p] for p in permutation] == list(range(skeleton.size))
    assert [permutation[i] for i in skeleton.left] == list(skeleton.right)


def _numbers(text):
    return tuple(int(n) for n in text.split(","))


@pytest.mark.parametrize(
    ("skeleton", "parents"),
    [
        (
            H36M_32,
            "-1,0,1,2,3,4,0,6,7,8,9,0,11,12,13,14,12,16,17,18,19,20,19,22,12,24,25,26,27,28,27,30",
        ),
        (H36M_17, "-1,0,1,2,0,4,5,0,7,8,9,8,11,12,8,14,15"),
        (MPI_INF_3DHP_17, "1,15,1,2,3,1,5,6,14,8,9,14,11,12,-1,14,1"),
        (SMPL_24, "-1,0,0,0,1,2,3,4,5,6,7,8,9,9,9,12,13,14,16,17,18,19,20,21"),
    ],
)
def test_published_parents(skeleton, parents):
    assert skeleton.parents == _numbers(parents)


@pytest.mark.parametrize(
    ("skeleton", "left", "right"),
    [
        (H36M_17, "4,5,6,11,12,13", "1,2,3,14,15,16"),
        (MPI_INF_3DHP_17, "5,6,7,11,12,13", "2,3,4,8,9,10"),
        (COCO_17, "1,3,5,7,9,11,13,15", "2,4,6,8,10,12,14,16"),
        (MPII_16, "3,4,5,13,14,15", "2,1,0,12,11,10"),
        (OPENPOSE_18, "5,6,7,11,12,13,15,17", "2,3,4,8,9,10,14,16"),
        (BODY_25, "5,6,7,12,13,14,16,18,19,20,21", "2,3,4,9,10,11,15,17,22,23,24"),
        (HALPE_26, "1,3,5,7,9,11,13,15,20,22,24", "2,4,6,8,10,12,14,16,21,23,25"),
    ],
)
def test_published_sides(skeleton, left, right):
    assert (skeleton.left, skeleton.right) == (_numbers(left), _numbers(right))


@pytest.mark.parametrize(
    ("source", "target", "rows"),
    [
        (H36M_32, H36M_17, "0,1,2,3,6,7,8,12,13,14,15,17,18,19,25,26,27"),
        (MPI_INF_3DHP_28, MPI_INF_3DHP_17, "7,5,14,15,16,9,10,11,23,24,25,18,19,20,4,3,6"),
        (MPI_INF_3DHP_28, H36M_17, "4,23,24,25,18,19,20,3,5,6,7,9,10,11,14,15,16"),
        (MPI_INF_3DHP_17, H36M_17, "14,8,9,10,11,12,13,15,1,16,0,5,6,7,2,3,4"),
    ],
)
def test_conversions_that_copy(source, target, rows):
    points = np.random.default_rng(0).standard_normal((2, source.size, 3)).astype(np.float32)
    np.testing.assert_array_equal(convert(points, source, target), points[:, _numbers(rows)])


def test_coco_and_mpii_rules():
    coco = np.random.default_rng(1).standard_normal((5, 17, 2))
    ours = convert(coco, COCO_17, H36M_17)
    np.testing.assert_array_equal(ours[:, 1:7], coco[:, [12, 14, 16, 11, 13, 15]])
    np.testing.assert_array_equal(ours[:, 11:], coco[:, [5, 7, 9, 6, 8, 10]])
    np.testing.assert_allclose(ours[:, 0], (coco[:, 11] + coco[:, 12]) / 2)
    np.testing.assert_allclose(ours[:, 8], (coco[:, 5] + coco[:, 6]) / 2)
    np.testing.assert_allclose(ours[:, 7], (ours[:, 0] + ours[:, 8]) / 2)
    np.testing.assert_array_equal(ours[:, 9], coco[:, 0])
    np.testing.assert_allclose(ours[:, 10], (coco[:, 1] + coco[:, 2]) / 2)
    mpii = np.random.default_rng(2).standard_normal((16, 2))
    ours = convert(mpii, MPII_16, H36M_17)
    copied = [6, 2, 1, 0, 3, 4, 5, 7, 8, 9, 13, 14, 15, 12, 11, 10]
    np.testing.assert_array_equal(np.delete(ours, 7, axis=0), mpii[copied])
    np.testing.assert_allclose(ours[7], mpii[[2, 3, 12, 13]].mean(axis=0))


@pytest.mark.parametrize(
    ("source", "copied", "means"),
    [
        # OpenPose's sets, the columns of BODY_25 with the mid hip, of its 18 joints without.
        (BODY_25, "8,9,10,11,12,13,14,-,1,0,-,5,6,7,2,3,4", {7: (8, 1), 10: (15, 16)}),
        (
            OPENPOSE_18,
            "-,8,9,10,11,12,13,-,1,0,-,5,6,7,2,3,4",
            {0: (8, 11), 7: (8, 11, 2, 5), 10: (14, 15)},
        ),
        (HALPE_26, "19,12,14,16,11,13,15,-,18,0,17,5,7,9,6,8,10", {7: (19, 18)}),
    ],
)
def test_rules_of_what_openpose_and_alphapose_write(source, copied, means):
    points = np.random.default_rng(5).standard_normal((3, source.size, 2))
    ours = convert(points, source, H36M_17)
    for joint, column in enumerate(copied.split(",")):
        rows = list(means[joint]) if column == "-" else [int(column)]
        expected = points[:, rows].mean(axis=1)
        np.testing.assert_allclose(ours[:, joint], expected, err_msg=H36M_17.joints[joint])


def test_there_and_back():
    points = np.random.default_rng(3).standard_normal((4, 17, 3))
    back = convert(convert(points, H36M_17, MPI_INF_3DHP_17), MPI_INF_3DHP_17, H36M_17)
    np.testing.assert_array_equal(back, points)
    np.testing.assert_array_equal(convert(points, H36M_17, H36M_17), points)


@pytest.mark.parametrize("source", [COCO_17, MPII_16, H36M_32, OPENPOSE_18, BODY_25, HALPE_26])
def test_conversion_commutes_with_mirroring(source):
    target = H36M_17
    points = np.random.default_rng(4).standard_normal((3, source.size, 3))
    np.testing.assert_allclose(
        mirror(convert(points, source, target), target),
        convert(mirror(points, source), source, target),
        atol=1e-15,
    )


numbers = hnp.from_dtype(np.dtype(np.float64), allow_nan=False, allow_infinity=False)


@given(
    st.sampled_from(sorted(SKELETONS)).flatmap(
        lambda name: st.tuples(
            st.just(name), hnp.arrays(np.float64, (2, SKELETONS[name].size, 3), elements=numbers)
        )
    )
)
def test_mirroring_twice_changes_nothing(case):
    name, points = case
    skeleton = SKELETONS[name]
    kept = points.copy()
    once = mirror(points, skeleton)
    np.testing.assert_array_equal(points, kept)
    np.testing.assert_array_equal(mirror(once, skeleton), points)
    np.testing.assert_array_equal(mirror(torch.tensor(points), skeleton).numpy(), once)


def test_mirror_moves_the_joint_and_keeps_the_score():
    points = np.zeros((17, 3))
    points[H36M_17.index("left_wrist")] = [0.25, 0.5, 0.9]
    mirrored = mirror(points, H36M_17)
    np.testing.assert_array_equal(mirrored[H36M_17.index("right_wrist")], [-0.25, 0.5, 0.9])
    assert np.count_nonzero(mirrored) == 3


def test_mirror_is_differentiable():
    points = torch.ones(1, 17, 2, requires_grad=True)
    mirror(points, H36M_17).sum().backward()
    expected = torch.tensor([-1.0, 1.0]).expand(1, 17, 2)
    torch.testing.assert_close(points.grad, expected)


@pytest.mark.parametrize("shape", [(16, 3), (17,), (3, 17)])
def test_wrong_number_of_joints(shape):
    with pytest.raises(DataError, match=r"expected .* human36m_17"):
        mirror(np.zeros(shape), H36M_17)
    with pytest.raises(DataError, match=r"expected .* human36m_17"):
        convert(np.zeros(shape), H36M_17, MPI_INF_3DHP_17)


def test_no_guessing():
    with pytest.raises(DataError, match="no conversion smpl_24 -> human36m_17"):
        conversion_sources(SMPL_24, H36M_17)
    with pytest.raises(DataError, match="no joint 'tail'"):
        H36M_17.index("tail")

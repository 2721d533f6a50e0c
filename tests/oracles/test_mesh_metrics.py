"""Errors of meshes against PARE's numbers."""

import json

import numpy as np
import pytest

from gsam.metrics import mesh, pose
from gsam.skeletons import H36M_17

# Rows of the published regressor, which has the left leg first, in the order of H36M_17.
RIGHT_LEG_FIRST = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
REST = ("pelvis", "spine", "nose")
SETS = {"J14": mesh.LSP_14, "J17": (*mesh.LSP_14, *REST)}


@pytest.fixture(scope="module")
def fixture(oracles):
    with np.load(oracles / "metrics/pare_eval.npz") as arrays:
        found = dict(arrays)
    return json.loads((oracles / "metrics/pare_eval.json").read_text()), found


def regressed(arrays, who):
    return (arrays["J_regressor_h36m"] @ arrays[f"{who}_vertices"])[:, RIGHT_LEG_FIRST]


@pytest.mark.parametrize("name", SETS)
def test_joints_are_the_references(fixture, name):
    notes, arrays = fixture
    rows = H36M_17.indices(SETS[name])
    assert [RIGHT_LEG_FIRST[row] for row in rows] == notes[f"H36M_TO_{name}"]
    for who in ("pred", "gt"):
        joints = mesh.scored_joints(regressed(arrays, who), SETS[name])
        np.testing.assert_allclose(joints, arrays[f"{name}/{who}"], atol=1e-5)


@pytest.mark.parametrize("name", SETS)
def test_errors_of_both_joint_sets(fixture, name):
    notes, arrays = fixture
    pred, true = (mesh.scored_joints(regressed(arrays, w), SETS[name]) for w in ("pred", "gt"))
    plain, aligned = pose.per_frame_mpjpe(pred, true), pose.per_frame_pa_mpjpe(pred, true)
    np.testing.assert_allclose(plain, arrays[f"{name}/mpjpe_per_sample_m"], atol=1e-5)
    np.testing.assert_allclose(aligned, arrays[f"{name}/pampjpe_per_sample_m"], atol=1e-5)
    per_joint = pose.joint_errors(pred, true, "procrustes")
    np.testing.assert_allclose(per_joint, arrays[f"{name}/pa_per_joint"], atol=1e-5)
    assert 1000 * plain.mean() == pytest.approx(notes["results"][name]["mpjpe_mm"], abs=0.01)
    assert 1000 * aligned.mean() == pytest.approx(notes["results"][name]["pampjpe_mm"], abs=0.01)


def test_the_four_figures(fixture):
    notes, arrays = fixture
    pred, true = regressed(arrays, "pred"), regressed(arrays, "gt")
    expected = notes["results"]
    assert 1000 * mesh.mpjpe(pred, true).mean() == pytest.approx(expected["J14"]["mpjpe_mm"])
    assert 1000 * mesh.pa_mpjpe(pred, true).mean() == pytest.approx(expected["J14"]["pampjpe_mm"])
    distances = mesh.vertex_errors(arrays["pred_vertices"], arrays["gt_vertices"])
    np.testing.assert_allclose(distances, arrays["v2v_per_sample_m"], atol=1e-5)
    assert 1000 * distances.mean() == pytest.approx(expected["v2v_mm"])
    angles = mesh.joint_angle_errors(arrays["rot_pred"], arrays["rot_gt"])
    assert angles.mean() == pytest.approx(expected["joint_angle_error_rad"], abs=1e-5)
    assert list(mesh.ANGLE_JOINTS) == notes["SMPL_OR_JOINTS"]

"""Pose errors, PCK/AUC, training losses and window generators against the references' numbers."""

import json

import numpy as np
import pytest
import torch

from gsam.cameras import mirror_intrinsics
from gsam.datasets.mpi_inf_3dhp.annotations import Annotations
from gsam.datasets.mpi_inf_3dhp.files import TESTS
from gsam.metrics import losses, pck, pose
from gsam.metrics.inference_data import read_inference_data, write_inference_data
from gsam.metrics.mpi_inf_3dhp import official_tables
from gsam.skeletons import H36M_17, MPI_INF_3DHP_17, convert, mirror
from gsam.windows import ReferenceShuffle, padded_indices, training_chunks


def _load(folder, name):
    with np.load(folder / f"{name}.npz") as arrays:
        return json.loads((folder / f"{name}.json").read_text()), dict(arrays)


@pytest.fixture
def metrics(oracles):
    return oracles / "metrics"


# --- metrics/lifting_losses -----------------------------------------------------------------


def test_pose_errors(metrics):
    data, arrays = _load(metrics, "lifting_losses")
    functions = {
        "mpjpe": pose.mpjpe,
        "n_mpjpe": pose.n_mpjpe,
        "p_mpjpe": pose.pa_mpjpe,
        "mean_velocity_error": pose.mpjve,
    }
    assert len(data["results"]) == 12
    for case, results in data["results"].items():
        pair = arrays[f"{case}/pred"], arrays[f"{case}/target"]
        for name, function in functions.items():
            expected = results["float64"][name]
            assert function(*pair) == pytest.approx(expected, rel=1e-6, abs=1e-12), (case, name)
        for function, name in (
            (pose.per_frame_pa_mpjpe, "p_mpjpe_per_frame_float64"),
            (pose.per_frame_n_mpjpe, "n_mpjpe_per_frame_float64"),
        ):
            np.testing.assert_allclose(function(*pair), results[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("dtype", "rel"), [("float32", 1e-4), ("float64", 1e-6)])
def test_torch_losses_of_the_same_cases(metrics, dtype, rel):
    data, arrays = _load(metrics, "lifting_losses")
    # The reference weights every clip of shape (frames, 1, joints, 3).
    weight = torch.tensor(arrays["weighted_mpjpe_w"])[..., 0]
    for case, results in data["results"].items():
        p, t = (
            torch.tensor(arrays[f"{case}/{n}"]).to(getattr(torch, dtype))
            for n in ("pred", "target")
        )
        ours = {
            "mpjpe": losses.mpjpe(p, t),
            "n_mpjpe": losses.n_mpjpe(p, t),
            "mean_velocity_error": losses.velocity(p, t),
            "weighted_mpjpe": losses.weighted_mpjpe(p, t, weight),
        }
        for name, value in ours.items():
            assert value.item() == pytest.approx(results[dtype][name], rel=rel, abs=1e-6)


def test_bone_losses(metrics):
    data, arrays = _load(metrics, "lifting_losses")
    pair = torch.tensor(arrays["bone/pred"]), torch.tensor(arrays["bone/gt"])
    expected = data["bone_losses"]
    length, ratio = losses.bone_length_error(*pair), losses.bone_ratio_error(*pair)
    assert length.item() == pytest.approx(expected["weighted_bonelen_loss"], rel=1e-5)
    assert ratio.item() == pytest.approx(expected["weighted_boneratio_loss"], rel=1e-5)


# --- metrics/mpi_inf_3dhp_pck_auc -----------------------------------------------------------


def test_official_pck_and_auc(metrics):
    data, a = _load(metrics, "mpi_inf_3dhp_pck_auc")
    expected = data["official_protocol"]
    np.testing.assert_array_equal(pck.AUC_THRESHOLDS_MM, a["thresholds_mm"])
    rows = sorted(pck.official_joints(MPI_INF_3DHP_17))
    assert rows == [joint - 1 for joint in expected["joints_used"]]
    errors = pose.joint_errors(a["pred_mm"], a["gt_mm"])
    scores = pck.official_scores(errors, MPI_INF_3DHP_17)
    for kind in ("pck", "auc"):
        wanted = {**expected[f"{kind}_per_group"], "total": expected[f"{kind}_total"]}
        assert scores[kind] == pytest.approx(wanted, rel=1e-9)
    mpjpe = pose.mpjpe(a["pred_mm"], a["gt_mm"])
    assert mpjpe == pytest.approx(expected["mpjpe_all17_mm"], rel=1e-9)


def test_official_scores_through_the_file_of_predictions(metrics, tmp_path):
    data, a = _load(metrics, "mpi_inf_3dhp_pck_auc")
    expected, path = data["official_protocol"], tmp_path / "inference_data.mat"
    poses = convert(a["pred_mm"] / 1000, MPI_INF_3DHP_17, H36M_17)
    write_inference_data(path, dict.fromkeys(TESTS, poses))
    target = a["gt_mm"]
    truth = Annotations(MPI_INF_3DHP_17, target[..., :2], target, np.ones(len(target), bool))
    for found in official_tables(read_inference_data(path), dict.fromkeys(TESTS, truth)).values():
        for kind in ("pck", "auc"):
            wanted = {**expected[f"{kind}_per_group"], "total": expected[f"{kind}_total"]}
            assert found[kind] == pytest.approx(wanted, rel=1e-9)
        assert found["mpjpe_mm"] == pytest.approx(expected["mpjpe_all17_mm"], rel=1e-9)
        assert found["pck150_all17"] == pytest.approx(
            data["mmpose_0x"]["all17"]["none"]["pck"], rel=1e-6
        )


@pytest.mark.parametrize("joints", ["all17", "first14", "random_visibility"])
@pytest.mark.parametrize("alignment", pose.ALIGNMENTS)
def test_pck_over_other_joints_and_alignments(metrics, joints, alignment):
    data, a = _load(metrics, "mpi_inf_3dhp_pck_auc")
    mask = {"all17": np.ones((40, 17), bool), "random_visibility": a["visible"]}.get(joints)
    if mask is None:
        mask = np.zeros((40, 17), bool)
        mask[:, pck.official_joints(MPI_INF_3DHP_17)] = True
    errors = pose.joint_errors(a["pred_mm"], a["gt_mm"], alignment)[mask]
    expected = data["mmpose_0x"][joints][alignment]
    assert errors.mean() / 1000 == pytest.approx(expected["mpjpe_m"], rel=1e-6)
    # The reference rounds its counts through float32.
    assert pck.pck(errors) == pytest.approx(expected["pck"], rel=1e-6)
    assert pck.auc(errors) == pytest.approx(expected["auc"], rel=1e-6)


# --- metrics/sequence_losses ----------------------------------------------------------------


def test_motionbert_losses(metrics):
    data, arrays = _load(metrics, "sequence_losses")
    p, t, confidence = (torch.tensor(arrays[n]) for n in ("pred", "target", "conf"))
    ours = {
        "loss_mpjpe": losses.mpjpe(p, t),
        "n_mpjpe": losses.n_mpjpe(p, t),
        "loss_velocity": losses.velocity(p, t),
        "loss_limb_var": losses.limb_variance(p),
        "loss_limb_gt": losses.limb_error(p, t),
        "loss_angle": losses.angle_error(p, t),
        "loss_angle_velocity": losses.angle_velocity_error(p, t),
        "loss_2d_weighted": losses.weighted_2d(p, t, confidence),
        "loss_joint": losses.coordinate_error(p, t),
        "total_pretrain_weights": losses.motionbert(p, t),
    }
    assert set(ours) == set(data["motionbert"])
    for name, value in ours.items():
        assert value.item() == pytest.approx(data["motionbert"][name], rel=1e-5), name
    torch.testing.assert_close(losses.limb_lengths(p), torch.tensor(arrays["limb_lens"]))
    torch.testing.assert_close(losses.angles(p), torch.tensor(arrays["angles"]))
    per_frame = data["per_frame"]
    first = arrays["pred"][0], arrays["target"][0]
    for function, name in ((pose.per_frame_mpjpe, "mpjpe"), (pose.per_frame_pa_mpjpe, "p_mpjpe")):
        expected = per_frame[f"motionbert_{name}_per_frame"]
        np.testing.assert_allclose(function(*first), expected, rtol=1e-5)


def test_mixste_losses_and_gradient(metrics):
    data, arrays = _load(metrics, "sequence_losses")
    p, t = torch.tensor(arrays["pred"]).requires_grad_(), torch.tensor(arrays["target"])
    weight = losses.mixste_weights(p)
    total = losses.mixste(p, t)
    ours = {
        "weighted_mpjpe": losses.weighted_mpjpe(p, t, weight),
        "temporal_consistency": losses.temporal_consistency(p, weight),
        "mean_velocity_error": losses.velocity(p, t),
        "total": total,
        "sym_penalty": losses.symmetry_penalty(p),
        "bonelen_consistency": losses.bone_consistency(p),
    }
    assert set(ours) == set(data["mixste"])
    for name, value in ours.items():
        assert value.item() == pytest.approx(data["mixste"][name], rel=1e-5), name
    total.backward(total.detach())
    expected = torch.tensor(arrays["mixste_grad_wrt_pred"])
    torch.testing.assert_close(p.grad, expected, rtol=1e-5, atol=1e-8)


# --- metrics/generators ---------------------------------------------------------------------


def _cases(metrics, prefix):
    data, arrays = _load(metrics, "generators")
    for case in data["cases"]:
        if case["key"].startswith(prefix):
            yield case, arrays


def test_chunked_generator(metrics):
    seen = 0
    for case, a in _cases(metrics, "chunked"):
        chunks = training_chunks(case["lengths"], case["chunk_length"], case["augment"])
        count = len(chunks.sequence)
        assert count == case["n_items"]
        shuffle = ReferenceShuffle(case["random_seed"])
        order = shuffle.epoch(count) if case["shuffle"] else range(count)
        pad, shift = case["pad"], case["causal_shift"]
        # The fixture writes sequence * 1000 + frame into every slot.
        for row, item in enumerate(order):
            base = 1000 * chunks.sequence[item]
            inputs = base + chunks.input_frames(item, pad, shift)
            np.testing.assert_array_equal(inputs, a[f"{case['key']}/idx2d"][row])
            outputs = base + chunks.output_frames(item)
            np.testing.assert_array_equal(outputs, a[f"{case['key']}/idx3d"][row])
            camera = 100 * chunks.sequence[item] + np.arange(1.0, 10.0)
            if chunks.mirrored[item]:
                camera = mirror_intrinsics(camera)
            np.testing.assert_array_equal(camera, a[f"{case['key']}/cam"][row])
        np.testing.assert_array_equal(chunks.mirrored[list(order)], a[f"{case['key']}/flip"])
        seen += 1
    assert seen == 12


def test_unchunked_generator(metrics):
    for case, a in _cases(metrics, "unchunked"):
        for sequence, length in enumerate(case["lengths"]):
            key = f"{case['key']}_seq{sequence}"
            frames = padded_indices(length, case["pad"], case["causal_shift"])
            # Joint j of the marked pose has x = j + 1, so that mirroring shows sign and order.
            marks = np.repeat(np.arange(1.0, 18.0)[:, None], 2, axis=1)
            copies = [marks, mirror(marks, H36M_17)][: len(a[f"{key}/idx2d"])]
            assert len(copies) == 1 + case["augment"]
            for row, copy in enumerate(copies):
                expected = a[f"{key}/idx2d"][row]
                np.testing.assert_array_equal(1000 * sequence + frames, expected)
                assert np.sign(copy[0, 0]) == a[f"{key}/x_sign"][row]
                np.testing.assert_array_equal(copy[:, 1] - 1, a[f"{key}/joint_order2d"][row])

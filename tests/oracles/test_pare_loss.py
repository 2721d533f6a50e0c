"""PARE's training loss against the reference, whole and in parts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.body.rotations import axis_angle_to_matrix
from gsam.meshes.losses import MeshLossConfig, MeshTruth, Prediction, counts, total
from tests.oracles import recipe

NAMES = {
    "keypoints": "loss_keypoints",
    "keypoints3d": "loss_keypoints_3d",
    "pose": "loss_regr_pose",
    "shape": "loss_regr_betas",
    "camera": "loss_cam",
    "parts": "loss_segm_mask",
    "native": "loss_keypoints_native",
}


def read(arrays: dict[str, np.ndarray], mode: str) -> tuple[Prediction, MeshTruth]:
    """The fixture in our terms; confidences of native joints are 1."""
    found = {name: torch.from_numpy(np.asarray(value)) for name, value in arrays.items()}
    smpl_points = found["gt/smpl_keypoints"]
    truth = MeshTruth(
        keypoints=found["gt/keypoints"],
        joints=found["gt/pose_3d"],
        rotations=axis_angle_to_matrix(found["gt/pose"].view(-1, 24, 3)),
        shape=found["gt/betas"],
        has_smpl=found["gt/has_smpl"].float(),
        has_3d=found["gt/has_pose_3d"].float(),
        counted=torch.ones(len(smpl_points)),
        parts=found["gt/gt_segm_mask"] if mode == "part_segm" else None,
        native=torch.cat([smpl_points, torch.ones_like(smpl_points[..., :1])], dim=-1),
        pose_weight=found["gt/pose_conf"],
    )
    answer = Prediction(
        rotations=found["pred/pred_pose"],
        shape=found["pred/pred_shape"],
        camera=found["pred/pred_cam"],
        joints=found["pred/smpl_joints3d"],
        projected=found["pred/smpl_joints2d"],
        parts=found["pred/pred_segm_mask"] if mode == "part_segm" else None,
        native=found["pred/pred_kp2d"] if mode == "default_softargmax" else None,
    )
    return answer, truth


@pytest.mark.parametrize("mode", ["part_segm", "attention", "default_softargmax"])
def test_loss(oracles: Path, mode: str) -> None:
    fixture, arrays = recipe.load(oracles / "pipelines/pare_loss")
    answer, truth = read(arrays, mode)
    expected = {name.split("/")[1]: value for name, value in fixture["results"][mode].items()}
    loss, terms = total(MeshLossConfig(), answer, truth, counts(truth).clamp(min=1))
    assert float(loss) == pytest.approx(expected.pop("total_loss"), rel=1e-5)
    assert expected.pop("loss_shape") == 0  # of vertices: without weight in the reference
    assert {NAMES[name] for name in terms} == set(expected)
    for name, value in terms.items():
        assert float(value) == pytest.approx(expected[NAMES[name]], rel=1e-5)

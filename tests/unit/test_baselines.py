from dataclasses import replace

import numpy as np
import torch

from gsam.baselines import MeanPose, Ridge
from gsam.evaluation import evaluate, summary
from gsam.skeletons import H36M_17, mirror
from tests.synthetic_clips import training_clips


def test_the_mean_pose_is_the_mean_of_valid_frames(tmp_path) -> None:
    clips = training_clips(tmp_path)
    assert torch.allclose(MeanPose.fit(clips).pose, clips.targets.mean(0), atol=1e-6)
    valid = torch.zeros_like(clips.valid)
    valid[[3, 50]] = True
    fitted = MeanPose.fit(replace(clips, valid=valid))
    assert torch.allclose(fitted.pose, clips.targets[[3, 50]].mean(0), atol=1e-6)
    assert fitted(clips.keypoints[:5]).shape == (5, 17, 3)


def test_ridge_is_the_closed_form_solution(tmp_path) -> None:
    clips = training_clips(tmp_path)
    fitted = Ridge.fit(clips, penalty=0.1)
    points = torch.cat([clips.keypoints, mirror(clips.keypoints, H36M_17)]).flatten(1).double()
    poses = torch.cat([clips.targets, mirror(clips.targets, H36M_17)]).flatten(1).double()
    z = (points - points.mean(0)) / points.std(0, correction=0)
    y = poses - poses.mean(0)
    weight = np.linalg.solve(
        (z.T @ z / len(z)).numpy() + 0.1 * np.eye(34), (z.T @ y / len(z)).numpy()
    )
    np.testing.assert_allclose(fitted.weight.numpy(), weight, atol=1e-5)
    expected = (z @ torch.from_numpy(weight) + poses.mean(0))[: clips.num_frames]
    torch.testing.assert_close(
        fitted(clips.keypoints).flatten(1).double(), expected, atol=1e-5, rtol=0
    )


def test_ridge_mirrors_its_answer_with_its_input(tmp_path) -> None:
    clips = training_clips(tmp_path)
    fitted = Ridge.fit(clips)
    mirrored = mirror(fitted(mirror(clips.keypoints, H36M_17)), H36M_17)
    torch.testing.assert_close(mirrored, fitted(clips.keypoints), atol=1e-4, rtol=0)


def test_ridge_beats_the_mean_pose_even_with_dead_coordinates(tmp_path) -> None:
    clips = training_clips(tmp_path)
    clips.keypoints[:, 16] = 0.25  # a joint that the detector never finds
    errors = [
        summary(evaluate(kind.fit(clips), clips))["frame_mean"]["mpjpe_mm"]
        for kind in (Ridge, MeanPose)
    ]
    assert errors[0] < 0.7 * errors[1]

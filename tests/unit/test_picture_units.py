"""Answers in the picture's units become metres, given the camera and the root's true depth."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gsam.errors import DataError
from gsam.evaluation import evaluate, lifting, protocol_of, summary
from gsam.lifters.config import PICTURE
from gsam.lifters.lifter import Lifter
from gsam.lifters.picture_units import ScreenCamera, fit_camera, to_metres
from tests.synthetic_clips import training_clips

CAMERA = ScreenCamera(focal=2.3, centre_x=0.02, centre_y=-0.05)


def people(frames: int = 20) -> tuple[Tensor, Tensor]:
    """Joints (T, 17, 3) in the camera's frame and what the pinhole sees of them."""
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(frames, 17, 3, generator=generator, dtype=torch.float64) - 0.5
    joints += torch.tensor([0.3, -0.2, 5.0])
    joints += torch.rand(frames, 1, 3, generator=generator, dtype=torch.float64)
    centre = torch.tensor([CAMERA.centre_x, CAMERA.centre_y])
    return joints, CAMERA.focal * joints[..., :2] / joints[..., 2:] + centre


def answers_of(joints: Tensor, seen: Tensor, camera: ScreenCamera) -> Tensor:
    """The truth in the units of the picture, its depth from an origin of its own."""
    root = joints[:, :1, 2]
    depth = camera.focal * (joints[..., 2] - root) / root + 0.7
    return torch.cat([seen, depth[..., None]], dim=-1)


def test_the_camera_of_a_clip_is_found_and_the_truth_comes_back() -> None:
    joints, seen = people()
    camera = fit_camera(seen, joints)
    for name in ("focal", "centre_x", "centre_y"):
        assert getattr(camera, name) == pytest.approx(getattr(CAMERA, name), abs=1e-6)
    found = to_metres(answers_of(joints, seen, camera), joints[:, 0], camera)
    torch.testing.assert_close(found, joints - joints[:, :1], atol=1e-6, rtol=0)


def test_errors_of_a_detector_move_the_camera_little() -> None:
    joints, seen = people(200)
    noise = 0.01 * torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))
    camera = fit_camera(seen + noise, joints)
    assert camera.focal == pytest.approx(CAMERA.focal, rel=0.01)


def test_a_person_behind_the_camera_or_in_one_point_is_refused() -> None:
    joints, seen = people()
    with pytest.raises(DataError, match="behind the camera"):
        fit_camera(seen, joints - torch.tensor([0.0, 0.0, 9.0]))
    with pytest.raises(DataError, match="focal length"):
        fit_camera(-seen, joints)


class Oracle(Lifter):
    """Answers with the truth of one clip, in the picture's units."""

    joints, features, receptive_field, target_frame, answers_windows = 17, 2, 1, 0, True
    units = PICTURE

    def __init__(self, answers: Tensor) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, keypoints: Tensor) -> Tensor:
        return self.answers[:, None]


def test_such_a_lifter_is_scored_in_metres_and_the_protocol_says_how(tmp_path: Path) -> None:
    clips = training_clips(tmp_path / "clips")
    assert clips.roots is not None
    frames = clips.frames_of(0)
    joints = clips.targets[frames] + clips.roots[frames, None]
    camera = fit_camera(clips.keypoints[frames], joints)
    truth = Oracle(answers_of(joints, clips.keypoints[frames], camera))
    lift = lifting(truth, flip_test=False, batch_size=10**6)
    # The lens bends what a pinhole keeps straight: some millimetres, where metres would be wrong
    # by as much as the person is large.
    assert summary(evaluate(lift, clips, [0]))["frame_mean"]["mpjpe_mm"] < 10
    truth.units = "metres"
    assert summary(evaluate(lift, clips, [0]))["frame_mean"]["mpjpe_mm"] > 500
    truth.units = PICTURE
    with pytest.raises(DataError, match="without the root's place"):
        evaluate(lift, replace(clips, roots=None), [0])
    protocol = protocol_of(clips, "gt", flip_test=True, units=PICTURE)
    assert "true depth of the root" in protocol.alignment

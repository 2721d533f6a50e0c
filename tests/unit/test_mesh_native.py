"""Joints projected by the camera that explains the labelled ones."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.meshes.native import project_like

numbers = st.floats(-3, 3, allow_nan=False)


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 4), x=numbers, y=numbers)
@settings(max_examples=40, deadline=None)
def test_a_weak_perspective_camera_is_found_again(
    seed: int, scale: float, x: float, y: float
) -> None:
    chance = np.random.default_rng(seed)
    joints, known = (torch.from_numpy(chance.normal(size=(2, n, 3))) for n in (24, 10))
    offset = torch.tensor([x, y], dtype=torch.float64)
    seen = scale * known[..., :2] + offset
    confidence = torch.from_numpy(chance.random((2, 10, 1)) + 0.1)
    lost = torch.cat([torch.ones(2, 3, 1), torch.zeros(2, 7, 1)], dim=1).bool()
    keypoints = torch.cat([seen.masked_fill(lost, 50.0), confidence * ~lost], dim=-1)
    found = project_like(joints, known, keypoints)
    torch.testing.assert_close(found[..., :2], scale * joints[..., :2] + offset)
    assert (found[..., 2] == 1).all()


def test_joints_of_people_without_two_known_ones_have_no_confidence() -> None:
    known = torch.tensor([[0.0, 0, 0], [0, 1, 0], [1, 0, 0]]).expand(3, 3, 3)
    confidence = torch.tensor([[0.0, 0, 0], [0, 1, 0], [1, 1, 0]])[..., None]
    found = project_like(known, known, torch.cat([known[..., :2], confidence], dim=-1))
    assert found[..., 2].tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    assert bool(found.isfinite().all())

"""Training losses: agreement with the metrics, gradients at difficult points, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.metrics import losses, pose
from gsam.skeletons import H36M_17, mirror

PAIRED = (
    losses.mpjpe,
    losses.n_mpjpe,
    losses.velocity,
    losses.limb_error,
    losses.angle_error,
    losses.angle_velocity_error,
    losses.coordinate_error,
    losses.motionbert,
    losses.mixste,
)
SINGLE = (losses.limb_variance, losses.symmetry_penalty, losses.bone_consistency)


def _pair(seed, frames=5):
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((2, frames, 17, 3))
    pred = target + 0.1 * rng.standard_normal(target.shape)
    return torch.tensor(pred).requires_grad_(), torch.tensor(target)


@given(st.integers(0, 2**32 - 1))
def test_losses_are_the_metrics(seed):
    pred, target = _pair(seed)
    p, t = pred.detach().numpy(), target.numpy()
    assert losses.mpjpe(pred, target).item() == pytest.approx(pose.mpjpe(p, t))
    assert losses.n_mpjpe(pred, target).item() == pytest.approx(pose.n_mpjpe(p, t))
    expected = np.mean([pose.mpjve(a, b) for a, b in zip(p, t, strict=True)])
    assert losses.velocity(pred, target).item() == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1))
def test_losses_do_not_know_left_from_right(seed):
    pred, target = _pair(seed)
    flipped = mirror(pred, H36M_17), mirror(target, H36M_17)
    # MotionBERT's angle list is not symmetric (one shoulder only), so angles are left out.
    for loss in (losses.mpjpe, losses.n_mpjpe, losses.mixste, losses.limb_error):
        torch.testing.assert_close(loss(*flipped), loss(pred, target))
    for single in SINGLE:
        torch.testing.assert_close(single(flipped[0]), single(pred))


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize("frames", [1, 5])
def test_a_loss_is_zero_at_the_target_and_has_finite_gradients(loss, frames):
    pred, target = _pair(0, frames)
    value = loss(pred, target)
    value.backward()
    assert value.shape == () and torch.isfinite(pred.grad).all()
    same = target.clone().requires_grad_()
    value = loss(same, target)
    value.backward()
    assert torch.isfinite(same.grad).all()
    if loss is not losses.mixste:  # its consistency term punishes any motion
        assert value.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", [*PAIRED, *SINGLE])
def test_a_network_that_starts_at_zero_can_learn(loss):
    _, target = _pair(1)
    zero = torch.zeros_like(target).requires_grad_()
    value = loss(zero) if loss in SINGLE else loss(zero, target)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(zero.grad).all()


def test_straight_and_folded_limbs_keep_finite_gradients():
    straight = torch.zeros(1, 2, 17, 3, dtype=torch.float64)
    straight[..., 1] = torch.arange(17.0, dtype=torch.float64)
    straight.requires_grad_()
    losses.angle_error(straight, _pair(2, 2)[1][:1]).backward()
    assert torch.isfinite(straight.grad).all()


def test_penalties_by_hand():
    still = torch.zeros(1, 3, 17, 3)
    still[:, :, H36M_17.index("left_wrist"), 0] = 0.3
    # One of six pairs differs by 0.3; nothing moves; limbs keep their length.
    assert losses.symmetry_penalty(still).item() == pytest.approx(0.01 * 0.3)
    assert losses.bone_consistency(still).item() == 0
    assert losses.limb_variance(still).item() == 0


def test_joint_weights_by_name():
    weights = losses.mixste_weights(torch.zeros(1, dtype=torch.float64)).tolist()
    expected = [1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4]
    assert weights == expected


@pytest.mark.parametrize("loss", PAIRED)
def test_unequal_shapes(loss):
    pred, target = _pair(3)
    with pytest.raises(DataError, match="expected equal shapes"):
        loss(pred[:, :1], target)

"""Training losses on torch tensors, as PoseFormer, VideoPose3D, MotionBERT and MixSTE define them.

Poses are (..., J, 3) and sequences (B, T, J, 3), in metres; losses are scalars that can be
differentiated. Sources: common/loss.py of VideoPose3D and PoseFormer, lib/model/loss.py of
MotionBERT, common/loss.py and run.py of MixSTE.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from gsam.errors import DataError
from gsam.skeletons import H36M_17, Skeleton

# MixSTE's weight per joint: 1 unless the joint is named here (without its side).
MIXSTE_WEIGHTS: Mapping[str, float] = {
    "knee": 2.5,
    "ankle": 2.5,
    "head_top": 1.5,
    "shoulder": 1.5,
    "elbow": 4.0,
    "wrist": 4.0,
}
MIXSTE_CONSISTENCY, MIXSTE_VELOCITY = 0.5, 2.0
MIXSTE_PENALTY = 0.01
# MotionBERT's pretraining: position + 0.5 scale-free position + 20 velocity.
MOTIONBERT_SCALE, MOTIONBERT_VELOCITY = 0.5, 20.0
# MotionBERT's 18 angles, each between the bones that end in the two joints named.
ANGLES = (
    ("right_hip", "left_hip"),
    ("right_hip", "spine"),
    ("left_hip", "spine"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("spine", "thorax"),
    ("thorax", "left_shoulder"),
    ("thorax", "right_shoulder"),
    ("nose", "right_shoulder"),
    ("left_shoulder", "right_shoulder"),
    ("thorax", "nose"),
    ("nose", "head_top"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
)


def _check(pred: Tensor, target: Tensor) -> None:
    if pred.shape != target.shape:
        shapes = f"{tuple(pred.shape)} against {tuple(target.shape)}"
        raise DataError(f"prediction and target of shapes {shapes}: expected equal shapes")


def mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance over everything."""
    _check(pred, target)
    return torch.linalg.vector_norm(pred - target, dim=-1).mean()


def weighted_mpjpe(pred: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight times distance; ``weight`` must broadcast against (..., J)."""
    _check(pred, target)
    return (weight * torch.linalg.vector_norm(pred - target, dim=-1)).mean()


def n_mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """MPJPE after the best scale of every pose, <t, p> / <p, p>; a zero prediction stays zero."""
    _check(pred, target)
    power = pred.square().sum(dim=(-2, -1), keepdim=True)
    product = (pred * target).sum(dim=(-2, -1), keepdim=True)
    scale = product / torch.where(power > 0, power, torch.ones_like(power))
    return mpjpe(scale * pred, target)


def velocity(pred: Tensor, target: Tensor, frame_axis: int = -3) -> Tensor:
    """Mean distance between first differences along the frame axis; 0 for a single frame."""
    _check(pred, target)
    if pred.shape[frame_axis] < 2:
        return (pred * 0).sum()
    return mpjpe(pred.diff(dim=frame_axis), target.diff(dim=frame_axis))


def bone_vectors(poses: Tensor, skeleton: Skeleton = H36M_17) -> Tensor:
    """Child minus parent for every bone: (..., J, C) -> (..., J - 1, C), ordered by child."""
    parents, children = zip(*skeleton.bones, strict=True)
    return poses[..., list(children), :] - poses[..., list(parents), :]


def limb_lengths(poses: Tensor, skeleton: Skeleton = H36M_17) -> Tensor:
    """Length of every bone (..., J - 1), ordered by child."""
    return torch.linalg.vector_norm(bone_vectors(poses, skeleton), dim=-1)


def limb_variance(pred: Tensor) -> Tensor:
    """Mean unbiased variance over frames of the limb lengths of (B, T, J, 3); 0 for one frame."""
    if pred.shape[-3] < 2:
        return (pred * 0).sum()
    return limb_lengths(pred).var(dim=-2, unbiased=True).mean()


def limb_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of limb lengths."""
    _check(pred, target)
    return (limb_lengths(pred) - limb_lengths(target)).abs().mean()


def angles(poses: Tensor) -> Tensor:
    """MotionBERT's joint angles (..., 18) of Human3.6M-17 poses, radians.

    The cosine is clamped to +-(1 - 1e-7), so straight limbs keep a finite gradient.
    """
    bones = torch.nn.functional.normalize(bone_vectors(poses, H36M_17), dim=-1)
    row = {H36M_17.joints[child]: i for i, (_, child) in enumerate(H36M_17.bones)}
    first, second = ([row[pair[side]] for pair in ANGLES] for side in (0, 1))
    cosine = (bones[..., first, :] * bones[..., second, :]).sum(dim=-1)
    return torch.acos(cosine.clamp(-1 + 1e-7, 1 - 1e-7))


def angle_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of joint angles, radians."""
    _check(pred, target)
    return (angles(pred) - angles(target)).abs().mean()


def angle_velocity_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the frame-to-frame change of angles; 0 for one frame."""
    _check(pred, target)
    if pred.shape[-3] < 2:
        return (pred * 0).sum()
    return (angles(pred).diff(dim=-2) - angles(target).diff(dim=-2)).abs().mean()


def weighted_2d(pred: Tensor, target: Tensor, confidence: Tensor) -> Tensor:
    """Mean distance of x and y, differences multiplied by confidence (..., J, 1)."""
    _check(pred, target)
    return torch.linalg.vector_norm((pred - target)[..., :2] * confidence, dim=-1).mean()


def coordinate_error(pred: Tensor, target: Tensor) -> Tensor:
    """Mean absolute coordinate difference (MotionBERT's loss_joint)."""
    _check(pred, target)
    return (pred - target).abs().mean()


def motionbert(pred: Tensor, target: Tensor) -> Tensor:
    """MotionBERT's 3D pretraining loss with its published weights."""
    return (
        mpjpe(pred, target)
        + MOTIONBERT_SCALE * n_mpjpe(pred, target)
        + MOTIONBERT_VELOCITY * velocity(pred, target)
    )


def mixste_weights(like: Tensor, skeleton: Skeleton = H36M_17) -> Tensor:
    """MixSTE's weight of every joint (J,), with the dtype and device of ``like``."""
    parts = (joint.removeprefix("left_").removeprefix("right_") for joint in skeleton.joints)
    weights = [MIXSTE_WEIGHTS.get(part, 1.0) for part in parts]
    return torch.tensor(weights, dtype=like.dtype, device=like.device)


def temporal_consistency(pred: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight (J,) times the squared frame difference of (B, T, J, C); 0 for one frame."""
    if pred.shape[-3] < 2:
        return (pred * 0).sum()
    return (weight[:, None] * pred.diff(dim=-3).square()).mean()


def mixste(pred: Tensor, target: Tensor) -> Tensor:
    """MixSTE's training loss over (B, T, J, 3).

    The reference back-propagates this value with itself as upstream gradient; to reproduce its
    gradients call ``loss.backward(loss.detach())``.
    """
    weight = mixste_weights(pred)
    return (
        weighted_mpjpe(pred, target, weight)
        + MIXSTE_CONSISTENCY * temporal_consistency(pred, weight)
        + MIXSTE_VELOCITY * velocity(pred, target)
    )


def symmetry_penalty(pred: Tensor, skeleton: Skeleton = H36M_17) -> Tensor:
    """0.01 times the sum over left/right bone pairs of the mean length difference."""
    lengths = limb_lengths(pred, skeleton)
    row = {child: i for i, (_, child) in enumerate(skeleton.bones)}
    left, right = ([row[joint] for joint in side] for side in (skeleton.left, skeleton.right))
    difference = (lengths[..., left] - lengths[..., right]).abs()
    return MIXSTE_PENALTY * difference.reshape(-1, len(left)).mean(dim=0).sum()


def bone_consistency(pred: Tensor, skeleton: Skeleton = H36M_17) -> Tensor:
    """0.01 times the sum over bones of the mean change of the bone vector between frames."""
    if pred.shape[-3] < 2:
        return (pred * 0).sum()
    change = torch.linalg.vector_norm(bone_vectors(pred, skeleton).diff(dim=-3), dim=-1)
    return MIXSTE_PENALTY * change.reshape(-1, change.shape[-1]).mean(dim=0).sum()


def bone_length_error(pred: Tensor, target: Tensor) -> Tensor:
    """PoseFormer's weighted bone loss: 0.001 times the mean squared length error."""
    _check(pred, target)
    return 0.001 * (pred - target).square().mean()


def bone_ratio_error(pred: Tensor, target: Tensor) -> Tensor:
    """PoseFormer's bone ratio loss: 0.1 times the mean squared relative length error."""
    _check(pred, target)
    return 0.1 * ((pred - target) / target).square().mean()

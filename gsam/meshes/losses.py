"""PARE's losses on body parameters, joints and part maps; each annotation counts where it exists.

Every term is a loss per sample and a weight per sample: its value for a batch is the weighted mean
over all samples of the batch, so that processes which each hold some of them add up to the same.
Source: Kocabas et al. 2021 (PARE), section 3.3; weights of its public training code.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gsam.body.angle_prior import joint_angle_prior
from gsam.body.joints import OPENPOSE_JOINTS
from gsam.meshes.augment import NO_PART

__all__ = [
    "PART_CLASSES",
    "TERMS",
    "MeshLossConfig",
    "MeshTruth",
    "Prediction",
    "counts",
    "total",
]

PART_CLASSES = 25
HIPS = (2, 3)
"""Right and left hip among the last 24 joints, whose middle is the origin of the 3D loss."""
CAMERA_SLOPE = 10.0
NATIVE_LIMIT = 10.0
"""Mean squared error from which the part branch's own joints are left alone for the step."""

TERMS = (
    "keypoints",
    "keypoints3d",
    "pose",
    "shape",
    "camera",
    "parts",
    "native",
    "angle_prior",
)


@dataclass(frozen=True, kw_only=True)
class MeshLossConfig:
    """Weights of the terms; by default PARE's, and no prior on joint angles."""

    keypoints: float = 5.0
    """Squared error of projected joints, in half crops."""
    keypoints3d: float = 5.0
    """Squared error of joints about the middle of the hips, m^2."""
    pose: float = 1.0
    """Squared error of rotation matrices, where SMPL is annotated."""
    shape: float = 0.001
    """Squared error of shape coefficients, where SMPL is annotated."""
    camera: float = 1.0
    """Against cameras of no or negative scale."""
    parts: float = 1.0
    """Cross entropy of the part maps, where SMPL is annotated."""
    native: float = 5.0
    """Squared error of the part branch's own joints, of networks that have them."""
    angle_prior: float = 0.0
    """Against elbows, knees and twists that no human has."""
    openpose_weight: float = 0.0
    """Of the first 25 joints' confidence."""
    gt_weight: float = 1.0
    """Of the last 24 joints' confidence."""
    total: float = 60.0
    """Of the sum of all terms."""

    def problems(self) -> list[str]:
        """Impossible values, beyond types."""
        return [
            f"{field.name} = {getattr(self, field.name)}: expected a number of 0 or more"
            for field in fields(self)
            if not 0 <= getattr(self, field.name) < float("inf")
        ]


class MeshTruth(NamedTuple):
    """What is known of a batch; float32 but for `parts`.

    keypoints (B, 49, 3): x, y with the crop as [-1, 1], confidence. joints (B, 24, 4): m, any
    origin, confidence. rotations (B, 24, 3, 3), joint 0 in the camera's frame. shape (B, 10).
    has_smpl, has_3d, counted (B,): 1 or 0; nothing of a sample counts that is not `counted`.
    parts (B, M, M) int64 or None: 0 background, 1 .. 24, `NO_PART`. native (B, 24, 3) or None: the
    joints of SMPL's skeleton, otherwise as keypoints. pose_weight (B, 24) or None.
    """

    keypoints: Tensor
    joints: Tensor
    rotations: Tensor
    shape: Tensor
    has_smpl: Tensor
    has_3d: Tensor
    counted: Tensor
    parts: Tensor | None = None
    native: Tensor | None = None
    pose_weight: Tensor | None = None


class Prediction(NamedTuple):
    """An answer and what follows from it: rotations (B, 24, 3, 3), shape (B, 10), camera (B, 3),
    joints (B, 49, 3) in metres, projected (B, 49, 2) with the crop as [-1, 1], parts (B, 25, h, w)
    logits or None, native (B, 24, 2) or None."""

    rotations: Tensor
    shape: Tensor
    camera: Tensor
    joints: Tensor
    projected: Tensor
    parts: Tensor | None = None
    native: Tensor | None = None


def counts(truth: MeshTruth) -> Tensor:
    """What each term's sum is divided by (len(TERMS),), float64: samples, or pixels of `parts`."""
    return torch.stack([weight.sum(dtype=torch.float64) for weight in _weights(truth).values()])


def total(
    config: MeshLossConfig, answer: Prediction, truth: MeshTruth, divisors: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of these samples as part of a batch, and its weighted terms (before `total`).

    Args:
        divisors: `counts` of the whole batch (len(TERMS),), no less than 1.

    Returns:
        A scalar to be differentiated; those of all parts of a batch add up to its loss.
    """
    weights = _weights(truth)
    found = {}
    for name, losses in _terms(config, answer, truth).items():
        mean = (losses * weights[name]).sum() / divisors[TERMS.index(name)].to(losses.dtype)
        found[name] = getattr(config, name) * mean
    return config.total * torch.stack(list(found.values())).sum(), found


def _weights(truth: MeshTruth) -> dict[str, Tensor]:
    """What every sample (B,) counts in every term."""
    all_, smpl = truth.counted, truth.counted * truth.has_smpl
    none = torch.zeros_like(all_)
    labelled = none if truth.parts is None else (truth.parts != NO_PART).flatten(1).sum(dim=1)
    return {
        "keypoints": all_,
        "keypoints3d": all_ * truth.has_3d,
        "pose": smpl,
        "shape": smpl,
        "camera": all_,
        "parts": smpl * labelled,
        "native": all_,
        "angle_prior": all_,
    }


def _terms(config: MeshLossConfig, answer: Prediction, truth: MeshTruth) -> dict[str, Tensor]:
    """The loss of every sample (B,) in every term that is asked for and can be computed."""
    found = {
        "keypoints": _keypoints(config, answer.projected, truth.keypoints),
        "keypoints3d": _keypoints3d(answer.joints[:, OPENPOSE_JOINTS:], truth.joints),
        "pose": _pose(answer.rotations, truth),
        "shape": (answer.shape - truth.shape).square().mean(dim=1),
        "camera": torch.exp(-2 * CAMERA_SLOPE * answer.camera[:, 0]),
    }
    if answer.parts is not None and truth.parts is not None:
        found["parts"] = _parts(answer.parts, truth.parts)
    if answer.native is not None and truth.native is not None:
        found["native"] = _native(answer.native, truth.native, truth.counted)
    if config.angle_prior:
        found["angle_prior"] = joint_angle_prior(answer.rotations)
    return found


def _keypoints(config: MeshLossConfig, projected: Tensor, truth: Tensor) -> Tensor:
    confidence = torch.cat(
        [
            config.openpose_weight * truth[:, :OPENPOSE_JOINTS, 2:],
            config.gt_weight * truth[:, OPENPOSE_JOINTS:, 2:],
        ],
        dim=1,
    )
    return (confidence * (projected - truth[..., :2]).square()).mean(dim=(1, 2))


def _keypoints3d(joints: Tensor, truth: Tensor) -> Tensor:
    difference = _centred(joints) - _centred(truth[..., :3])
    return (truth[..., 3:] * difference.square()).mean(dim=(1, 2))


def _centred(joints: Tensor) -> Tensor:
    return joints - joints[:, HIPS].mean(dim=1, keepdim=True)


def _pose(rotations: Tensor, truth: MeshTruth) -> Tensor:
    per_joint = (rotations - truth.rotations).square().mean(dim=(2, 3))
    if truth.pose_weight is not None:
        per_joint = truth.pose_weight * per_joint
    return per_joint.mean(dim=1)


def _parts(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over a sample's labelled pixels, at the labels' resolution."""
    if logits.shape[2:] != labels.shape[1:]:
        logits = F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=True)
    per_pixel = F.cross_entropy(logits, labels, ignore_index=NO_PART, reduction="none")
    labelled = (labels != NO_PART).flatten(1).sum(dim=1)
    return per_pixel.flatten(1).sum(dim=1) / labelled.clamp(min=1)


def _native(points: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    losses = (truth[..., 2:] * (points - truth[..., :2]).square()).mean(dim=(1, 2))
    mean = (losses * counted).sum() / counted.sum().clamp(min=1)
    return torch.where(mean < NATIVE_LIMIT, losses, torch.zeros_like(losses))

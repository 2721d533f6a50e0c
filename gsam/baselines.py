"""What any lifter must beat: the mean pose, and ridge regression from one frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gsam.clips import ClipSet
from gsam.skeletons import H36M_17

__all__ = ["MeanPose", "Ridge"]

RIDGE_PENALTY = 1e-4
"""On squared weights of standardised coordinates, beside the mean squared error over frames."""

_FRAMES_AT_ONCE = 65_536


@dataclass(frozen=True)
class MeanPose:
    """Always the mean pose of the training clips; pose (J, 3) metres."""

    pose: torch.Tensor

    @classmethod
    def fit(cls, clips: ClipSet) -> MeanPose:
        """Mean over all valid frames."""
        return cls(clips.targets[clips.valid].double().mean(dim=0).float())

    def __call__(self, keypoints: torch.Tensor) -> torch.Tensor:
        """(T, J, 2) -> (T, J, 3)."""
        return self.pose.expand(len(keypoints), *self.pose.shape)


@dataclass(frozen=True)
class Ridge:
    """A linear map from one frame's standardised 2D coordinates, in closed form.

    mean, scale (2J,); weight (2J, 3J) and bias (3J,) in metres.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor

    @classmethod
    def fit(cls, clips: ClipSet, penalty: float = RIDGE_PENALTY) -> Ridge:
        """Minimise mean |y - b - W z|^2 + penalty |W|^2 over valid frames and their mirror images.

        The bias is not penalised. Normal equations are summed in float64, some frames at a time.
        """
        size = 2 * clips.joints
        count, sums, products = 0, None, None
        for start in range(0, clips.num_frames, _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            valid = clips.valid[part]
            rows = _rows(clips.keypoints[part][valid], clips.targets[part][valid])
            count += len(rows)
            sums = rows.sum(0) if sums is None else sums + rows.sum(0)
            products = rows.T @ rows if products is None else products + rows.T @ rows
        assert sums is not None and products is not None
        means = sums / count
        covariance = products / count - torch.outer(means, means)
        # A coordinate that never changes says nothing; one keeps its division harmless.
        spread = covariance.diagonal()[:size].clamp(min=0).sqrt()
        scale = torch.where(spread > 1e-9, spread, torch.ones_like(spread))
        inputs = covariance[:size, :size] / torch.outer(scale, scale)
        outputs = covariance[:size, size:] / scale[:, None]
        weight = torch.linalg.solve(inputs + penalty * torch.eye(size, dtype=rows.dtype), outputs)
        return cls(means[:size].float(), scale.float(), weight.float(), means[size:].float())

    def __call__(self, keypoints: torch.Tensor) -> torch.Tensor:
        """(T, J, 2) -> (T, J, 3)."""
        standardised = (keypoints.flatten(1) - self.mean) / self.scale
        return (standardised @ self.weight + self.bias).unflatten(1, (-1, 3))


def _rows(keypoints: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Coordinates of frames and of their mirror images, 2D then 3D: (2N, 5J) float64."""
    swap = list(H36M_17.mirror_permutation)
    flip2, flip3 = torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0, 1.0])
    points = torch.cat([keypoints, keypoints[:, swap] * flip2]).flatten(1)
    poses = torch.cat([targets, targets[:, swap] * flip3]).flatten(1)
    return torch.cat([points, poses], dim=1).double()

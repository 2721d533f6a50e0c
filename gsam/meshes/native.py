"""Where the joints of SMPL's skeleton are in a crop whose other joints are labelled.

Networks that read a place per body part off their maps are told those places. Labels in images are
of SPIN's joints, so the skeleton's are projected by the camera that explains those best.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["project_like"]

LEAST_JOINTS = 2


def project_like(joints: Tensor, known: Tensor, keypoints: Tensor) -> Tensor:
    """Project joints by the weak-perspective camera that the same body's other joints were seen by.

    The camera, one scale and an offset, is the least-squares one between `known` and `keypoints`,
    weighted by confidence (SPIN estimates a translation likewise).

    Args:
        joints: (B, J, 3) to be projected; known: (B, K, 3) of the same body; metres, x right,
            y down.
        keypoints: (B, K, 3), where those are seen: x, y and confidence.

    Returns:
        (B, J, 3): x, y and confidence; this is 0 where fewer than two joints are known.
    """
    weight = keypoints[..., 2:]
    mass = weight.sum(dim=1, keepdim=True)
    some = mass.clamp(min=torch.finfo(mass.dtype).tiny)
    middle = (weight * known[..., :2]).sum(dim=1, keepdim=True) / some
    target = (weight * keypoints[..., :2]).sum(dim=1, keepdim=True) / some
    offsets = known[..., :2] - middle
    product = (weight * offsets * (keypoints[..., :2] - target)).sum(dim=(1, 2), keepdim=True)
    spread = (weight * offsets.square()).sum(dim=(1, 2), keepdim=True)
    scale = product / spread.clamp(min=torch.finfo(spread.dtype).eps)
    points = target + scale * (joints[..., :2] - middle)
    enough = ((weight > 0).sum(dim=1, keepdim=True) >= LEAST_JOINTS) & (scale > 0)
    return torch.cat([points, enough.to(points.dtype).expand(-1, points.shape[1], -1)], dim=-1)

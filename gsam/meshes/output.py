"""What every mesh regressor answers."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["MeshOutput"]


class MeshOutput(NamedTuple):
    """SMPL's parameters and a camera for B crops, and the maps they were read by.

    rotations: (B, 24, 3, 3), relative to the parents; joint 0 is the root in the camera's frame.
    shape: (B, 10) betas. camera: (B, 3), weak perspective (s, tx, ty), see gsam.weak_perspective.
    parts: the part branch's logits, (B, 25, h, w) with the background first, or (B, 24, h, w); as
    the branch answers them, before any self-attention. None without part branch.
    attention: (B, 24, h, w) weights by which features were read, each map's sum is 1; or None.
    keypoints: (B, 24, 2), x and y in [-1, 1] (centres of the outermost cells), where features were
    read in softargmax mode; or None.
    """

    rotations: Tensor
    shape: Tensor
    camera: Tensor
    parts: Tensor | None
    attention: Tensor | None
    keypoints: Tensor | None

"""Answers in the picture's units, as MotionBERT's published weights give them, brought to metres.

Such a lifter answers where a joint is seen, in the normalised screen coordinates of its input, and
how much farther than the root it is, in the same unit: at the root's depth, one metre along the
axis is as many screen units as one metre across. To say metres one must know the camera and how far
the root is: a 2.5D answer. Its authors' evaluation takes both from the truth, and so does this.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gsam.errors import DataError

__all__ = ["ScreenCamera", "fit_camera", "to_metres"]


@dataclass(frozen=True)
class ScreenCamera:
    """A pinhole in normalised screen coordinates: x = focal X / Z + centre_x, y likewise."""

    focal: float
    centre_x: float
    centre_y: float


def fit_camera(keypoints: Tensor, joints: Tensor) -> ScreenCamera:
    """The pinhole that explains what one clip shows, by least squares over its frames and joints.

    Args:
        keypoints: (T, J, 2) or more numbers per joint, normalised screen coordinates, detected or
            true: errors of detectors cancel over a clip, and so does most of a lens' distortion.
        joints: (T, J, 3) metres, camera frame (x right, y down, z forward), not root-relative.

    Raises:
        DataError: a joint is not in front of the camera, or all are seen in one place.
    """
    points, places = keypoints[..., :2].double(), joints.double()
    if not bool((places[..., 2] > 0).all()):
        raise DataError("a joint lies behind the camera, expected every depth to be above 0")
    rays = (places[..., :2] / places[..., 2:]).flatten(0, 1)
    points = points.flatten(0, 1)
    spread, seen = rays - rays.mean(0), points - points.mean(0)
    power = float((spread * spread).sum())
    focal = float((spread * seen).sum()) / power if power > 0 else 0.0
    if not focal > 0:
        raise DataError(f"2D and 3D fit a camera of focal length {focal:.3g}, expected above 0")
    centre = points.mean(0) - focal * rays.mean(0)
    return ScreenCamera(focal, float(centre[0]), float(centre[1]))


def to_metres(answers: Tensor, roots: Tensor, camera: ScreenCamera, root: int = 0) -> Tensor:
    """Root-relative joints (T, J, 3) in metres from answers (T, J, 3) in the picture's units.

    Args:
        answers: x and y in normalised screen coordinates, z in the same unit from any origin.
        roots: (T, 3) the root's true place in the camera's frame, metres; only its depth is used.
        camera: the clip's.
        root: row of the root joint.
    """
    values, depth = answers.double(), roots[:, None, 2].double()
    behind = values[..., 2] - values[:, root : root + 1, 2]
    z = depth + behind * depth / camera.focal
    x = (values[..., 0] - camera.centre_x) * z / camera.focal
    y = (values[..., 1] - camera.centre_y) * z / camera.focal
    placed = torch.stack([x, y, z], dim=-1)
    return (placed - placed[:, root : root + 1]).to(answers.dtype)

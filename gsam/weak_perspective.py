"""Weak-perspective cameras (s, tx, ty) of mesh regressors and their full-perspective form.

A regressor that sees a square crop predicts a scale s and an offset (tx, ty) in metres; with an
assumed focal length they are a translation X_cam = X + t. Tensors, differentiable; metres and
pixels. Source: PARE, pare/utils/geometry.py and pare/models/head/smpl_cam_head.py.
"""

import torch
from torch import Tensor

CROP_FOCAL = 5000.0
CROP_SIZE = 224


def weak_to_translation(
    weak: Tensor, focal: float = CROP_FOCAL, crop_size: float = CROP_SIZE
) -> Tensor:
    """Translation (..., 3), metres, in the frame of the crop's camera, of weak cameras (..., 3).

    Depth is 2 f / (size s + 1e-9): a scale of zero is far away instead of infinite.
    """
    s, tx, ty = weak.unbind(dim=-1)
    return torch.stack([tx, ty, 2 * focal / (crop_size * s + 1e-9)], dim=-1)


def translation_to_weak(
    translation: Tensor, focal: float = CROP_FOCAL, crop_size: float = CROP_SIZE
) -> Tensor:
    """Weak cameras (..., 3) of translations (..., 3); undoes :func:`weak_to_translation`."""
    tx, ty, depth = translation.unbind(dim=-1)
    return torch.stack([2 * focal / (crop_size * depth + 1e-9), tx, ty], dim=-1)


def full_image_translation(
    weak: Tensor, box_height: Tensor, box_centre: Tensor, image_size: Tensor, focal: Tensor
) -> Tensor:
    """Translation (..., 3) in the frame of the whole image's camera.

    ``weak`` (..., 3) was predicted on a square box of height ``box_height`` (...) around
    ``box_centre`` (..., 2), pixels; ``image_size`` (..., 2) is width and height, ``focal`` (...)
    the focal length in pixels of a camera whose principal point is the image centre.
    """
    s, offset = weak[..., 0], weak[..., 1:]
    pixels = (s * box_height)[..., None]
    shift = 2 * (box_centre - image_size / 2) / pixels
    return torch.cat([offset + shift, 2 * focal[..., None] / pixels], dim=-1)


def project_perspective(
    points: Tensor, translation: Tensor, focal: Tensor | float, centre: Tensor | float = 0.0
) -> Tensor:
    """Pixels (..., N, 2) of points (..., N, 3) moved by ``translation`` (..., 3), no distortion.

    ``focal`` is a number or (..., 1, 1), ``centre`` the principal point, a number or (..., 1, 2).
    """
    moved = points + translation[..., None, :]
    return focal * (moved[..., :2] / moved[..., 2:]) + centre


def fit_translation(
    points: Tensor,
    pixels: Tensor,
    confidence: Tensor,
    focal: float = CROP_FOCAL,
    centre: float = CROP_SIZE / 2,
) -> Tensor:
    """Translation (..., 3) that brings ``points`` (..., N, 3) closest to ``pixels`` (..., N, 2).

    Least squares of f (X + t_x) = (u - c) (Z + t_z) and likewise for y, linear in the translation
    and weighted by ``confidence`` (..., N); ``focal`` and ``centre`` are those of a square crop's
    camera. Computed in float64. Needs two points of positive confidence in different places, else
    torch raises LinAlgError.
    Source: SPIN and PARE, utils/geometry.py, estimate_translation.
    """
    points, offsets, confidence = points.double(), pixels.double() - centre, confidence.double()
    rows = torch.zeros(*offsets.shape, 3, dtype=offsets.dtype, device=offsets.device)
    rows[..., 0, 0] = rows[..., 1, 1] = focal
    rows[..., 2] = -offsets
    wanted = offsets * points[..., 2:] - focal * points[..., :2]
    weighted = rows * confidence[..., None, None]
    normal = torch.einsum("...nki,...nkj->...ij", weighted, rows)
    return torch.linalg.solve(normal, torch.einsum("...nki,...nk->...i", weighted, wanted))

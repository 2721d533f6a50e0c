"""Rotation conversions of the body model: matrices act on column vectors, angles in radians."""

import torch
from torch import Tensor
from torch.nn import functional

SHIFT = 1e-8  # the reference adds it to every component before taking the norm
TINY = 1e-12  # keeps the one vector whose shifted norm is exactly zero finite


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula as SMPL's reference implementation evaluates it.

    The angle is the norm of the vector with `SHIFT` added to each component and the axis is the
    un-shifted vector divided by that angle, so a zero vector gives the identity without a branch.

    Args:
        axis_angle: (..., 3).

    Returns:
        (..., 3, 3) rotation matrices of the same dtype.

    Source: Loper et al. 2015, eq. 1, with the numerical device of the public smplx code.
    """
    angle = (axis_angle + SHIFT).norm(dim=-1, keepdim=True).clamp_min(TINY)
    x, y, z = (axis_angle / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3))
    angle = angle[..., None]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Axis times angle in [0, pi] of rotation matrices (..., 3, 3); stable at zero and at half
    turns.

    Returns:
        (..., 3) radians.
    """
    # Imported on use: roma pulls in torch's compiler front end (over a second), which a forward
    # pass never needs.
    import roma

    return roma.rotmat_to_rotvec(matrix)


def rot6d_to_matrix(rot6d: Tensor) -> Tensor:
    """Rotations of PARE's six numbers: the first two columns, row by row, made orthonormal.

    The numbers are read as a (3, 2) matrix, so column 1 is elements 0, 2, 4. Gram-Schmidt divides
    by norms of at least `TINY`: six zeros give a zero matrix instead of NaN.

    Args:
        rot6d: (..., 6).

    Returns:
        (..., 3, 3) of the same dtype, differentiable.

    Source: Zhou et al. 2019, section 4; PARE, pare/utils/geometry.py.
    """
    first, second = rot6d.unflatten(-1, (3, 2)).unbind(-1)
    first = functional.normalize(first, dim=-1, eps=TINY)
    along = (first * second).sum(dim=-1, keepdim=True)
    second = functional.normalize(second - along * first, dim=-1, eps=TINY)
    # The reference leaves out the dimension of the cross product, which for three rotations
    # takes it along the wrong axis.
    third = torch.linalg.cross(first, second, dim=-1)
    return torch.stack((first, second, third), dim=-1)


def matrix_to_rot6d(matrix: Tensor) -> Tensor:
    """The first two columns of rotations (..., 3, 3), row by row: (..., 6)."""
    return matrix[..., :2].flatten(-2)

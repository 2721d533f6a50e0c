"""What any mesh regressor must beat: the mean pose and shape, whatever the picture shows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gsam.body.mean_params import MeanParams
from gsam.body.rotations import rot6d_to_matrix
from gsam.body.smpl import SmplBody
from gsam.meshes.inference import Regressed, pose_body

__all__ = ["mean_body"]


def mean_body(mean: MeanParams, body: SmplBody) -> Regressed:
    """The one body (B = 1) of the mean parameters, on the body's device.

    Raises:
        DataError: the body has no `J_regressor_h36m`.
    """
    device = body.v_template.device
    rotations = rot6d_to_matrix(_row(mean.pose, device).unflatten(1, (24, 6)))
    shape = _row(mean.shape, device)
    vertices, joints = pose_body(body, shape, rotations)
    return Regressed(rotations, shape, _row(mean.cam, device), vertices, joints)


def _row(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(values)[None].to(device)

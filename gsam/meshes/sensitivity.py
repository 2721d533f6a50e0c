"""Where a picture must not be covered: a regressor's errors under a sliding grey patch.

PARE's analysis (Kocabas et al. 2021, section 3): a joint's error is high where covering the picture
takes away what its rotation was read from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gsam.errors import ConfigError
from gsam.meshes.inference import MeshRegressor
from gsam.metrics import mesh, pose

__all__ = ["occlusion_sensitivity", "patch_corners"]

GREY = 128
"""Level of the patch in each colour: the middle of the range, as PARE's."""


def patch_corners(size: int, patch: int, stride: int) -> NDArray[np.int64]:
    """First pixels (n,) of the patch's places along one side of a crop, so that all are covered.

    Every `stride` px from the border on; the last place touches the other border.

    Raises:
        ConfigError: a patch that does not fit, or a stride that skips pixels.
    """
    if not 1 <= patch <= size:
        raise ConfigError(f"sensitivity.patch = {patch}: expected 1 to {size} px, the crop's size")
    if not 1 <= stride <= patch:
        raise ConfigError(f"sensitivity.stride = {stride}: expected 1 to {patch} px, the patch's")
    return np.minimum(np.arange(0, size - patch + stride, stride), size - patch)


def occlusion_sensitivity(
    regressor: MeshRegressor, crop: NDArray[np.uint8], target: ArrayLike, patch: int, stride: int
) -> NDArray[np.float64]:
    """Errors (n, n, 14), metres, of each joint with the patch at each row and column.

    Args:
        regressor: sees `batch_size` covered crops at a time.
        crop: (S, S, 3) RGB of the network's size.
        target: true joints (17, 3) in the order of H36M_17, metres, camera frame; errors are those
            of `LSP_14`, counted from the pelvis, without alignment.
        patch: side of the patch, px of the crop.
        stride: px between its places.

    Raises:
        ConfigError: patch or stride does not fit.
        DataError: the target has another shape, or an answer is not finite.
    """
    corners = patch_corners(len(crop), patch, stride)
    truth = mesh.scored_joints(target)
    places = [(row, column) for row in corners for column in corners]
    errors = []
    for start in range(0, len(places), regressor.batch_size):
        some = places[start : start + regressor.batch_size]
        covered = np.repeat(crop[None], len(some), axis=0)
        for image, (row, column) in zip(covered, some, strict=True):
            image[row : row + patch, column : column + patch] = GREY
        joints = mesh.scored_joints(regressor.regress(covered).joints.cpu().numpy())
        errors.append(pose.joint_errors(joints, np.broadcast_to(truth, joints.shape)))
    return np.concatenate(errors).reshape(len(corners), len(corners), -1)

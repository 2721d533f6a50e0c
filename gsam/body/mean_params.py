"""The mean pose, shape and camera that mesh regressors start from (`smpl_mean_params.npz`)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.rotations import matrix_to_rot6d
from gsam.body.smpl import JOINTS
from gsam.errors import DataError
from gsam.storage import atomic_path
from gsam.unpickle import as_array, load_npz

BETAS = 10
SIZES = {"pose": 6 * JOINTS, "shape": BETAS, "cam": 3}
MEAN_CAMERA = (0.9, 0.0, 0.0)
"""Where the public file puts the person: upright in the crop's middle, nine tenths of its size."""


@dataclass(frozen=True, eq=False)
class MeanParams:
    """float32 arrays under the public file's keys.

    pose: (144,), the rotations of 24 joints as rot6d (first two columns row by row, joint after
        joint), joint 0 in the camera frame; shape: (10,) betas; cam: (3,), scale and offsets of a
        weak-perspective camera.
    """

    pose: NDArray[np.float32]
    shape: NDArray[np.float32]
    cam: NDArray[np.float32]


def read_mean_params(path: Path) -> MeanParams:
    """Read `smpl_mean_params.npz` or what `write_mean_params` wrote.

    Raises:
        DataError: The file is missing or unreadable, or an array is absent, mis-shaped or not
            finite.
    """
    arrays = load_npz(path, list(SIZES))
    for key, size in SIZES.items():
        array = as_array(arrays[key], f"{path}: {key}")
        if array.dtype.kind not in "fiu" or array.size != size:
            raise DataError(f"{path}: {key}: {array.dtype} {array.shape}; expected {size} numbers")
        with np.errstate(over="ignore"):
            arrays[key] = array.reshape(size).astype(np.float32)
        if not np.isfinite(arrays[key]).all():
            raise DataError(f"{path}: {key}: NaN or infinity; expected finite numbers")
    return MeanParams(**arrays)


def write_mean_params(path: Path, mean: MeanParams) -> None:
    """Write the arrays under the public file's keys."""
    with atomic_path(path) as temporary:
        np.savez(temporary, allow_pickle=False, pose=mean.pose, shape=mean.shape, cam=mean.cam)


def mean_params_of(rotations: NDArray[np.floating], betas: NDArray[np.floating]) -> MeanParams:
    """Means of labels: rotations (N, 24, 3, 3), joint 0 in the camera frame, and betas (N, 10).

    A mean rotation is the one closest to the arithmetic mean of the matrices, i.e. with the least
    sum of squared chordal distances (Moakher 2002, "Means and averaging in the group of
    rotations"). The camera is the public file's.

    Raises:
        DataError: There are no labels.
    """
    if len(rotations) == 0:
        raise DataError("mean parameters: no labelled people; expected at least one")
    left, _, right = np.linalg.svd(np.asarray(rotations, np.float64).mean(axis=0))
    left[..., 2] *= np.linalg.det(left @ right)[..., None]
    pose = matrix_to_rot6d(torch.from_numpy(left @ right)).flatten().numpy()
    shape = np.asarray(betas, np.float64).mean(axis=0)
    camera = np.array(MEAN_CAMERA, np.float32)
    return MeanParams(pose.astype(np.float32), shape.astype(np.float32), camera)

"""`inference_data.mat`: predictions as MPI-INF-3DHP's official (MATLAB) scorer takes them.

One array per test sequence, TS1 to TS6, of (3, 17, 1, N): x, y, z in millimetres of the camera's
frame, MPI-INF-3DHP's 17 joints relative to the pelvis, the N valid frames in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gsam.datasets.mat import load_mat
from gsam.datasets.mpi_inf_3dhp.checks import MM_PER_M, check_finite, number_array
from gsam.datasets.mpi_inf_3dhp.files import TESTS
from gsam.errors import DataError
from gsam.mat_file import write_mat
from gsam.skeletons import H36M_17, MPI_INF_3DHP_17, convert

__all__ = ["read_inference_data", "write_inference_data"]

Poses = npt.NDArray[np.float64]


def write_inference_data(path: Path, predictions: Mapping[str, npt.ArrayLike]) -> None:
    """Write the file, whole or not at all; the same predictions give the same bytes.

    Args:
        path: usually `inference_data.mat`.
        predictions: by test sequence the valid frames (N, 17, 3), Human3.6M-17, metres in the
            camera's frame; their own root is subtracted.

    Raises DataError for other sequences, shapes, or values that are not finite.
    """
    if set(predictions) != set(TESTS):
        raise DataError(
            f"{path}: predictions of {sorted(predictions)}, expected {', '.join(TESTS)}"
        )
    content = {}
    for name in TESTS:
        poses = np.asarray(predictions[name], np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (H36M_17.size, 3) or len(poses) == 0:
            raise DataError(f"{path}: {name} of shape {poses.shape}, expected (N >= 1, 17, 3)")
        check_finite(poses, H36M_17, f"{path}: {name}")
        official = convert(poses - poses[:, [H36M_17.root]], H36M_17, MPI_INF_3DHP_17)
        content[name] = np.transpose(MM_PER_M * official, (2, 1, 0))[:, :, None]
    write_mat(path, content, "predictions for MPI-INF-3DHP's scorer")


def read_inference_data(path: Path) -> dict[str, Poses]:
    """Predictions (N, 17, 3) by test sequence: millimetres, MPI-INF-3DHP-17, as the file has them.

    Raises DataError, naming file and sequence, for a file that cannot be read, an absent sequence,
    another shape, or values that are not finite.
    """
    content = load_mat(path, list(TESTS))
    return {name: _poses(content[name], f"{path}: {name}") for name in TESTS}


def _poses(value: object, where: str) -> Poses:
    array = number_array(value, where)
    # MATLAB drops trailing axes of one: a single frame is 3 x 17.
    shape = (*array.shape, 1, 1)[:4]
    if array.ndim > 4 or shape[:3] != (3, MPI_INF_3DHP_17.size, 1) or shape[3] == 0:
        raise DataError(f"{where}: shape {array.shape}, expected (3, 17, 1, N)")
    poses = np.transpose(array.reshape(shape)[:, :, 0], (2, 1, 0)).astype(np.float64)
    check_finite(poses, MPI_INF_3DHP_17, where)
    return poses

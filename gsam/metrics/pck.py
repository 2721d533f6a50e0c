"""3D PCK and AUC as MPI-INF-3DHP's official evaluation defines them, and over any other joint set.

Errors are root-relative and in millimetres. A joint counts when its error is strictly below the
threshold; the 31 AUC thresholds include 0, so a perfect prediction reaches 100 * 30 / 31 = 96.77.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.skeletons import MPI_INF_3DHP_17, Skeleton, conversion_sources

PCK_THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = np.arange(0.0, 151.0, 5.0)
# The official groups (mpii_get_pck_auc_joint_groups.m): pelvis, spine and head are left out.
OFFICIAL_GROUPS: dict[str, tuple[str, ...]] = {
    "Head": ("head_top",),
    "Neck": ("neck",),
    "Shou": ("left_shoulder", "right_shoulder"),
    "Elbow": ("left_elbow", "right_elbow"),
    "Wrist": ("left_wrist", "right_wrist"),
    "Hip": ("left_hip", "right_hip"),
    "Knee": ("left_knee", "right_knee"),
    "Ankle": ("left_ankle", "right_ankle"),
}


def _errors(errors_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    errors = np.asarray(errors_mm, dtype=np.float64)
    if errors.size == 0:
        raise DataError("no joint error to count: expected at least one")
    if not np.isfinite(errors).all():
        raise DataError("a joint error is not finite: expected millimetres")
    return errors


def pck(errors_mm: npt.ArrayLike, threshold_mm: float = PCK_THRESHOLD_MM) -> float:
    """Percentage of errors (any shape, millimetres) strictly below the threshold."""
    return float(100.0 * np.mean(_errors(errors_mm) < threshold_mm))


def auc(errors_mm: npt.ArrayLike) -> float:
    """Mean PCK over the thresholds 0, 5, ... 150 mm, in percent."""
    # An error e is below exactly the thresholds above it: sort once instead of 31 passes.
    thresholds = AUC_THRESHOLDS_MM
    below = np.searchsorted(thresholds, _errors(errors_mm), side="right")
    return float(100.0 * np.mean(1.0 - below / len(thresholds)))


def official_groups(skeleton: Skeleton) -> dict[str, list[int]]:
    """Rows of the official joint groups in any skeleton that converts to MPI-INF-3DHP's 17.

    DataError when the skeleton has no such conversion.
    """
    sources = conversion_sources(skeleton, MPI_INF_3DHP_17)
    return {
        group: [sources[row][0] for row in MPI_INF_3DHP_17.indices(names)]
        for group, names in OFFICIAL_GROUPS.items()
    }


def official_joints(skeleton: Skeleton) -> list[int]:
    """Rows of the 14 joints that the official totals count."""
    return [row for rows in official_groups(skeleton).values() for row in rows]


def official_scores(errors_mm: npt.ArrayLike, skeleton: Skeleton) -> dict[str, Mapping[str, float]]:
    """PCK at 150 mm and AUC of errors (N, J): {"pck": {group: ..., "total": ...}, "auc": ...}.

    "total" is the plain mean over the 14 joints (each group weighted by its joints).
    """
    errors = _errors(errors_mm)
    if errors.ndim != 2 or errors.shape[1] != skeleton.size:
        raise DataError(f"errors of shape {errors.shape}: expected (N, {skeleton.size})")
    groups = {**official_groups(skeleton), "total": official_joints(skeleton)}
    return {
        "pck": {name: pck(errors[:, rows]) for name, rows in groups.items()},
        "auc": {name: auc(errors[:, rows]) for name, rows in groups.items()},
    }

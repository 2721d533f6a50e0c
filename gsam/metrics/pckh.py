"""PCKh of MPII: the share of joints closer to the truth than half of the head's size.

Source: `evaluate` of lib/dataset/mpii.py in HRNet. A head's size is 0.6 times the diagonal of its
box. MPII's files count pixels from 1: predictions and truth must both count from 0, or both from 1
(the reference adds 1 to its predictions).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.skeletons import MPII_16

THRESHOLD = 0.5
FINE_THRESHOLD = 0.11
"""What the reference prints as Mean@0.1: entry 11 of a table in steps of 0.01, so it is 0.11."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "head": ("head_top",),
    "shoulder": ("left_shoulder", "right_shoulder"),
    "elbow": ("left_elbow", "right_elbow"),
    "wrist": ("left_wrist", "right_wrist"),
    "hip": ("left_hip", "right_hip"),
    "knee": ("left_knee", "right_knee"),
    "ankle": ("left_ankle", "right_ankle"),
}
LEFT_OUT = ("pelvis", "thorax")
"""Joints that the mean does not count."""


def pckh(
    predicted: npt.ArrayLike,
    truth: npt.ArrayLike,
    labelled: npt.ArrayLike,
    head_sizes: npt.ArrayLike,
) -> dict[str, float]:
    """Percentages over N people: points (N, 16, 2) px, labelled (N, 16), head sizes (N,) px.

    `pckh`: mean over the 14 joints but pelvis and thorax, each weighted by how often it is
    labelled; `pckh_<group>`: mean of the left and the right joint; `pckh01`: the mean at the
    threshold 0.11 that the field calls 0.1. A group without a labelled joint is left out.

    Raises:
        DataError: shapes that do not match, a number that is not finite or a head without size
            where a joint is labelled, or no labelled joint.
    """
    share, seen = _scaled_errors(predicted, truth, labelled, head_sizes)
    counts = seen.sum(axis=0)
    rows = [row for row, joint in enumerate(MPII_16.joints) if joint not in LEFT_OUT]
    if counts[rows].sum() == 0:
        raise DataError("no labelled joint among the 14 that PCKh counts: expected at least one")
    close, very_close = ((share <= t) & seen for t in (THRESHOLD, FINE_THRESHOLD))
    figures = {
        "pckh": _percent(close[:, rows].sum(), counts[rows].sum()),
        "pckh01": _percent(very_close[:, rows].sum(), counts[rows].sum()),
    }
    for group, joints in GROUPS.items():
        sides = [row for row in MPII_16.indices(joints) if counts[row]]
        if sides:
            each = [_percent(close[:, row].sum(), counts[row]) for row in sides]
            figures[f"pckh_{group}"] = sum(each) / len(each)
    return figures


def _percent(part: np.integer, whole: np.integer) -> float:
    return 100.0 * float(part) / float(whole)


def _scaled_errors(
    predicted: npt.ArrayLike,
    truth: npt.ArrayLike,
    labelled: npt.ArrayLike,
    head_sizes: npt.ArrayLike,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Errors in head sizes (N, 16), 0 where a joint is not labelled; and where it is."""
    p, t = (np.asarray(points, dtype=np.float64) for points in (predicted, truth))
    seen, heads = np.asarray(labelled) > 0, np.asarray(head_sizes, dtype=np.float64)
    people = len(heads)
    shape = (people, MPII_16.size)
    if p.shape != (*shape, 2) or t.shape != p.shape or seen.shape != shape:
        raise DataError(
            f"PCKh of points {p.shape}, truth {t.shape}, labels {seen.shape} and {people} heads: "
            f"expected (N, {MPII_16.size}, 2), the same, (N, {MPII_16.size}) and N"
        )
    distances = np.where(seen, np.linalg.norm(p - t, axis=-1), 0.0)
    bad = np.flatnonzero(seen.any(axis=1) & ~((heads > 0) & np.isfinite(distances).all(axis=1)))
    if len(bad):
        raise DataError(
            f"person {bad[0]}: head size {heads[bad[0]]} or a point that is not finite: "
            "expected a size above 0 and finite points"
        )
    return distances / np.where(heads > 0, heads, 1.0)[:, None], seen

"""How far detected joints are from the truth, in px that do not depend on the person's size.

An error counts in px of a person crop that is 256 px high, the input height of the papers' nets:
image px times 256 / (height of the person's crop in image px).
"""

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.images.people import VISIBLE
from gsam.skeletons import Skeleton

CROP_HEIGHT = 256.0
TORSO_SHARE = 0.2
"""A joint counts for PCK when its error is at most this share of the torso."""

Floats = npt.NDArray[np.float64]


def distances(predicted: npt.ArrayLike, truth: npt.ArrayLike, labelled: npt.ArrayLike) -> Floats:
    """Distance (P, J) of points (P, J, 2), NaN where a joint is not `labelled` (P, J).

    Raises:
        DataError: shapes that do not match, or a prediction or label that is not finite.
    """
    p, t = (np.asarray(points, dtype=np.float64) for points in (predicted, truth))
    known = np.asarray(labelled) > 0
    if p.shape != t.shape or p.shape != (*known.shape, 2):
        raise DataError(
            f"points {p.shape} against {t.shape} with labels {known.shape}: "
            "expected (P, J, 2), the same and (P, J)"
        )
    for name, points in (("predicted", p), ("true", t[known])):
        if not np.isfinite(points).all():
            raise DataError(f"a {name} joint is not finite: expected numbers")
    return np.where(known, np.linalg.norm(p - t, axis=-1), np.nan)


def crop_errors(
    errors: Floats, visibility: npt.ArrayLike, crop_heights: npt.ArrayLike
) -> dict[str, float]:
    """`mean_px`, `median_px` and `median_px_visible` of errors (P, J) from :func:`distances`.

    visibility: (P, J), the levels of an image set; the last figure is over visible joints alone,
    and left out when there is none. crop_heights: (P,), image px.

    Raises:
        DataError: no labelled joint, or a crop without height.
    """
    heights = np.asarray(crop_heights, dtype=np.float64)
    if not (heights > 0).all():
        raise DataError(f"crop {int(np.argmin(heights))} has no height: expected more than 0 px")
    scaled = errors * (CROP_HEIGHT / heights)[:, None]
    known = scaled[np.isfinite(scaled)]
    if known.size == 0:
        raise DataError("no labelled joint to measure: expected at least one")
    figures = {"mean_px": float(known.mean()), "median_px": float(np.median(known))}
    visible = scaled[np.isfinite(scaled) & (np.asarray(visibility) == VISIBLE)]
    if visible.size:
        figures["median_px_visible"] = float(np.median(visible))
    return figures


def torso_pck(errors: Floats, truth: npt.ArrayLike, skeleton: Skeleton) -> float:
    """Percentage of labelled joints whose error (P, J) is at most 0.2 of the person's torso.

    The torso is the longer of the two diagonals from a shoulder to the opposite hip, in the image
    px of `truth` (P, J, 2): unlike the common single diagonal it does not change in a mirror. A
    diagonal needs both ends labelled; a person without one has no torso and is not counted.

    Raises:
        DataError: no labelled joint of a person with a torso, or a skeleton without one.
    """
    points = np.asarray(truth, dtype=np.float64)
    shoulders = skeleton.indices(("left_shoulder", "right_shoulder"))
    hips = skeleton.indices(("right_hip", "left_hip"))
    known = np.isfinite(errors)
    both = known[:, shoulders] & known[:, hips]
    diagonals = np.linalg.norm(points[:, shoulders] - points[:, hips], axis=-1)
    torso = np.where(both, diagonals, 0.0).max(axis=-1, keepdims=True)
    counted = known & both.any(axis=-1, keepdims=True)
    if not counted.any():
        raise DataError("no labelled joint of a person with a torso: expected at least one")
    return float(100.0 * ((errors <= TORSO_SHARE * torso) & counted).sum() / counted.sum())

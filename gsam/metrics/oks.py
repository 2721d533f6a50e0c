"""Object keypoint similarity between detected people, and the suppression of double detections.

Source: lib/nms/nms.py of HRNet, which takes two detections for one person when their joints agree.
Coordinates are px and areas px^2; COCO's tolerances of the 17 joints are `COCO_SIGMAS`.
"""

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError

COCO_SIGMAS = 0.1 * np.array(
    [0.26, *np.repeat([0.25, 0.35, 0.79, 0.72, 0.62, 1.07, 0.87, 0.89], 2)]
)
"""Tolerance of every joint of `coco_17` as a share of the square root of the person's area."""

MOST_PEOPLE = 20
"""Soft suppression keeps so many of an image's people, as many as COCO's evaluation looks at."""

Floats = npt.NDArray[np.float64]


def similarity(
    person: npt.ArrayLike,
    others: npt.ArrayLike,
    area: float,
    areas: npt.ArrayLike,
    *,
    least_score: float | None = None,
    sigmas: npt.ArrayLike = COCO_SIGMAS,
) -> Floats:
    """Similarity (N,) in 0..1 of one person (J, 3) to others (N, J, 3): x, y, score per joint.

    Mean over joints of exp(-d^2 / (2 a (2 sigma)^2)), a the mean of the two areas. `least_score`
    leaves out joints that the *other* person has at or below it; the scores of `person` play no
    part, because the reference's test of both evaluates to its second half. Without a joint left
    the similarity is 0.
    """
    one, many = np.asarray(person, dtype=np.float64), np.asarray(others, dtype=np.float64)
    tolerance = np.square(2.0 * np.asarray(sigmas, dtype=np.float64))
    mean_area = (area + np.asarray(areas, dtype=np.float64)) / 2.0 + np.spacing(1.0)
    squared = np.square(many[..., :2] - one[:, :2]).sum(axis=-1)
    agreement = np.exp(-squared / tolerance / mean_area[:, None] / 2.0)
    counted = np.ones_like(agreement, bool) if least_score is None else many[..., 2] > least_score
    number = counted.sum(axis=-1)
    return np.where(counted, agreement, 0.0).sum(axis=-1) / np.maximum(number, 1)


def suppress(
    people: npt.ArrayLike,
    areas: npt.ArrayLike,
    scores: npt.ArrayLike,
    threshold: float,
    *,
    soft: bool = False,
    least_score: float | None = None,
) -> list[int]:
    """Rows of `people` (N, J, 3) to keep, best first, without those more similar than `threshold`.

    soft: nobody is removed; each person lowers the score of the others by
    exp(-similarity^2 / threshold), and the `MOST_PEOPLE` best at their turn remain.

    Raises:
        DataError: areas or scores of another length, or a number that is not finite.
    """
    points, sizes, ranks = (np.array(v, dtype=np.float64) for v in (people, areas, scores))
    if not len(points) == len(sizes) == len(ranks):
        lengths = f"{len(points)} people, {len(sizes)} areas, {len(ranks)} scores"
        raise DataError(f"{lengths}: expected as many of each")
    if not all(np.isfinite(values).all() for values in (points, sizes, ranks)):
        raise DataError(
            "joints, area or score of a detected person are not finite: expected numbers"
        )
    kept: list[int] = []
    order = np.argsort(-ranks, kind="stable")
    while len(order) and not (soft and len(kept) == MOST_PEOPLE):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        close = similarity(
            points[best], points[order], sizes[best], sizes[order], least_score=least_score
        )
        if soft:
            ranks[order] *= np.exp(-np.square(close) / threshold)
            order = order[np.argsort(-ranks[order], kind="stable")]
        else:
            order = order[close <= threshold]
    return kept

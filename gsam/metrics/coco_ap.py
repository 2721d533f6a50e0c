"""Average precision of COCO keypoints by pycocotools, the benchmark's own code.

A person's score is its box's score times the mean of its joint scores above `LEAST_SCORE`; of an
image's people those that are nearly another one are removed first (HRNet, lib/dataset/coco.py).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.metrics.oks import suppress
from gsam.skeletons import COCO_17

LEAST_SCORE = 0.2
SAME_PERSON = 0.9
FIGURES = ("ap", "ap50", "ap75", "apm", "apl", "ar", "ar50", "ar75", "arm", "arl")
"""The ten numbers that pycocotools prints for keypoints, in its order."""

PERSON = 1
COCO_FLAGS = np.array([0, 1, 1, 2])
"""COCO's visibility of the four levels: unlabelled, hidden by something, by the own body, seen."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class DetectedPeople:
    """Detections: image (N,) in its set, points (N, 17, 2) px, joint scores (N, 17), box scores
    (N,), and areas (N,) px^2 of their crops, the scale by which double detections are told."""

    image: npt.NDArray[np.int64]
    points: Floats
    scores: Floats
    box_scores: Floats
    areas: Floats


def average_precision(truth: ImageSet, found: DetectedPeople) -> dict[str, float]:
    """AP and AR in percent, by the names of `FIGURES`.

    As in COCO, crowds and people without a labelled joint are neither found nor missed, and at most
    20 people of an image count. A size class without people is left out.

    Raises:
        DataError: nobody has a labelled joint, or a detection is not finite.
    """
    if not (truth.visibility > 0).any():
        raise DataError("no person with a labelled joint: expected at least one to score against")
    found_numbers = (found.points, found.scores, found.box_scores, found.areas)
    if not all(np.isfinite(values).all() for values in found_numbers):
        raise DataError("a detected joint or its score is not finite: expected numbers")
    stats = evaluate(ground_truth(truth), results(found)).stats
    return {name: 100.0 * float(s) for name, s in zip(FIGURES, stats, strict=True) if s >= 0}


def evaluate(truth: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Any:
    """pycocotools' COCOeval after `summarize`, from a COCO annotation file's content and the list
    of a results file's; what it prints is dropped and the arguments stay as they are."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO()
        annotated.dataset = {**truth, "annotations": [dict(a) for a in truth["annotations"]]}
        annotated.createIndex()
        detected = COCO()
        if people:
            detected = annotated.loadRes([dict(person) for person in people])
        else:
            # loadRes looks at the first result, so it cannot load none.
            detected.dataset = {**truth, "annotations": []}
            detected.createIndex()
        evaluation = COCOeval(annotated, detected, "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def ground_truth(images: ImageSet) -> dict[str, Any]:
    """The content of a COCO annotation file; images are numbered from 0, people from 1.

    pycocotools marks a detection's match by the person's id and takes 0 for no match.
    """
    annotations = []
    for row, image in enumerate(images.person_image):
        levels = images.visibility[row]
        points = np.where(levels[:, None] > 0, images.points[row], 0.0)
        annotations.append(
            {
                "id": row + 1,
                "image_id": int(image),
                "category_id": PERSON,
                "keypoints": np.column_stack([points, COCO_FLAGS[levels]]).ravel().tolist(),
                "num_keypoints": int((levels > 0).sum()),
                "bbox": images.boxes[row].tolist(),
                "area": float(images.areas[row]),
                "iscrowd": int(images.crowds[row]),
            }
        )
    return {
        "info": {},
        "images": [{"id": number} for number in range(len(images))],
        "annotations": annotations,
        "categories": [{"id": PERSON, "name": "person", "keypoints": list(COCO_17.joints)}],
    }


def results(people: DetectedPeople) -> list[dict[str, Any]]:
    """The content of a COCO results file: who remains after suppression, image by image."""
    scores = person_scores(people.scores, people.box_scores)
    joints = np.concatenate([people.points, people.scores[..., None]], axis=-1)
    listed = []
    order = np.argsort(people.image, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(people.image[order])) + 1):
        kept = suppress(
            joints[rows], people.areas[rows], scores[rows], SAME_PERSON, least_score=LEAST_SCORE
        )
        listed += [
            {
                "image_id": int(people.image[row]),
                "category_id": PERSON,
                "keypoints": joints[row].ravel().tolist(),
                "score": float(scores[row]),
            }
            for row in rows[kept]
        ]
    return listed


def person_scores(joint_scores: npt.ArrayLike, box_scores: npt.ArrayLike) -> Floats:
    """Score of every person (N,): the box's (N,) times the mean of its joints' (N, J) above 0.2;
    0 when no joint is above."""
    scores = np.asarray(joint_scores, dtype=np.float64)
    sure = scores > LEAST_SCORE
    mean = np.where(sure, scores, 0.0).sum(axis=-1) / np.maximum(sure.sum(axis=-1), 1)
    product: Floats = np.asarray(box_scores, dtype=np.float64) * mean
    return product

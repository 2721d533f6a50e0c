"""Scoring a detector on the labelled people of a split, by the measures of their dataset.

Every dataset has the errors in px; Human3.6M's frames also PCK over the torso and the error in px
of the camera's frame, COCO also AP, MPII also PCKh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.boxes.person_boxes import BoxSource
from gsam.detectors.config import DetectorConfig
from gsam.detectors.crops import crop_of_box
from gsam.detectors.inference import Crops, Detector, Joints, cut, join, stack
from gsam.detectors.samples import usable_people
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.metrics.coco_ap import DetectedPeople, average_precision
from gsam.metrics.keypoint_accuracy import crop_errors, distances, torso_pck
from gsam.metrics.pckh import pckh

__all__ = [
    "DEFINITIONS",
    "TEST_SPLITS",
    "Boxes",
    "boxes_from",
    "look_at",
    "precision",
    "score",
    "true_boxes",
]

TEST_SPLITS = {"human36m": "test", "coco": "val", "mpii": "valid"}
"""The split that detectors are scored on, by the folder of the images."""

_PIXELS = {
    "mean_px": "mean distance of labelled joints, px of a person crop 256 px high",
    "median_px": "median distance of labelled joints, px of a person crop 256 px high",
    "median_px_visible": "median distance of visible joints, px of a person crop 256 px high",
}
DEFINITIONS: dict[str, dict[str, str]] = {
    "human36m_17": {
        **_PIXELS,
        "mean_image_px": "mean distance of labelled joints, px of the camera's frame",
        "pck": "percent of labelled joints within 0.2 of the torso (the longer diagonal from a "
        "shoulder to the other hip)",
    },
    "coco_17": {
        **_PIXELS,
        "ap": "percent, pycocotools: OKS 0.50 to 0.95, at most 20 people per image; a person's "
        "score is the box's times the mean joint score above 0.2; OKS suppression at 0.9",
    },
    "mpii_16": {
        **_PIXELS,
        "pckh": "percent of joints within 0.5 of the head size (0.6 of the head box's diagonal), "
        "weighted by labels, without pelvis and thorax",
        "pckh01": "PCKh within 0.11 of the head size, which the field calls PCKh@0.1",
    },
}
"""What the figures of each joint set are, for the protocol that is printed beside them."""

Watch = Callable[[Iterable[Joints], int], Iterable[Joints]]
"""Passes on the answers of so many batches and may show how far they are."""


def _unwatched(answers: Iterable[Joints], batches: int) -> Iterable[Joints]:
    return answers


@dataclass(frozen=True, eq=False)
class Boxes:
    """Where people are: image number (N,) ascending, boxes (N, 4) x, y, width, height px of the
    stored image and their scores (N,)."""

    image: NDArray[np.int64]
    xywh: NDArray[np.float32]
    scores: NDArray[np.float32]


def true_boxes(images: ImageSet) -> Boxes:
    """The boxes of everybody who can be scored, in the order of usable_people.

    Raises:
        DataError: there is nobody.
    """
    people = usable_people(images)
    if not len(people):
        raise DataError(f"{images.folder}: nobody with a box and a labelled joint to score")
    scores = np.ones(len(people), np.float32)
    return Boxes(images.person_image[people], images.boxes[people], scores)


def boxes_from(images: ImageSet, source: BoxSource) -> Boxes:
    """The boxes of everybody whom `source` finds in the images.

    Raises:
        DataError: an image is damaged or a box cannot be used.
    """
    names = images.rows["image"].to_pylist()
    found = [source([name], [images.decode(number)])[0] for number, name in enumerate(names)]
    return Boxes(
        np.repeat(np.arange(len(names)), [len(each.xywh) for each in found]),
        np.concatenate([each.xywh for each in found]),
        np.concatenate([each.scores for each in found]),
    )


def look_at(
    detector: Detector, images: ImageSet, boxes: Boxes, watch: Watch = _unwatched
) -> Joints:
    """Points (N, J, 2) px of the stored images and scores (N, J) of the people in N boxes.

    Raises:
        DataError: an image is damaged, a box has no area, or an answer is not finite.
    """

    def crops(rows: slice) -> Crops:
        numbers, some = boxes.image[rows], boxes.xywh[rows]
        return join(
            [
                cut(detector.config, images.decode(number), some[numbers == number])
                for number in np.unique(numbers).tolist()
            ]
        )

    count, size = len(boxes.image), detector.batch_size
    batches = [slice(start, start + size) for start in range(0, count, size)]
    answers = watch(detector.stream(crops, batches), len(batches))
    points, scores = stack(answers, images.skeleton.size)
    bad = np.flatnonzero(~(np.isfinite(points).all((1, 2)) & np.isfinite(scores).all(1)))
    if len(bad):
        name = images.name(int(boxes.image[bad[0]]))
        raise DataError(f"{name}: the detector's answer is not finite, expected numbers")
    return points, scores


def score(
    config: DetectorConfig, images: ImageSet, boxes: Boxes, found: Joints
) -> dict[str, float]:
    """Figures of the answers `found` for the true boxes of `images`.

    Raises:
        DataError: as the metrics of the dataset.
    """
    people = usable_people(images)
    truth, levels = images.points[people], images.visibility[people]
    errors = distances(found[0], truth, levels)
    sizes = crop_of_box(boxes.xywh, config.height, config.width)[1]
    figures = crop_errors(errors, levels, sizes[:, 1])
    name = images.skeleton.name
    if name == "human36m_17":
        zoom = images.rows["zoom"].to_numpy()[boxes.image]
        figures["mean_image_px"] = float(np.nanmean(errors / zoom[:, None]))
        figures["pck"] = torso_pck(errors, truth, images.skeleton)
    elif name == "mpii_16":
        figures |= pckh(found[0], truth, levels, images.head_sizes[people])
    elif name == "coco_17":
        figures |= precision(config, images, boxes, found)
    return figures


def precision(
    config: DetectorConfig, images: ImageSet, boxes: Boxes, found: Joints
) -> dict[str, float]:
    """COCO's AP and AR of the answers `found` for any boxes, see `average_precision`."""
    sizes = crop_of_box(boxes.xywh, config.height, config.width)[1]
    return average_precision(
        images,
        DetectedPeople(
            image=boxes.image,
            points=found[0],
            scores=found[1],
            box_scores=boxes.scores,
            areas=sizes.prod(axis=1),
        ),
    )

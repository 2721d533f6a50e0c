"""Scoring a detector on the labelled people of a split, by the measures of their dataset.

Every dataset has the errors in px; Human3.6M's frames also PCK over the torso and the error in px
of the camera's frame, COCO also AP, MPII also PCKh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.config import DetectorConfig
from gsam.detectors.crops import crop_of_box
from gsam.detectors.inference import Detector
from gsam.detectors.samples import usable_people
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.metrics.coco_ap import DetectedPeople, average_precision
from gsam.metrics.keypoint_accuracy import crop_errors, distances, torso_pck
from gsam.metrics.pckh import pckh

__all__ = ["DEFINITIONS", "TEST_SPLITS", "Found", "dataset_of", "find_people", "score"]

TEST_SPLITS = {"human36m": "test", "coco": "val", "mpii": "valid"}
"""The split that detectors are scored on, by the folder of the images."""

_PIXELS = {
    "mean_px": "mean distance of labelled joints, px of a person crop 256 px high",
    "median_px": "median of the same",
    "median_px_visible": "median over visible joints",
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
        "pckh01": "the same at the reference's threshold of 0.11",
    },
}
"""What the figures of each joint set are, for the protocol that is printed beside them."""

Watch = Callable[[Sequence[NDArray[np.int64]]], Iterable[NDArray[np.int64]]]
"""Passes batches of image numbers on and may show how far they are."""


@dataclass(frozen=True, eq=False)
class Found:
    """The detector's answer for N boxes: the image each is in (N,), boxes (N, 4) and their scores
    (N,), points (N, J, 2) px of the stored image and scores of the joints (N, J)."""

    image: NDArray[np.int64]
    boxes: NDArray[np.floating]
    box_scores: NDArray[np.floating]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]


def dataset_of(images: ImageSet) -> str:
    """The one dataset that all images are of.

    Raises:
        DataError: there are several, whose figures may not be averaged.
    """
    names = sorted(set(images.rows["dataset"].to_pylist()))
    if len(names) != 1:
        raise DataError(f"{images.folder}: images of the datasets {names}, expected one")
    return str(names[0])


def find_people(
    detector: Detector,
    images: ImageSet,
    image: NDArray[np.int64],
    boxes: NDArray[np.floating],
    box_scores: NDArray[np.floating],
    watch: Watch = iter,
) -> Found:
    """Joints of the people in boxes (N, 4) of images number image (N,), ascending.

    Raises:
        DataError: an image is damaged, a box has no area, or an answer is not finite.
    """
    used, counts = np.unique(image, return_counts=True)
    ends = np.cumsum(counts)
    boxes_of = dict(zip(used.tolist(), np.split(boxes, ends[:-1]), strict=True))
    batches = [used[i : i + detector.batch_size] for i in range(0, len(used), detector.batch_size)]
    answers = list(_answers(detector, images, boxes_of, watch(batches)))
    points, scores = (np.concatenate([answer[part] for answer in answers]) for part in (0, 1))
    bad = np.flatnonzero(~(np.isfinite(points).all((1, 2)) & np.isfinite(scores).all(1)))
    if len(bad):
        where = images.name(int(image[bad[0]]))
        raise DataError(f"{where}: the detector's answer is not finite, expected numbers")
    return Found(image, boxes, box_scores, points, scores)


def _answers(
    detector: Detector,
    images: ImageSet,
    boxes_of: dict[int, NDArray[np.floating]],
    batches: Iterable[NDArray[np.int64]],
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    for batch in batches:
        numbers = batch.tolist()
        pictures = [images.decode(number) for number in numbers]
        yield from detector.detect(pictures, [boxes_of[number] for number in numbers])


def labelled_people(detector: Detector, images: ImageSet, watch: Watch = iter) -> Found:
    """Joints of everybody who can be scored, in their true boxes; in the order of usable_people.

    Raises:
        DataError: as `find_people`, or there is nobody.
    """
    people = usable_people(images)
    if not len(people):
        raise DataError(f"{images.folder}: nobody with a box and a labelled joint to score")
    image, boxes = images.person_image[people], images.boxes[people]
    return find_people(detector, images, image, boxes, np.ones(len(people)), watch)


def score(config: DetectorConfig, images: ImageSet, found: Found) -> dict[str, float]:
    """Figures of the labelled people `found` in their true boxes (from `labelled_people`).

    Raises:
        DataError: as the metrics of the dataset.
    """
    people = usable_people(images)
    truth, levels = images.points[people], images.visibility[people]
    errors = distances(found.points, truth, levels)
    sizes = crop_of_box(found.boxes, config.height, config.width)[1]
    figures = crop_errors(errors, levels, sizes[:, 1])
    name = images.skeleton.name
    if name == "human36m_17":
        zoom = images.rows["zoom"].to_numpy()[found.image]
        figures["mean_image_px"] = float(np.nanmean(errors / zoom[:, None]))
        figures["pck"] = torso_pck(errors, truth, images.skeleton)
    elif name == "mpii_16":
        figures |= pckh(found.points, truth, levels, images.head_sizes[people])
    elif name == "coco_17":
        figures |= precision(config, images, found)
    return figures


def precision(config: DetectorConfig, images: ImageSet, found: Found) -> dict[str, float]:
    """COCO's AP and AR of people found in any boxes, see `average_precision`."""
    sizes = crop_of_box(found.boxes, config.height, config.width)[1]
    detected = DetectedPeople(
        image=found.image,
        points=found.points,
        scores=found.scores,
        box_scores=found.box_scores,
        areas=sizes.prod(axis=1),
    )
    return average_precision(images, detected)

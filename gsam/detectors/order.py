"""Which people a detector is trained on, and which are kept back for its validation curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.samples import usable_people
from gsam.images import ImageSet
from gsam.training.holdout import TAKES, kept_back

__all__ = ["held_out_people"]

Numbers = NDArray[np.int64]


def held_out_people(images: ImageSet, samples: int) -> tuple[Numbers, Numbers]:
    """Numbers of the people to train on and, at most `samples`, to validate on.

    Whole takes with all their cameras are held out where images come from takes (one of ten, at
    most four), else whole images (one of ten). None are when `samples` is 0.
    """
    people = usable_people(images)
    names = [str(name) for name in images.rows["image"].to_pylist()]
    takes = images.rows["sequence"].to_pylist()
    whole = all(take is not None for take in takes)
    if whole:
        names = takes
    held = kept_back(sorted(set(names)), min(TAKES, samples) if whole else samples)
    out = np.array([name in held for name in names], bool)[images.person_image[people]]
    validated = people[out]
    if len(validated) > samples:
        validated = validated[np.arange(samples) * len(validated) // samples]
    return people[~out], validated

"""Crops of people for training a detector, each from a numbered random stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsam.configs import build
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.samples import make_sample
from gsam.images import ImageSet
from gsam.training.feed import Arrays
from gsam.training.order import stream

__all__ = ["Cropper", "open_cropper"]


@dataclass(frozen=True, eq=False)
class Cropper:
    """Makes crops of the people of `images`; whoever makes one, whenever, it has the same bytes."""

    images: ImageSet
    config: DetectorConfig
    augment: AugmentConfig | None = None
    seed: int = 0

    def __call__(self, person: int, epoch: int) -> Arrays:
        """One person's crop in one epoch: image (h, w, 3) uint8 RGB, points (J, 2) float32 px of
        the crop, weight (J,) float32 (0: joint unsupervised).

        Raises:
            DataError: the person's image cannot be decoded.
        """
        number = stream("augment", self.seed, epoch, person)
        sample = make_sample(
            self.images, person, self.config, self.augment, np.random.default_rng(number)
        )
        return {"image": sample.image, "points": sample.points, "weight": sample.weight}


def open_cropper(
    folder: str | Path,
    split: str,
    detector: Mapping[str, Any],
    augment: Mapping[str, Any],
    seed: int,
) -> Cropper:
    """A cropper of images on disk, for another process.

    Raises:
        DataError: the images are not whole.
        ConfigError: `detector` or `augment` has a field that makes no sense.
    """
    return Cropper(
        ImageSet.load(folder, split),
        build(DetectorConfig, detector, "detector"),
        build(AugmentConfig, augment, "augment"),
        seed,
    )

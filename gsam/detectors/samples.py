"""One training or held-out sample of a detector: a person's crop and the joints in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.augment import AugmentConfig, View, tint, vary
from gsam.detectors.config import DetectorConfig
from gsam.detectors.crops import crop_of_box, transform, warp
from gsam.detectors.mosaic import assemble, draw_tiles, mix
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.images.people import VISIBLE

__all__ = ["Sample", "make_sample", "usable_people"]

_SEEN_BY_CPN = 2.0
_ATTEMPTS = 8
"""Draws of another person before a mosaic or mix is given up: a set may hold only one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A crop (h, w, 3) uint8 RGB; points (J, 2) float32 in its px, 0 where the weight is 0;
    weight (J,) float32: 1 for joints that supervise, 0 for others, and for cpn, whose global maps
    learn visible joints alone, 2 for visible ones."""

    image: NDArray[np.uint8]
    points: NDArray[np.float32]
    weight: NDArray[np.float32]


class _Cut(NamedTuple):
    """A crop (h, w, 3), the joints (J, 2) in its px, and their levels of visibility (J,), 0 for
    those whose pixel is not in it."""

    image: NDArray[np.uint8]
    points: NDArray[np.float64]
    levels: NDArray[np.uint8]


def usable_people(images: ImageSet) -> NDArray[np.int64]:
    """Numbers of the people that can be trained on and scored: not a crowd, a box with an area, at
    least one labelled joint."""
    boxed = (images.boxes[:, 2:] > 0).all(axis=1)
    return np.flatnonzero(boxed & ~images.crowds & (images.visibility > 0).any(axis=1))


def make_sample(
    images: ImageSet,
    person: int,
    config: DetectorConfig,
    augment: AugmentConfig | None,
    rng: np.random.Generator,
) -> Sample:
    """The sample of one person: a function of the arguments and the generator's state alone.

    Without `augment` it is the plain crop that detection sees, and nothing is drawn. A joint
    supervises when it is labelled, hidden or not, and its pixel is inside the input, or inside the
    person's tile of a mosaic.

    Raises:
        DataError: the image is damaged, the box has no area, or the joint set is another one.
    """
    if images.skeleton.name != config.joint_set:
        raise DataError(
            f"{images.folder}: joints of {images.skeleton.name}, expected {config.joint_set}"
        )
    height, width = config.height, config.width
    view = _plain_view(images, person, config)
    if augment is None:
        return _supervised(_cut(images, person, view, height, width), config)
    view = _varied(images, person, view, augment, rng)
    if rng.random() < augment.mosaic:
        cut = _mosaic(images, person, view, config, augment, rng)
    else:
        cut = _cut(images, person, view, height, width)
    if rng.random() < augment.mixup:
        other = _another(images, person, config, augment, rng)
        if other is not None:
            shown = _cut(images, *other, height, width).image
            cut = cut._replace(image=mix(cut.image, shown, rng))
    if augment.colour:
        cut = cut._replace(image=tint(cut.image, augment.colour, rng))
    return _supervised(cut, config)


def _plain_view(images: ImageSet, person: int, config: DetectorConfig) -> View:
    try:
        return View(*crop_of_box(images.boxes[person], config.height, config.width))
    except DataError as error:
        name = images.name(int(images.person_image[person]))
        raise DataError(f"{name}: person {images.person_ids[person]}: {error}") from error


def _varied(
    images: ImageSet, person: int, view: View, augment: AugmentConfig, rng: np.random.Generator
) -> View:
    labelled = images.visibility[person] > 0
    return vary(view, images.points[person], labelled, images.skeleton, augment, rng)


def _cut(images: ImageSet, person: int, view: View, height: int, width: int) -> _Cut:
    picture = images.decode(int(images.person_image[person]))
    matrix = view.matrix(picture.shape[1], height, width)
    points, levels = transform(matrix, images.points[person]), images.visibility[person]
    if view.flip:
        # What was the left wrist is the right one of the mirrored person.
        sides = list(images.skeleton.mirror_permutation)
        points, levels = points[sides], levels[sides]
    inside = ((points >= -0.5) & (points < np.array([width, height]) - 0.5)).all(axis=1)
    return _Cut(warp(picture, matrix, height, width), points, np.where(inside, levels, 0))


def _another(
    images: ImageSet,
    person: int,
    config: DetectorConfig,
    augment: AugmentConfig,
    rng: np.random.Generator,
) -> tuple[int, View] | None:
    """Some other person and a view of them; None when none was found."""
    for other in rng.integers(len(images.person_image), size=_ATTEMPTS).tolist():
        if other != person and not images.crowds[other] and (images.boxes[other, 2:] > 0).all():
            view = _plain_view(images, other, config)
            return other, _varied(images, other, view, augment, rng)
    return None


def _mosaic(
    images: ImageSet,
    person: int,
    view: View,
    config: DetectorConfig,
    augment: AugmentConfig,
    rng: np.random.Generator,
) -> _Cut:
    """The person's view in the first of four tiles, other people's in the rest."""
    others = [_another(images, person, config, augment, rng) for _ in range(3)]
    shown = [(person, view), *(other for other in others if other is not None)]
    if len(shown) < 4:
        return _cut(images, person, view, config.height, config.width)
    tiles = draw_tiles(config.height, config.width, rng)
    cuts = [
        _cut(images, *who, tile.height, tile.width) for who, tile in zip(shown, tiles, strict=True)
    ]
    image = assemble(tiles, [cut.image for cut in cuts], config.height, config.width)
    corner = np.array([tiles[0].left, tiles[0].top])
    return _Cut(image, cuts[0].points + corner, cuts[0].levels)


def _supervised(cut: _Cut, config: DetectorConfig) -> Sample:
    weight = (cut.levels > 0).astype(np.float32)
    if config.name == "cpn":
        weight[cut.levels == VISIBLE] = _SEEN_BY_CPN
    points = np.where(cut.levels[:, None] > 0, cut.points, 0.0).astype(np.float32)
    return Sample(cut.image, points, weight)

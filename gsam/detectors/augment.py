"""How a training crop is varied: a drawn view of a person, and colours.

Source: `JointsDataset` of HRNet (scale, rotation, flip, half body). A view is drawn as numbers and
becomes one affine matrix, so that the picture is resampled once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.detectors.crops import crop_matrix
from gsam.skeletons import Skeleton

HALF_BODY_PADDING = 1.5
LEAST_HALF_BODY = 8
"""A half body is only cut out of people with more labelled joints than this."""

UPPER_DRAW = 0.5
"""The upper half is preferred when a *normal* draw is below this (the reference's own quirk)."""

_LOWER_BODY = ("pelvis", "hip", "knee", "ankle", "foot", "toe")

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """What may happen to a training crop; probabilities are per sample, 0 switches off.

    scale: the crop grows or shrinks by 1 + a normal draw times this, at most by this.
    rotation: degrees, a normal draw times this, at most twice this, with `rotate_probability`.
    flip: mirrored left to right. half_body: the upper or lower half of a person with more than
    8 labelled joints fills the crop. mosaic, mixup: see `gsam.detectors.mosaic`.
    colour: every channel is multiplied by a factor within 1 +- this.
    """

    scale: float = 0.35
    rotation: float = 45.0
    rotate_probability: float = 0.6
    flip: float = 0.5
    half_body: float = 0.3
    mosaic: float = 0.0
    mixup: float = 0.0
    colour: float = 0.0

    def problems(self) -> list[str]:
        """One line for each value that makes no sense."""
        probabilities = ("rotate_probability", "flip", "half_body", "mosaic", "mixup")
        found = [
            f"{key} = {getattr(self, key)}: expected a probability, 0 to 1"
            for key in probabilities
            if not 0.0 <= getattr(self, key) <= 1.0
        ]
        found += [
            f"{key} = {getattr(self, key)}: expected 0 or more, less than 1"
            for key in ("scale", "colour")
            if not 0.0 <= getattr(self, key) < 1.0
        ]
        if not 0.0 <= self.rotation <= 180.0:
            found.append(f"rotation = {self.rotation}: expected degrees, 0 to 180")
        return found


@dataclass(frozen=True)
class View:
    """What a crop shows of an image: centre (2,) and size (2,: width, height) in its px; the image
    is first mirrored if `flip`, then turned by `rotation` degrees about the centre."""

    centre: Floats
    size: Floats
    rotation: float = 0.0
    flip: bool = False

    def matrix(self, image_width: int, height: int, width: int) -> Floats:
        """The affine map (2, 3) from px of an image so wide to those of a `height` x `width` crop.

        The whole view fits in the crop, whose shape may be another one.
        """
        across, down = self.size
        shown = max(across, down * width / height)
        if not self.flip:
            return crop_matrix(self.centre, shown, self.rotation, height, width)
        mirrored = np.array([image_width - 1 - self.centre[0], self.centre[1]])
        matrix = crop_matrix(mirrored, shown, self.rotation, height, width)
        matrix[:, 2] += matrix[:, 0] * (image_width - 1)
        matrix[:, 0] *= -1
        return matrix


def vary(
    view: View,
    points: NDArray[np.floating],
    labelled: NDArray[np.bool_],
    skeleton: Skeleton,
    augment: AugmentConfig,
    rng: np.random.Generator,
) -> View:
    """A random neighbour of the person's plain view; points (J, 2) px and labelled (J,) choose the
    half body."""
    if labelled.sum() > LEAST_HALF_BODY and rng.random() < augment.half_body:
        aspect = float(view.size[0] / view.size[1])
        half = half_body(points, labelled, skeleton, rng.standard_normal(), aspect)
        view = half or view
    factor = 1.0 + np.clip(augment.scale * rng.standard_normal(), -augment.scale, augment.scale)
    rotation = 0.0
    if rng.random() < augment.rotate_probability:
        limit = 2.0 * augment.rotation
        rotation = float(np.clip(augment.rotation * rng.standard_normal(), -limit, limit))
    flip = bool(rng.random() < augment.flip)
    return View(view.centre, view.size * factor, rotation, flip)


def half_body(
    points: NDArray[np.floating],
    labelled: NDArray[np.bool_],
    skeleton: Skeleton,
    draw: float,
    aspect: float,
) -> View | None:
    """The view of a person's upper or lower half, of width / height `aspect`.

    None where fewer than 2 joints, or only coinciding ones, are chosen.

    Upper when `draw` (normal) is below 0.5 and more than 2 of its joints are labelled, else lower
    if more than 2 of its are, else upper. Hips, pelvis and what hangs on them are the lower half.
    """
    lower = np.array([name.rsplit("_", 1)[-1] in _LOWER_BODY for name in skeleton.joints])
    halves = [points[labelled & which].astype(np.float64) for which in (~lower, lower)]
    upper_first = draw < UPPER_DRAW and len(halves[0]) > 2
    chosen = halves[0] if upper_first or len(halves[1]) <= 2 else halves[1]
    if len(chosen) < 2 or not np.ptp(chosen, axis=0).any():
        return None
    width, height = np.ptp(chosen, axis=0)
    size = np.array([max(width, height * aspect), max(height, width / aspect)])
    return View(chosen.mean(axis=0), size * HALF_BODY_PADDING)


def tint(image: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with every channel multiplied by its own factor in 1 +- strength."""
    factors = 1.0 + strength * rng.uniform(-1.0, 1.0, 3)
    table = np.clip(np.arange(256.0)[:, None] * factors + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[:, None]), np.uint8)

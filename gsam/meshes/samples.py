"""One training or held-out sample of a mesh regressor: a person's crop and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.body.joints import OPENPOSE_JOINTS
from gsam.configs import build
from gsam.detectors.augment import View, tint, vary
from gsam.detectors.crops import invert, transform, warp
from gsam.errors import DataError
from gsam.images.bodies import BodyLabels
from gsam.meshes.augment import (
    NO_PART,
    MeshAugment,
    mirror_parts,
    mirror_pose,
    occlude,
    turn,
    turn_root,
)
from gsam.meshes.crops import square_of_box
from gsam.meshes.sources import MeshSource, MeshSources, SourceFiles
from gsam.skeletons import SPIN_24
from gsam.training.feed import Arrays
from gsam.training.order import stream

__all__ = ["CELL", "MeshSampler", "make_sample", "open_sampler"]

CELL = 4
"""Pixels of the crop to a cell of its part map, either way."""

_SIDES = list(SPIN_24.mirror_permutation)


@dataclass(frozen=True, eq=False)
class MeshSampler:
    """Makes samples of the people of `sources`, by their numbers there; whoever makes one,
    whenever, it has the same bytes. Without `augment` it is the plain crop."""

    sources: MeshSources
    size: int
    augment: MeshAugment | None = None
    seed: int = 0

    def __call__(self, item: int, draw: int) -> Arrays:
        """The sample of a person with the random stream `draw`, as `make_sample`."""
        source, person = self.sources.find(item)
        number = stream("mesh", self.seed, draw, item)
        return make_sample(source, person, self.size, self.augment, np.random.default_rng(number))


def open_sampler(
    files: Sequence[SourceFiles], size: int, augment: Mapping[str, Any], seed: int
) -> MeshSampler:
    """A sampler of images and labels on disk, for another process.

    Raises:
        DataError: a source is not whole.
        ConfigError: `augment` has a field that makes no sense.
    """
    config = build(MeshAugment, augment, "augment")
    return MeshSampler(MeshSources.open(files), size, config, seed)


def make_sample(
    source: MeshSource,
    person: int,
    size: int,
    augment: MeshAugment | None,
    rng: np.random.Generator,
) -> Arrays:
    """The sample of one person: a function of the arguments and the generator's state alone.

    Returns:
        image (S, S, 3) uint8 RGB; keypoints (49, 3) float32: x, y with the crop's pixels 0 .. S as
        [-1, 1], confidence 1 where a joint is labelled (also outside the crop), the first 25 none;
        joints3d (24, 4) float32: SPIN's, metres, camera frame turned and mirrored as the crop,
        confidence; pose (72,) float32 axis-angle, radians, the root in that frame; betas (10,)
        float32; parts (S / 4, S / 4) uint8: the person's body, whatever hides it, 0 background, 1
        to 24, 255 unknown; has_smpl, has_3d () float32.

    Raises:
        DataError: the image or the part map is damaged, or the box has no area.
    """
    picture = source.images.decode(int(source.images.person_image[person]))
    view = _view(source, person, augment, rng)
    matrix = view.matrix(picture.shape[1], size, size)
    shown = warp(picture, matrix, size, size)
    if augment is not None:
        if rng.random() < augment.occlusion:
            shown = occlude(shown, rng)
        if augment.colour:
            shown = tint(shown, augment.colour, rng)
    return {
        "image": shown,
        "keypoints": _keypoints(source, person, view, matrix, size),
        **_labels(source.labels, person, view, matrix / CELL, size // CELL),
    }


def _view(
    source: MeshSource, person: int, augment: MeshAugment | None, rng: np.random.Generator
) -> View:
    """What the crop shows of the image: the square around the box, or a random neighbour of it."""
    images = source.images
    try:
        centre, side = square_of_box(images.boxes[person])
    except DataError as error:
        name = images.name(int(images.person_image[person]))
        raise DataError(f"{name}: person {images.person_ids[person]}: {error}") from error
    view = View(centre, np.repeat(side, 2))
    if augment is None:
        return view
    points, labelled = images.points[person], images.visibility[person] > 0
    return vary(view, points, labelled, images.skeleton, augment.view(), rng)


def _keypoints(
    source: MeshSource, person: int, view: View, matrix: NDArray[np.float64], size: int
) -> NDArray[np.float32]:
    images = source.images
    spin = np.zeros((SPIN_24.size, 3))
    labelled = images.visibility[person] > 0
    found = transform(matrix, images.points[person]) * (2.0 / size) - 1.0
    spin[source.rows, :2] = np.where(labelled[:, None], found, 0.0)
    spin[source.rows, 2] = labelled
    if view.flip:
        spin = spin[_SIDES]
    return np.concatenate([np.zeros((OPENPOSE_JOINTS, 3)), spin]).astype(np.float32)


def _labels(
    labels: BodyLabels | None, person: int, view: View, cells: NDArray[np.float64], size: int
) -> Arrays:
    """What SMPL's labels say in the view; zeros that do not count where there are none."""
    known = np.array(labels is not None, np.float32)
    joints = np.zeros((SPIN_24.size, 4), np.float32)
    pose, betas = np.zeros(72, np.float32), np.zeros(10, np.float32)
    parts = np.full((size, size), NO_PART, np.uint8)
    if labels is not None:
        pose, betas = labels.poses[person], labels.shapes[person]
        found = labels.joints[person]
        if view.flip:
            pose, found = mirror_pose(pose), found[_SIDES] * np.array([-1, 1, 1], np.float32)
        if view.rotation:
            pose, found = turn_root(pose, view.rotation), turn(found, view.rotation)
        joints = np.concatenate([found, np.ones((SPIN_24.size, 1), np.float32)], axis=1)
        parts = _parts(labels, person, view, cells, size)
    return {
        "joints3d": joints.astype(np.float32),
        "pose": pose.astype(np.float32),
        "betas": betas.astype(np.float32),
        "parts": parts,
        "has_smpl": known,
        "has_3d": known,
    }


def _parts(
    labels: BodyLabels, person: int, view: View, cells: NDArray[np.float64], size: int
) -> NDArray[np.uint8]:
    """The part map (size, size) of a view whose `cells` (2, 3) are those of the stored image."""
    stored = labels.part_map(person)
    if stored is None:
        return np.full((size, size), NO_PART, np.uint8)
    back = invert(labels.part_matrix(person))
    # First back to the image's pixels, then on to the view's cells.
    whole = np.concatenate([cells[:, :2] @ back[:, :2], transform(cells, back[:, 2][None]).T], 1)
    # Around the stored map, which ends close to the box, parts of the body may lie unlabelled.
    found = cv2.warpAffine(
        stored, whole, (size, size), flags=cv2.INTER_NEAREST, borderValue=NO_PART
    )
    parts = np.asarray(found, np.uint8)
    return mirror_parts(parts) if view.flip else parts

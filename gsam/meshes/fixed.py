"""The people on whom a mesh regressor's validation curve is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.bodies import Bodies
from gsam.body.joints import BodyJoints
from gsam.body.smpl import JOINTS
from gsam.meshes.samples import make_sample
from gsam.meshes.sources import MeshSource
from gsam.training.feed import Arrays, stack

__all__ = ["FixedPeople", "fixed_people"]


@dataclass(frozen=True, eq=False)
class FixedPeople:
    """Whom the curve is measured on: samples (N, ...) without augmentation, as the feed's, and
    their true Human3.6M joints (N, 17, 3), metres, in any frame that is turned as the camera's.
    `held_out`: nobody of them is trained on."""

    arrays: Arrays
    h36m: NDArray[np.float32]
    held_out: bool


def fixed_people(
    source: MeshSource,
    bodies: Bodies,
    truth: Literal["neutral", "gendered"],
    *,
    size: int,
    most: int,
    held_out: bool,
) -> FixedPeople:
    """At most `most` people of a source, evenly spread, in crops of `size` px.

    Args:
        truth: whether everybody's true joints are those of the neutral body or of their own
            gender's; those of people without SMPL labels mean nothing.

    Raises:
        DataError: an image or a part map is damaged.
        LicensedDataMissing: there is no body of somebody's gender.
    """
    count = min(most, len(source.people))
    people = source.people[np.arange(count) * len(source.people) // count]
    none = np.random.default_rng(0)  # nothing is drawn from it without augmentation
    samples = [make_sample(source, int(person), size, None, none) for person in people]
    arrays = stack(samples).arrays
    gendered = truth == "gendered" and source.labels is not None
    genders = source.labels.genders[people] if source.labels and gendered else np.full(count, "n")
    return FixedPeople(arrays, _true_joints(arrays, genders, bodies), held_out)


def _true_joints(arrays: Arrays, genders: NDArray[np.str_], bodies: Bodies) -> NDArray[np.float32]:
    """Human3.6M's joints (N, 17, 3) of labelled poses and shapes, about the body's own origin."""
    found = np.empty((len(genders), 17, 3), np.float32)
    for gender in sorted(set(genders.tolist())):
        rows = genders == gender
        body, _ = BodyJoints.of(bodies.of(gender)).compact()
        pose = torch.from_numpy(arrays["pose"][rows]).view(-1, JOINTS, 3)
        posed = body(torch.from_numpy(arrays["betas"][rows]), pose)
        found[rows] = body.h36m_joints(posed.vertices).numpy()
    return found

"""What OpenPose found of each person, as 3DPW's `poses2d` holds it.

Errors are in proportion to the person's size in the picture. Joints that something hides are
mostly not found, joints outside the picture never; of fewer than six found there are none at all.
"""

import numpy as np
from numpy.typing import NDArray

from gsam.render.labels import HIDDEN, OUTSIDE, SELF_OCCLUDED, VISIBLE
from gsam.skeletons import OPENPOSE_18
from gsam.twin.blocks import Array
from gsam.twin.images.landmarks import LANDMARKS

# OpenPose's neck is the middle between the shoulders, as Human3.6M's thorax.
ROWS = LANDMARKS.indices(["thorax" if j == "neck" else j for j in OPENPOSE_18.joints])
FEWEST_JOINTS = 6
# Of each level: chance that a joint is found, range of its confidence, and standard deviation of
# its error as a share of the person's size.
FOUND = {OUTSIDE: 0.0, HIDDEN: 0.25, SELF_OCCLUDED: 0.85, VISIBLE: 0.98}
CONFIDENCE = {OUTSIDE: (0, 0), HIDDEN: (0.1, 0.4), SELF_OCCLUDED: (0.3, 0.75), VISIBLE: (0.6, 0.95)}
ERROR = {OUTSIDE: 0.0, HIDDEN: 0.03, SELF_OCCLUDED: 0.015, VISIBLE: 0.008}
# Share of the frames in which a person is overlooked.
OVERLOOKED = 0.015


def find_joints(rng: np.random.Generator, points: Array, levels: NDArray[np.integer]) -> Array:
    """`poses2d` (N, 3, 18) of one person: x, y (px) and confidence, all zero of what is not found.

    Args:
        rng: all choices.
        points: (N, 22, 2) the true `LANDMARKS`, px.
        levels: (N, 22) how well each is seen, of `gsam.render.labels`.
    """
    level = levels[:, ROWS]
    found = rng.uniform(size=level.shape) < _of(FOUND, level)
    low, high = (_of({k: v[end] for k, v in CONFIDENCE.items()}, level) for end in (0, 1))
    confidence = low + (high - low) * rng.uniform(size=level.shape)
    size = np.ptp(points, axis=1).max(axis=-1)[:, None, None]
    error = size * _of(ERROR, level)[..., None] * rng.normal(size=(*level.shape, 2))
    found &= (rng.uniform(size=len(points)) >= OVERLOOKED)[:, None]
    found &= found.sum(axis=1, keepdims=True) >= FEWEST_JOINTS
    rows = np.concatenate([points[:, ROWS] + error, confidence[..., None]], axis=-1)
    return np.where(found[..., None], rows, 0.0).transpose(0, 2, 1)


def _of(table: dict[int, float], level: NDArray[np.integer]) -> Array:
    """The table's value of each level."""
    return np.array([table[key] for key in range(len(table))], dtype=float)[level]

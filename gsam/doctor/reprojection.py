"""Keypoints held against the 3D they belong to: do they fall on its projection, and if not, why?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.skeletons import H36M_17

__all__ = ["cause_of", "distance", "projected", "swapped_beside"]

Floats = NDArray[np.floating]

_SCREEN = 4.0
"""Coordinates up to this are of a screen from -1 to 1, not pixels."""
_TELLING = 0.5
"""An explanation counts when under it the points lie at most half as far off."""


def projected(camera: Camera, joints: Floats) -> Floats:
    """Pixels (T, J, 2) of world joints (T, J, 3), metres."""
    return camera.project(camera.world_to_camera(joints))


def distance(points: Floats, truth: Floats) -> float:
    """Median distance in pixels."""
    return float(np.median(np.linalg.norm(points - truth, axis=-1)))


def cause_of(
    points: Floats,
    truth: Floats,
    allowed_px: float,
    camera: Camera,
    readings: Mapping[str, Floats] = {},
    others: Sequence[tuple[str, Floats]] = (),
) -> str:
    """Why keypoints (T, 17, 2) px do not fall on `truth`; "" where they do.

    Args:
        points: keypoints in Human3.6M-17 order.
        truth: the projection of the 3D.
        allowed_px: median distance that a source of keypoints may have.
        camera: whose picture it is.
        readings: the same file's points read otherwise, by what is wrong if those fit.
        others: names and projections of the other cameras.
    """
    found = distance(points, truth)
    if np.percentile(np.abs(points), 95) <= _SCREEN:
        return "coordinates are normalised to the screen, expected pixels"
    mirrored = points.copy()
    mirrored[..., 0] = camera.width - 1 - points[..., 0]
    guesses = {
        "left and right swapped": points[:, list(H36M_17.mirror_permutation)],
        "x and y swapped": points[..., ::-1],
        "pictures mirrored": mirrored,
        **readings,
    }
    scores = {text: distance(guess, truth) for text, guess in guesses.items()}
    scores |= {f"these are of camera {name}": distance(points, other) for name, other in others}
    text = min(scores, key=lambda key: scores[key])
    if scores[text] < _TELLING * found and found > min(2.0, allowed_px):
        return f"{text}: {found:.0f} px from the 3D as they are, {scores[text]:.1f} px otherwise"
    if found > allowed_px:
        return f"{found:.0f} px (median) from the projected 3D, expected at most {allowed_px:g}"
    return ""


def swapped_beside(points: Floats, joints: Floats) -> bool:
    """Whether keypoints (T, 17, 2) have left and right swapped beside joints (T, 17, 3) in a
    camera's frame, told without the camera: both relative to the root, up to a scale per frame."""

    def misfit(order: list[int]) -> float:
        plane = joints[:, order, :2] - joints[:, [H36M_17.root], :2]
        seen = points - points[:, [H36M_17.root]]
        scale = (plane * seen).sum((1, 2)) / np.maximum((plane * plane).sum((1, 2)), 1e-12)
        return float(np.median(np.abs(seen - scale[:, None, None] * plane)))

    return misfit(list(H36M_17.mirror_permutation)) < _TELLING * misfit(list(range(H36M_17.size)))

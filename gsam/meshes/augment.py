"""How a training crop of a mesh regressor is varied: the view, the colours, what stands in front,
and what mirroring and turning a picture does to the labels of a body.

Source: PARE's and SPIN's datasets (scale, rotation, flip, noise per channel) and PARE's synthetic
occlusion, with this project's own occluders in the place of cut-out photographs. A camera frame has
x to the right, y down, z forward; angles of views are degrees as in `gsam.detectors.crops`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.detectors.augment import AugmentConfig
from gsam.render.occluders import draw_occluders
from gsam.skeletons import SMPL_24

__all__ = ["NO_PART", "MeshAugment", "mirror_parts", "mirror_pose", "occlude", "turn", "turn_root"]

NO_PART = 255
"""A cell of a part map about which nothing is known."""

_MIRROR = list(SMPL_24.mirror_permutation)


@dataclass(frozen=True, kw_only=True)
class MeshAugment:
    """What may happen to a training crop; probabilities are per sample, 0 switches off.

    scale: the crop grows or shrinks by 1 + a normal draw times this, at most by this.
    rotation: degrees, a normal draw times this, at most twice this, with `rotate_probability`.
    flip: mirrored left to right. half_body: the upper or lower half of a person with more than
    8 labelled joints fills the crop, so that the rest is cut off. colour: every channel is
    multiplied by a factor within 1 +- this. occlusion: things are pasted in front of the person.
    """

    scale: float = 0.25
    rotation: float = 30.0
    rotate_probability: float = 0.4
    flip: float = 0.5
    half_body: float = 0.0
    colour: float = 0.4
    occlusion: float = 0.5

    def problems(self) -> list[str]:
        """One line for each value that makes no sense."""
        found = self.view().problems()
        if not 0.0 <= self.occlusion <= 1.0:
            found.append(f"occlusion = {self.occlusion}: expected a probability, 0 to 1")
        return found

    def view(self) -> AugmentConfig:
        """What of it changes the view and the colours, which detectors vary alike."""
        return AugmentConfig(
            scale=self.scale,
            rotation=self.rotation,
            rotate_probability=self.rotate_probability,
            flip=self.flip,
            half_body=self.half_body,
            colour=self.colour,
        )


def occlude(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with one to three things in front of what it shows."""
    height, width = image.shape[:2]
    drawn = None
    while drawn is None:  # nothing is drawn in half of the cases
        drawn = draw_occluders(rng, height, width)
    alpha = drawn.alpha[..., None]
    shown = image * (1.0 - alpha) + drawn.colour * alpha
    return np.rint(shown).astype(np.uint8)


def mirror_pose(pose: NDArray[np.floating]) -> NDArray[np.floating]:
    """SMPL's pose (..., 72) of the mirror image: sides swapped, every rotation reflected in x.

    The root's rotation is reflected likewise, which is right in the frame of a camera as in the
    body's own.
    """
    vectors = pose.reshape(*pose.shape[:-1], SMPL_24.size, 3)[..., _MIRROR, :]
    return (vectors * np.array([1, -1, -1], pose.dtype)).reshape(pose.shape)


def mirror_parts(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The labels of a part map whose picture was mirrored: 0 background, 1 + joint, `NO_PART`."""
    table = np.arange(256, dtype=np.uint8)
    table[1 : SMPL_24.size + 1] = np.array(_MIRROR) + 1
    return table[parts]


def turn(points: NDArray[np.floating], rotation: float) -> NDArray[np.floating]:
    """Points (..., 3) of a camera frame after the picture was turned by `rotation` degrees."""
    cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return points @ matrix.T.astype(points.dtype)


def turn_root(pose: NDArray[np.floating], rotation: float) -> NDArray[np.floating]:
    """SMPL's pose (72,) after the picture was turned by `rotation` degrees: the turn about the
    camera's axis, after the root's own.

    Quaternions stay exact where a vector of rotation is near a half turn, as SMPL's roots are in
    cameras whose y points down.
    """
    vector = pose[:3].astype(np.float64)
    angle = float(np.linalg.norm(vector))
    # sin(angle / 2) / angle, also at 0.
    root = np.array([np.cos(angle / 2), *(vector * np.sinc(angle / (2 * np.pi)) / 2)])
    half = -np.deg2rad(rotation) / 2
    (w, z), (a, b, c, d) = (np.cos(half), np.sin(half)), root
    real, axis = w * a - z * d, np.array([w * b - z * c, w * c + z * b, w * d + z * a])
    if real < 0:
        real, axis = -real, -axis
    norm = float(np.linalg.norm(axis))
    factor = 2 * np.arctan2(norm, real) / norm if norm > 0 else 2.0
    return np.concatenate([(factor * axis).astype(pose.dtype), pose[3:]])

"""One take of 3DPW before its camera: which frames count, boxes, and poses out of the world.

Lengths are metres, angles radians; camera axes x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOX_PADDING", "MIN_JOINTS", "Sequence3dpw"]

MIN_JOINTS = 6
"""Detected joints without which the dataset's authors count a person as not found."""
BOX_PADDING = 1.2
"""A person's box over the extent of its detected joints (SPIN, datasets/preprocess/pw3d.py)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sequence3dpw:
    """One take: P people in N frames.

    poses (P, N, 72) axis-angle and translations (P, N, 3) of SMPL in the sequence's world; shapes
    (P, 10); genders, P of m and f; points (P, N, 18, 3), x and y in pixels and confidence of
    OpenPose's 18 joints (`gsam.skeletons.OPENPOSE_18`), all zero where the person was not found;
    cameras (N, 4, 4) world to camera; intrinsics (3, 3) in pixels; tracked (P, N) bool, whether the
    camera's pose and the person's are to be trusted.
    """

    name: str
    poses: Floats
    translations: Floats
    shapes: Floats
    genders: tuple[str, ...]
    points: Floats
    cameras: Floats
    intrinsics: Floats
    tracked: NDArray[np.bool_]

    @property
    def detected(self) -> NDArray[np.bool_]:
        """Whether at least `MIN_JOINTS` joints of a person were found in a frame, (P, N)."""
        return (self.points[..., 2] > 0).sum(axis=-1) >= MIN_JOINTS

    def boxes(self, person: int, frames: NDArray[np.int64]) -> Floats:
        """Boxes (K, 4) x, y, width, height in px around the joints found, enlarged by 1.2."""
        points = self.points[person, frames]
        found = points[..., 2:] > 0
        low = np.where(found, points[..., :2], np.inf).min(axis=1)
        high = np.where(found, points[..., :2], -np.inf).max(axis=1)
        size = BOX_PADDING * (high - low)
        return np.concatenate([(low + high - size) / 2, size], axis=-1)

    def before_camera(
        self, person: int, frames: NDArray[np.int64], pelvis: Floats
    ) -> tuple[Floats, Floats]:
        """Poses (K, 72) and translations (K, 3) that put the same body before the camera.

        Only the first joint's rotation changes. SMPL turns the body about its pelvis in the rest
        pose, not about the origin, so the translation depends on where that is.

        Args:
            person: number in the sequence.
            frames: (K,) numbers.
            pelvis: (3,) pelvis of the person's shape in the rest pose.
        """
        # Imported on use: half a second that no other reader of datasets needs.
        from scipy.spatial.transform import Rotation

        turn, shift = self.cameras[frames, :3, :3], self.cameras[frames, :3, 3]
        poses = self.poses[person, frames].copy()
        world = Rotation.from_rotvec(poses[:, :3]).as_matrix()
        poses[:, :3] = Rotation.from_matrix(turn @ world).as_rotvec()
        origin = (turn @ (pelvis + self.translations[person, frames])[..., None])[..., 0]
        return poses, origin + shift - pelvis

    def project(self, points: Floats) -> Floats:
        """Pixels (..., 2) of points (..., 3) before the camera; meaningless for those behind it.

        3DPW's images are used without a model of the lens.
        """
        focal, centre = self.intrinsics[[0, 1], [0, 1]], self.intrinsics[:2, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return focal * points[..., :2] / points[..., 2:] + centre

"""Motion capture filmed by Human3.6M's four cameras: people brought to where the cameras look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera

_MARGIN_PX = 20.0
_NEAREST_M = 1.0


def place(joints: NDArray[np.floating], yaw: float) -> NDArray[np.float64]:
    """Joints (T, 17, 3), world metres, moved over the floor and turned about the vertical by `yaw`.

    The middle of the pelvis's path comes to the origin, where the cameras look, and then the take
    is turned; heights stay. Without the turn all takes of a collection face the same camera.
    """
    joints = np.asarray(joints, np.float64)
    path = joints[:, 0, :2]
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    placed = joints - np.append(middle, 0)
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    return placed @ turn.T


def film(joints: NDArray[np.floating], cameras: tuple[Camera, ...]) -> tuple[Camera, ...]:
    """The cameras, moved back along their lines of sight as far as joints (..., 3) need.

    Afterwards every joint is at least 1 m in front of each camera and, by the pinhole model, 20
    pixels inside its image (the lens of Human3.6M pulls points further inwards). A camera that sees
    everything stays where it is.
    """
    points = np.asarray(joints, np.float64).reshape(-1, 3)
    return tuple(_retreat(camera, points) for camera in cameras)


def _retreat(camera: Camera, points: NDArray[np.float64]) -> Camera:
    x, y, depth = camera.world_to_camera(points).T
    needed = [_NEAREST_M]
    for at, focal, centre, size in (
        (x, camera.fx, camera.cx, camera.width),
        (y, camera.fy, camera.cy, camera.height),
    ):
        # f * at / (depth + back) must stay within the image on either side of the centre.
        right = (size - 1 - _MARGIN_PX - centre) / focal
        left = (centre - _MARGIN_PX) / focal
        needed.append(np.maximum(at / right, -at / left))
    back = max(float(np.max(need - depth)) for need in needed)
    if back <= 0:
        return camera
    return replace(camera, t=camera.t + np.array([0, 0, back]))

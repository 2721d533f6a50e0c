"""Calibrated cameras: rigid motion, one projection per distortion model, screen normalisation.

Conventions: ``X_cam = R X_world + t`` in metres, camera axes x right, y down, z forward, pixels
from the top left corner. All functions compute in float64. The Human3.6M model follows Human3.6M's
own formula (first-order tangential terms multiplied by the point, no factor of two), which differs
from OpenCV's by up to 0.2 px.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gsam.errors import DataError

Array = npt.NDArray[np.float64]


def rotation_from_quaternion(quaternion: npt.ArrayLike) -> Array:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) in w, x, y, z order, of any length.

    Raises DataError when a quaternion is zero or not finite.
    """
    q = np.asarray(quaternion, dtype=np.float64)
    if q.shape[-1:] != (4,):
        raise DataError(f"quaternion of shape {q.shape}: expected (..., 4) in w, x, y, z order")
    norm = np.linalg.norm(q, axis=-1, keepdims=True)
    if not np.all(np.isfinite(norm) & (norm > 0)):
        raise DataError("quaternion is zero or not finite: expected unit length")
    w, x, y, z = np.moveaxis(q / norm, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _distort_none(xy: Array, _: Array) -> Array:
    return xy


def _distort_human36m(xy: Array, coefficients: Array) -> Array:
    """Human3.6M's model, coefficients k1, k2, k3, t0, t1.

    Rays are clamped to [-1, 1] first, as VideoPose3D does.
    """
    radial, tangential = coefficients[:3], coefficients[3:]
    xy = np.clip(xy, -1.0, 1.0)
    r2 = np.sum(xy * xy, axis=-1, keepdims=True)
    gain = (
        1
        + r2 * (radial[0] + r2 * (radial[1] + r2 * radial[2]))
        + np.sum(xy * tangential, axis=-1, keepdims=True)
    )
    return xy * gain + tangential * r2


def _distort_opencv(xy: Array, coefficients: Array) -> Array:
    """OpenCV's five-parameter model: coefficients k1, k2, p1, p2, k3."""
    k1, k2, p1, p2, k3 = coefficients
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([u, v], axis=-1)


# model name: (number of coefficients, distortion of normalised image points)
_MODELS: dict[str, tuple[int, Callable[[Array, Array], Array]]] = {
    "pinhole": (0, _distort_none),
    "human36m": (5, _distort_human36m),
    "opencv": (5, _distort_opencv),
}


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    width, height, fx, fy, cx, cy in pixels; R (3, 3) and t (3,) map world metres to camera metres.
    ``distortion`` is () for "pinhole", (k1, k2, k3, t0, t1) for "human36m" and (k1, k2, p1, p2, k3)
    for "opencv".
    """

    name: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...]
    model: str
    R: Array
    t: Array

    def __post_init__(self) -> None:
        """Take private float64 copies of R and t; DataError for anything that is not a camera."""
        for field in ("R", "t"):
            value = np.array(getattr(self, field), dtype=np.float64)
            value.setflags(write=False)
            object.__setattr__(self, field, value)
        object.__setattr__(self, "distortion", tuple(float(k) for k in self.distortion))
        for ok, field, expected in self._checks():
            if not ok:
                text = str(getattr(self, field)).replace("\n", "")
                raise DataError(f"camera {self.name}: {field} is {text}: expected {expected}")

    def _checks(self) -> Iterator[tuple[bool, str, str]]:
        """(holds, field, what it should be), each computed only when those before it hold."""
        yield self.model in _MODELS, "model", f"one of {', '.join(_MODELS)}"
        numbers = _MODELS[self.model][0]
        finite = bool(np.isfinite(self.distortion).all())
        yield (
            finite and len(self.distortion) == numbers,
            "distortion",
            f"{numbers} finite numbers for model {self.model}",
        )
        for field in ("width", "height", "fx", "fy"):
            yield 0 < getattr(self, field) < np.inf, field, "a positive number of pixels"
        for field in ("cx", "cy"):
            yield bool(np.isfinite(getattr(self, field))), field, "a finite number of pixels"
        yield self.t.shape == (3,) and bool(np.isfinite(self.t).all()), "t", "three finite numbers"
        yield self.R.shape == (3, 3), "R", "a (3, 3) rotation matrix"
        # Calibration files hold six digits or more; a matrix further off is not a rotation.
        residual = np.abs(self.R @ self.R.T - np.eye(3)).max()
        yield bool(residual < 1e-4 and np.linalg.det(self.R) > 0), "R", "R R^T = I and det R = 1"

    @property
    def centre(self) -> Array:
        """Position of the camera in the world, metres (3,)."""
        return -self.R.T @ self.t

    @property
    def K(self) -> Array:
        """Intrinsic matrix (3, 3) in pixels, without distortion."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    def world_to_camera(self, points: npt.ArrayLike) -> Array:
        """World points (..., 3) in camera coordinates, metres."""
        return np.asarray(points, dtype=np.float64) @ self.R.T + self.t

    def camera_to_world(self, points: npt.ArrayLike) -> Array:
        """Camera points (..., 3) in world coordinates, metres; undoes :meth:`world_to_camera`."""
        return (np.asarray(points, dtype=np.float64) - self.t) @ self.R

    def project(self, points: npt.ArrayLike) -> Array:
        """Pixels (..., 2) of camera-frame points (..., 3), lens distortion included.

        Only points in front of the camera (z > 0) are visible; the others give the formula's value
        without an error (not finite at z = 0 for the models that do not clamp), so a caller who can
        meet them must mask by depth.
        """
        points = np.asarray(points, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rays = points[..., :2] / points[..., 2:3]
            distorted = _MODELS[self.model][1](rays, np.array(self.distortion))
            return distorted * (self.fx, self.fy) + (self.cx, self.cy)


def normalise_screen(xy: npt.ArrayLike, width: float, height: float) -> Array:
    """Pixels (..., 2) to screen coordinates: x to [-1, 1], y by the same factor 2 / width."""
    return np.asarray(xy, dtype=np.float64) * (2.0 / width) - np.array([1.0, height / width])


def denormalise_screen(xy: npt.ArrayLike, width: float, height: float) -> Array:
    """Screen coordinates (..., 2) back to pixels; inverse of :func:`normalise_screen`."""
    return (np.asarray(xy, dtype=np.float64) + np.array([1.0, height / width])) * (width / 2.0)


def normalised_intrinsics(camera: Camera) -> Array:
    """VideoPose3D's 9-vector [fx, fy, cx, cy, k1, k2, k3, t0, t1] of a "human36m" camera.

    In screen coordinates: focal lengths are divided by width / 2, the centre is mapped like a
    pixel. Raises DataError for another distortion model.
    """
    if camera.model != "human36m":
        raise DataError(
            f"camera {camera.name}: model {camera.model!r}: expected human36m for the 9-vector"
        )
    focal = np.array([camera.fx, camera.fy]) * (2.0 / camera.width)
    centre = normalise_screen((camera.cx, camera.cy), camera.width, camera.height)
    return np.array([*focal, *centre, *camera.distortion], dtype=np.float64)


def mirror_intrinsics(vector: npt.ArrayLike) -> Array:
    """The 9-vector of the mirrored camera: centre x and the tangential term along x change sign."""
    signs = (1, 1, -1, 1, 1, 1, 1, -1, 1)
    return np.asarray(vector, dtype=np.float64) * signs

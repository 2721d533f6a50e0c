"""Human3.6M's `metadata.xml`: its camera calibration, held against the one that this code uses.

`w0` holds 264 extrinsic numbers, six for each of 4 cameras x 11 subjects (three angles, then the
camera's place in the world in millimetres), and nine intrinsic ones for each camera: two focal
lengths, two of the centre, k1, k2, k3, p1, p2. The tangential pair stands in the other order than
in the community's table. Source: guides/formats.md 1.6 and 1.7.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.human36m.cameras import MM_PER_M, human36m_cameras
from gsam.errors import DataError

__all__ = ["CAMERAS", "SUBJECTS_OF_W0", "check_metadata", "rotation_of", "w0_cameras"]

CAMERAS, SUBJECTS_OF_W0 = 4, 11
EXTRINSIC, INTRINSIC = 6, 9
_NUMBERS = CAMERAS * (SUBJECTS_OF_W0 * EXTRINSIC + INTRINSIC)
_MAX_BYTES = 4 << 20
_TOLERANCE = {"pixels": 1e-3, "lens": 1e-6, "rotation": 1e-5, "metres": 1e-5}
"""How far a camera may be from ours: the published figures agree to a hundredth of this."""
_QUANTITIES = {
    "pixels": "focal lengths and centre (px)",
    "lens": "distortion coefficients",
    "rotation": "rotation matrices",
    "metres": "places in the world (m)",
}


def check_metadata(path: Path) -> None:
    """Raise DataError, naming camera and quantity, unless the file's cameras are ours."""
    for subject, found in w0_cameras(path).items():
        for ours, theirs in zip(human36m_cameras()[subject], found, strict=True):
            _compare(ours, theirs, f"{path}: {subject} camera {ours.name}")


def w0_cameras(path: Path) -> dict[str, tuple[Camera, ...]]:
    """The four cameras of every subject that has public poses, out of `w0`.

    Raises DataError, naming the file, for one that is absent, no XML, suspiciously large, declares
    entities, or has no 300 numbers in `w0`.
    """
    numbers = _w0(path)
    return {
        subject: tuple(
            _camera(numbers, index, int(subject[1:]), ours) for index, ours in enumerate(cameras)
        )
        for subject, cameras in human36m_cameras().items()
    }


def _w0(path: Path) -> NDArray[np.float64]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    # Entities are how a small file unpacks to a huge one; the original declares none.
    # In UTF-16, whose letters have a zero each, the declaration would not be seen.
    if len(text) > _MAX_BYTES or any(word in text for word in (b"<!ENTITY", b"<!DOCTYPE", b"\0")):
        raise DataError(f"{path}: larger than {_MAX_BYTES} bytes or declares entities, refused")
    try:
        found = ElementTree.fromstring(text).find(".//w0")
        words = re.split(r"[\s,;]+", (found.text or "").strip(" \n[]")) if found is not None else []
        numbers = np.array([float(word) for word in words])
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path}: no readable XML with numbers in w0 ({error})") from None
    if len(numbers) != _NUMBERS or not np.isfinite(numbers).all():
        raise DataError(f"{path}: w0 has {len(numbers)} numbers, expected {_NUMBERS} finite ones")
    return numbers


def rotation_of(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """World to camera (3, 3) of the three angles of `w0` (radians): about x, then y, then z."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles), np.cos(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_x @ about_y @ about_z
    return rotation


def _camera(numbers: NDArray[np.float64], index: int, subject: int, ours: Camera) -> Camera:
    at = EXTRINSIC * (SUBJECTS_OF_W0 * index + subject - 1)
    rotation = rotation_of(numbers[at : at + 3])
    start = CAMERAS * SUBJECTS_OF_W0 * EXTRINSIC + INTRINSIC * index
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = (
        float(number) for number in numbers[start : start + INTRINSIC]
    )
    return Camera(
        name=ours.name,
        width=ours.width,
        height=ours.height,
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        distortion=(k1, k2, k3, p2, p1),
        model=ours.model,
        R=rotation,
        t=-rotation @ (numbers[at + 3 : at + 6] / MM_PER_M),
    )


def _compare(ours: Camera, theirs: Camera, where: str) -> None:
    lens, swapped = np.array(ours.distortion), np.array(theirs.distortion)[[0, 1, 2, 4, 3]]
    mirrored = np.allclose(swapped, lens, rtol=0, atol=_TOLERANCE["lens"])
    for what, tolerance in _TOLERANCE.items():
        furthest = float(np.abs(_values(ours, what) - _values(theirs, what)).max())
        if furthest <= tolerance:
            continue
        if what == "lens" and mirrored:
            raise DataError(
                f"{where}: the tangential pair is swapped, expected the original's p1, p2"
            )
        raise DataError(
            f"{where}: {_QUANTITIES[what]} differ by {furthest:.3g} from the published "
            f"calibration, expected at most {tolerance:g}"
        )


def _values(camera: Camera, what: str) -> NDArray[np.float64]:
    if what == "pixels":
        return np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    if what == "lens":
        return np.array(camera.distortion)
    return camera.R if what == "rotation" else camera.centre

"""The fourteen cameras of the studio, the one of the open air, and the text that describes them.

World: metres, y up, the floor at y = 0, the middle of the area at the origin. Heights are those
measured in the original's calibration (shared by all sequences here as there); where the original's
is not known, cameras 3, 9 and 10 stand at 1 to 2.2 m. Cameras 11 to 13 hang from the ceiling.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.mpi_inf_3dhp.files import TESTS
from gsam.twin.blocks import Array
from gsam.twin.subjects import stream
from gsam.twin.video.filming import looking

_STUDIO_SIZE = (2048, 2048)
# Azimuth (degrees), distance over the floor and height (metres) of each camera.
_PLACES = (
    *((0, 4.2, 1.54), (27, 4.3, 1.99), (58, 4.2, 1.49), (88, 4.3, 1.30), (117, 4.2, 1.12)),
    *((150, 4.1, 0.82), (182, 4.2, 2.47), (216, 4.2, 1.17), (249, 4.3, 1.39), (286, 4.2, 2.20)),
    *((322, 4.2, 1.00), (45, 2.7, 3.40), (165, 2.7, 3.40), (285, 2.7, 3.40)),
)
_FOCAL, _FOCAL_SPREAD, _CENTRE_SPREAD = 1498.0, 4.0, 12.0
# As in the original, the studio's test camera is a training camera.
_TEST_CAMERA, _STUDIO_TEST = 8, "TS1"
_LOOK_AT, _AIM_SPREAD = 0.95, 0.04
_SENSOR_MM, _MM = 10.0, 1000.0
_DIGITS = 6


def studio(seed: int) -> tuple[Camera, ...]:
    """The fourteen cameras, named by their numbers."""
    rng = stream(seed, "3dhp", "rig")
    cameras = []
    for number, (azimuth, away, height) in enumerate(_PLACES):
        fx = _FOCAL + rng.uniform(-1.0, 1.0) * _FOCAL_SPREAD
        cx, cy = 0.5 * _STUDIO_SIZE[0] + rng.normal(0.0, _CENTRE_SPREAD, 2)
        drawn = (fx, fx + rng.normal(0.0, 0.4), cx, cy)
        lens = TESTS[_STUDIO_TEST].lens if number == _TEST_CAMERA else drawn
        place = _around(np.radians(azimuth), away, height)
        at = np.array([0.0, _LOOK_AT, 0.0]) + rng.normal(0.0, _AIM_SPREAD, 3)
        cameras.append(_camera(str(number), _STUDIO_SIZE, lens, place, at))
    return tuple(cameras)


def test_camera(seed: int, sequence: str) -> Camera:
    """The camera of a test sequence: the studio's, or one that somebody set up outside."""
    test = TESTS[sequence]
    if test.setting != "outdoor":
        return replace(studio(seed)[_TEST_CAMERA], name="0")
    rng = stream(seed, "3dhp", sequence, "camera")
    place = _around(rng.uniform(-np.pi, np.pi), rng.uniform(4.6, 5.2), rng.uniform(1.3, 1.6))
    at = np.array([0.0, 0.9, 0.0]) + rng.normal(0.0, _AIM_SPREAD, 3)
    return _camera("0", (test.width, test.height), test.lens, place, at)


def calibration_text(cameras: tuple[Camera, ...]) -> str:
    """What `camera.calibration` says of the cameras: pixels, world to camera, millimetres."""
    lines = ["Skeletool Camera Calibration File V1.0"]
    for camera in cameras:
        intrinsic, extrinsic = np.eye(4), np.eye(4)
        intrinsic[:3, :3] = camera.K
        extrinsic[:3, :3], extrinsic[:3, 3] = camera.R, camera.t * _MM
        lines += [
            f"name          {camera.name}",
            f"  sensor      {_SENSOR_MM:g} {_SENSOR_MM:g}",
            f"  size        {camera.width} {camera.height}",
            "  animated    0",
            f"  intrinsic   {_numbers(intrinsic)}",
            f"  extrinsic   {_numbers(extrinsic)}",
            "  radial      0",
        ]
    return "\n".join(lines) + "\n"


def _numbers(matrix: Array) -> str:
    # Nine digits after the point: a rotation's rounding moves no point by a thousandth of a pixel.
    return " ".join(f"{value:.9g}" for value in matrix.reshape(-1))


def _around(azimuth: float, away: float, height: float) -> Array:
    return np.array([away * np.sin(azimuth), height, away * np.cos(azimuth)])


def _camera(
    name: str, size: tuple[int, int], lens: tuple[float, ...], place: Array, at: Array
) -> Camera:
    """A camera at `place` that looks at `at`; fx, fy, cx, cy in pixels, rounded as written."""
    rotation = looking(at - place)
    fx, fy, cx, cy = (round(float(value), _DIGITS) for value in lens)
    return Camera(name, *size, fx, fy, cx, cy, (), "pinhole", rotation, -rotation @ place)

"""Cameras of MPI-INF-3DHP that no file describes: the test sequences', and a stand-in."""

from __future__ import annotations

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.mpi_inf_3dhp.files import TESTS

__all__ = ["nominal_camera", "test_camera"]

_STUDIO_PX, _NOMINAL_FOCAL_PX = 2048, 1500.0


def nominal_camera(number: int) -> Camera:
    """What stands in for a training camera of unknown calibration: the image's size is right, the
    focal length about (clips need the size alone)."""
    middle = _STUDIO_PX / 2
    lens = (_NOMINAL_FOCAL_PX, _NOMINAL_FOCAL_PX, middle, middle)
    return _pinhole(str(number), (_STUDIO_PX, _STUDIO_PX), lens)


def test_camera(name: str) -> Camera:
    """The camera of a test sequence, in its own frame."""
    test = TESTS[name]
    return _pinhole("0", (test.width, test.height), test.lens)


def _pinhole(name: str, size: tuple[int, int], lens: tuple[float, float, float, float]) -> Camera:
    return Camera(name, *size, *lens, (), "pinhole", np.eye(3), np.zeros(3))

"""MPI-INF-3DHP's `camera.calibration`: the text that the skeleton tracker wrote of its cameras.

A first line that names the format, then per camera lines of a keyword and values. Public parsers
that cut lines at fixed columns have read an image height of 204; here only words count.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.mpi_inf_3dhp.files import NUM_CAMERAS
from gsam.errors import DataError

__all__ = ["read_calibration"]

_FIRST_LINE = "Skeletool Camera Calibration File"
_VALUES = {"sensor": 2, "size": 2, "animated": 1, "intrinsic": 16, "extrinsic": 16, "radial": 1}
_MAX_BYTES = 1 << 20
_MM_PER_M = 1000.0
_HOMOGENEOUS = (0.0, 0.0, 0.0, 1.0)


def read_calibration(path: Path) -> tuple[Camera, ...]:
    """The fourteen cameras, named "0" to "13", world to camera in metres, without distortion.

    Raises DataError, naming file, camera and keyword, for a file that is absent, no calibration
    text, lacks a value, or describes a camera that there cannot be.
    """
    lines = _lines(path)
    cameras: list[dict[str, list[float]]] = []
    names: list[str] = []
    for number, line in enumerate(lines[1:], 2):
        word, *texts = line.split() or [""]
        if word == "name" and len(texts) == 1:
            names.append(texts[0])
            cameras.append({})
        elif word in _VALUES and cameras:
            cameras[-1][word] = _numbers(texts, _VALUES[word], f"{path}, line {number}: {word}")
        elif word:
            expected = ", ".join(("name", *_VALUES))
            raise DataError(f"{path}, line {number}: {word[:40]!r}, expected one of {expected}")
    wanted = [str(number) for number in range(NUM_CAMERAS)]
    if names != wanted:
        raise DataError(f"{path}: cameras {names[:20]}, expected 0 to {NUM_CAMERAS - 1} in order")
    return tuple(_camera(path, *pair) for pair in zip(names, cameras, strict=True))


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > _MAX_BYTES:
        raise DataError(f"{path}: more than {_MAX_BYTES} bytes, expected a calibration text")
    lines = content.decode("ascii", "replace").splitlines()
    if not lines or not " ".join(lines[0].split()).startswith(_FIRST_LINE):
        found = lines[0][:60] if lines else ""
        raise DataError(f"{path}: begins with {found!r}, expected {_FIRST_LINE!r}")
    return lines


def _numbers(texts: list[str], count: int, where: str) -> list[float]:
    try:
        values = [float(text) for text in texts]
    except ValueError as error:
        raise DataError(f"{where}: {error}, expected {count} numbers") from None
    if len(values) != count or not np.isfinite(values).all():
        raise DataError(f"{where}: {len(values)} values, expected {count} finite numbers")
    return values


def _camera(path: Path, name: str, values: dict[str, list[float]]) -> Camera:
    where = f"{path}: camera {name}"
    absent = [word for word in ("size", "intrinsic", "extrinsic") if word not in values]
    if absent:
        raise DataError(f"{where} has no {absent[0]}, expected {', '.join(_VALUES)}")
    if values.get("radial", [0.0]) != [0.0]:
        raise DataError(f"{where}: radial {values['radial'][0]:g}, expected 0 (no distortion)")
    lens = np.reshape(values["intrinsic"], (4, 4))
    motion = np.reshape(values["extrinsic"], (4, 4))
    if tuple(motion[3]) != _HOMOGENEOUS:
        raise DataError(f"{where}: extrinsic ends with {motion[3].tolist()}, expected 0 0 0 1")
    width, height = (round(value) for value in values["size"])
    try:
        return Camera(
            name=name,
            width=width,
            height=height,
            fx=float(lens[0, 0]),
            fy=float(lens[1, 1]),
            cx=float(lens[0, 2]),
            cy=float(lens[1, 2]),
            distortion=(),
            model="pinhole",
            R=motion[:3, :3],
            t=motion[:3, 3] / _MM_PER_M,
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from None

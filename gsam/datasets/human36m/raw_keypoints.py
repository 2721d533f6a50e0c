"""2D keypoints of Human3.6M as its authors hand it out, and of the stacked hourglass beside it.

`D2_Positions` are the projections of the positions in the world, `S*/StackedHourglassFineTuned*`
a detector's. Files are read when their take is asked for: there are four for each take.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.containers import read_detections, read_positions
from gsam.datasets.human36m.keypoints import Views, view_of
from gsam.datasets.human36m.raw_files import view_files
from gsam.errors import DataError
from gsam.skeletons import H36M_32, MPII_16

__all__ = ["RAW_KEYPOINTS", "RawKeypoints"]

RAW_KEYPOINTS = {"gt": "D2", "sh": "sh", "sh_mpii": "sh_mpii"}
"""Keypoint source to the files that hold it; other detectors' come in the community's files."""


class RawKeypoints(Mapping[tuple[str, str], Views]):
    """By (subject, take): four arrays (T_c, 17, 2) float32 px, in the cameras' order.

    Reading raises DataError, naming the file, for a camera without one, another shape, and values
    that are not finite.
    """

    def __init__(self, folder: str | os.PathLike[str], source: str) -> None:
        """`source` is a key of RAW_KEYPOINTS; empty where `folder` has none of its files."""
        self.source = source
        self.files = view_files(folder, RAW_KEYPOINTS[source])
        self._takes = list(dict.fromkeys((subject, take) for subject, take, _ in self.files))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._takes)

    def __len__(self) -> int:
        return len(self._takes)

    def __getitem__(self, key: tuple[str, str]) -> Views:
        if key not in self._takes:
            raise KeyError(key)
        subject, take = key
        return [self._read(subject, take, camera.name) for camera in human36m_cameras()[subject]]

    def _read(self, subject: str, take: str, camera: str) -> np.ndarray:
        path = self.files.get((subject, take, camera))
        if path is None:
            beside = next(p for (s, t, _), p in self.files.items() if (s, t) == (subject, take))
            raise DataError(
                f"{beside.parent}: no file of {subject} {take!r} camera {camera}, expected one for "
                "every camera"
            )
        if self.source == "gt":
            return view_of(read_positions(path, 2), H36M_32, str(path))
        return view_of(read_detections(path), MPII_16, str(path))

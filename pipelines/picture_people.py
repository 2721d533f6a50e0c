"""The people of ordinary pictures, read, boxed and looked at a few pictures at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.boxes.sources import BoxSource
from gsam.datasets.video_frames import (
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    picture_files,
    read_picture,
    video_frames,
)
from gsam.detectors.inference import Crops, Detector, cut, join
from gsam.errors import DataError
from gsam.pictures.keypoints import Picture

__all__ = ["Seen", "Selection", "Source", "look", "open_pictures"]

PICTURES_AT_ONCE = 8
"""Whose people go through the network together; more would hold many large pictures."""
SHEET_PICTURES = 12
SHEET_SIDE = 480
"""Longest side (px) of a picture on the sheet."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """One picture: its file's name, its frame in a video (else 0), by which name boxes know it, and
    how to read it."""

    file: str
    frame: int
    name: str
    read: Callable[[], Image]


@dataclass(frozen=True, eq=False)
class Seen:
    """The N people of one picture: boxes (N, 4), points (N, J, 2) px and scores (N, J)."""

    source: Source
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]


def open_pictures(path: Path, step: int) -> tuple[Iterator[Source], list[str] | None]:
    """Every `step`-th picture of a folder or a video, or one picture; and their names, where they
    are known beforehand.

    Raises:
        DataError: there is no such file or folder, or no picture in it.
    """
    if path.is_dir():
        files = picture_files(path)[::step]
    elif not path.exists():
        raise DataError(f"{path}: no such file or folder, expected pictures or a video")
    elif path.suffix.lower() in VIDEO_SUFFIXES:
        return (_of_video(path, *frame) for frame in video_frames(path, step)), None
    elif path.suffix.lower() in PICTURE_SUFFIXES:
        files = [path]
    else:
        kinds = ", ".join([*PICTURE_SUFFIXES, *VIDEO_SUFFIXES])
        raise DataError(f"{path}: not a video and not a picture, expected a folder or {kinds}")
    return map(_of_file, files), [file.name for file in files]


def _of_file(path: Path) -> Source:
    return Source(path.name, 0, path.name, lambda: read_picture(path))


def _of_video(path: Path, number: int, image: Image) -> Source:
    return Source(path.name, number, str(number), lambda: image)


def look(
    detector: Detector, boxes: BoxSource, sources: Iterator[Source]
) -> Iterator[tuple[Seen, Image]]:
    """The people of every picture, in order, and the picture.

    Raises:
        DataError: a picture or a box cannot be used, or an answer is not finite.
    """

    def prepare(batch: list[Source]) -> tuple[Crops, list[tuple[Source, Image, NDArray]]]:
        images = [source.read() for source in batch]
        found = [each.xywh for each in boxes([source.name for source in batch], images)]
        crops = map(cut, [detector.config] * len(batch), images, found)
        return join(list(crops)), list(zip(batch, images, found, strict=True))

    batches = iter(lambda: list(islice(sources, PICTURES_AT_ONCE)), [])
    for (points, scores), pictures in detector.stream_noted(prepare, batches):
        start = 0
        for source, image, own in pictures:
            mine = slice(start, start + len(own))
            start += len(own)
            if not (np.isfinite(points[mine]).all() and np.isfinite(scores[mine]).all()):
                raise DataError(f"{source.file}: the detector's answer is not finite")
            yield Seen(source, own, points[mine], scores[mine]), image


class Selection:
    """At most a dozen small copies of the pictures with people, evenly spread over all of them."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self._offered = 0
        self._stride = 1

    def offer(self, seen: Seen, image: Image) -> None:
        """Keep the picture, if its turn has come."""
        if not len(seen.boxes):
            return
        if self._offered % self._stride == 0:
            if len(self.pictures) == SHEET_PICTURES:
                self.pictures = self.pictures[::2]
                self._stride *= 2
            if self._offered % self._stride == 0:
                self.pictures.append(_small(seen, image))
        self._offered += 1


def _small(seen: Seen, image: Image) -> Picture:
    height, width = image.shape[:2]
    factor = min(1.0, SHEET_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    # The middle of the first pixel is (0, 0) in both.
    points = (seen.points + 0.5) * (np.array(size) / (width, height)) - 0.5
    video = seen.source.name != seen.source.file
    caption = f"frame {seen.source.frame}" if video else seen.source.file
    return Picture(small, caption, people=list(points))

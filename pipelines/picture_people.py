"""The people of ordinary pictures, read, boxed and looked at a few pictures at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.boxes.person_boxes import BoxSource
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

__all__ = [
    "Found",
    "Seen",
    "Selection",
    "Source",
    "Spread",
    "batches_of",
    "describe",
    "find_people",
    "look",
    "open_pictures",
]

PICTURES_AT_ONCE = 8
"""Whose people go through the network together; more would hold many large pictures."""
SHEET_PICTURES = 12
SHEET_SIDE = 480
"""Longest side (px) of a picture on the sheet."""

Image = NDArray[np.uint8]

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """One picture: its file's name, its frame in a video (else 0), by which name boxes know it, and
    how to read it."""

    file: str
    frame: int
    name: str
    read: Callable[[], Image]

    @property
    def caption(self) -> str:
        """What a sheet calls it."""
        return f"frame {self.frame}" if self.name != self.file else self.file


@dataclass(frozen=True, eq=False)
class Found:
    """The N people of one picture (H, W, 3), boxes (N, 4) px, before a network looks at them."""

    source: Source
    image: Image
    boxes: NDArray[np.float32]


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


def batches_of(sources: Iterator[Source]) -> Iterator[list[Source]]:
    """The pictures, a few at a time."""
    return iter(lambda: list(islice(sources, PICTURES_AT_ONCE)), [])


def find_people(boxes: BoxSource, batch: Sequence[Source]) -> list[Found]:
    """Read pictures and find who is in them.

    Raises:
        DataError: a picture or a box cannot be used.
    """
    images = [source.read() for source in batch]
    found = boxes([source.name for source in batch], images)
    people = zip(batch, images, found, strict=True)
    return [Found(source, image, each.xywh) for source, image, each in people]


def look(
    detector: Detector, boxes: BoxSource, sources: Iterator[Source]
) -> Iterator[tuple[Seen, Image]]:
    """The joints of everybody in every picture, in order, and the picture.

    Raises:
        DataError: a picture or a box cannot be used, or an answer is not finite.
    """

    def prepare(batch: list[Source]) -> tuple[Crops, list[Found]]:
        found = find_people(boxes, batch)
        crops = [cut(detector.config, each.image, each.boxes) for each in found]
        return join(crops), found

    for (points, scores), pictures in detector.stream_noted(prepare, batches_of(sources)):
        start = 0
        for found in pictures:
            mine = slice(start, start + len(found.boxes))
            start = mine.stop
            if not (np.isfinite(points[mine]).all() and np.isfinite(scores[mine]).all()):
                raise DataError(f"{found.source.file}: the detector's answer is not finite")
            yield Seen(found.source, found.boxes, points[mine], scores[mine]), found.image


def describe(people: Sequence[int]) -> str:
    """How many people are in how many pictures, from the number in each."""
    empty = sum(not count for count in people)
    nobody = f" ({empty} with nobody)" if empty else ""
    return f"{sum(people):,} people in {len(people):,} pictures{nobody}"


class Spread(Generic[T]):
    """At most a dozen of what is offered, evenly spread over all of it."""

    def __init__(self) -> None:
        self.kept: list[T] = []
        self._offered = 0
        self._stride = 1

    def offer(self, make: Callable[[], T]) -> None:
        """Keep what `make` makes, if its turn has come."""
        if self._offered % self._stride == 0:
            if len(self.kept) == SHEET_PICTURES:
                self.kept = self.kept[::2]
                self._stride *= 2
            if self._offered % self._stride == 0:
                self.kept.append(make())
        self._offered += 1


class Selection:
    """At most a dozen small copies of the pictures with people, evenly spread over all of them."""

    def __init__(self) -> None:
        self._spread: Spread[Picture] = Spread()

    @property
    def pictures(self) -> list[Picture]:
        """What was kept so far."""
        return self._spread.kept

    def offer(self, seen: Seen, image: Image) -> None:
        """Keep the picture, if its turn has come."""
        if len(seen.boxes):
            self._spread.offer(lambda: _small(seen, image))


def _small(seen: Seen, image: Image) -> Picture:
    height, width = image.shape[:2]
    factor = min(1.0, SHEET_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    # The middle of the first pixel is (0, 0) in both.
    points = (seen.points + 0.5) * (np.array(size) / (width, height)) - 0.5
    return Picture(small, seen.source.caption, people=list(points))

"""Ordinary pictures: the frames of a video file and the JPEG and PNG files of a folder, as RGB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.images import jpeg_size
from gsam.images.jpeg import MAX_PIXELS

__all__ = ["PICTURE_SUFFIXES", "VIDEO_SUFFIXES", "picture_files", "read_picture", "video_frames"]

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
"""What is read as a video; the decoder alone would take a text file for one."""

PICTURE_SUFFIXES = (".jpeg", ".jpg", ".png")

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"

Image = NDArray[np.uint8]
"""(height, width, 3), RGB."""


def video_frames(path: str | Path, step: int = 1) -> Iterator[tuple[int, Image]]:
    """Every `step`-th frame of a video with its number from 0, decoded one at a time.

    A recording that says how it was held comes upright. One that ends early ends here early:
    files do not say reliably how many frames they hold.

    Raises:
        DataError: no such file, not a video, or a video without a frame.
    """
    source = Path(path)
    if not source.is_file():
        raise DataError(f"{path}: no such file, expected a video")
    if source.suffix.lower() not in VIDEO_SUFFIXES:
        raise DataError(f"{path}: not a video, expected one of {', '.join(VIDEO_SUFFIXES)}")
    import cv2

    capture = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise DataError(f"{path}: not a readable video, expected one that FFmpeg decodes")
        number = 0
        while capture.grab():
            if number % step == 0:
                yield number, _retrieve(capture, f"{path}: frame {number}")
            number += 1
        if number == 0:
            raise DataError(f"{path}: the video has no frame, expected at least one")
    finally:
        capture.release()


def _retrieve(capture: object, where: str) -> Image:
    import cv2

    found, frame = capture.retrieve()  # type: ignore[attr-defined]
    if not found:
        raise DataError(f"{where} cannot be decoded, expected a picture")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)


def _check_png(content: memoryview, path: str | Path) -> None:
    """Refuse sizes for which the decoder would make room: the picture's, and those of chunks."""
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not 0 < width * height <= MAX_PIXELS:
        raise DataError(f"{path}: {width} x {height} px, expected 1 to {MAX_PIXELS} pixels")
    at = 8
    while at < len(content) and bytes(content[at + 4 : at + 8]) != b"IEND":
        # The decoder makes room for as many bytes as a chunk claims to have.
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    # The end chunk is empty, whatever it claims.
    if at + 12 > len(content) or any(content[at : at + 4]):
        raise DataError(f"{path}: corrupt or cut short, expected a whole JPEG or PNG picture")


def picture_files(folder: str | Path) -> list[Path]:
    """The JPEG and PNG files directly in a folder, by name.

    Raises:
        DataError: no such folder, or none in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{folder}: no such folder, expected pictures ({_kinds()})")
    files = sorted(
        (path for path in root.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES),
        key=lambda path: path.name,
    )
    if not files:
        raise DataError(f"{folder}: no picture in this folder, expected {_kinds()} files")
    return files


def _kinds() -> str:
    return ", ".join(PICTURE_SUFFIXES)


def read_picture(path: str | Path) -> Image:
    """One JPEG or PNG file, upright as its EXIF orientation says; transparency is dropped.

    Raises:
        DataError: no such file, or one that is corrupt or cut short.
    """
    import cv2

    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected a picture") from error
    if content[:2].tobytes() == _JPEG:  # the decoder alone may fill in what was cut off
        jpeg_size(content.data, str(path))
    elif content[:8].tobytes() == _PNG:
        _check_png(content.data, path)
    else:
        raise DataError(f"{path}: corrupt or cut short, expected a whole JPEG or PNG picture")
    frame = cv2.imdecode(content, cv2.IMREAD_COLOR)
    if frame is None:
        raise DataError(f"{path}: corrupt or cut short, expected a whole JPEG or PNG picture")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)

"""JPEG bytes: their size without decoding, decoding that notices damage, one way of encoding.

OpenCV returns a picture, half of it grey, for a JPEG that was cut short. Its end marker is looked
for here, so that a truncated file is an error and not a training sample.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

__all__ = ["MAX_BYTES", "MAX_PIXELS", "decode_jpeg", "encode_jpeg", "jpeg_size"]

MAX_BYTES = 64 << 20
"""No image of a dataset is this large; a larger one is refused before it is read or decoded."""
MAX_PIXELS = 100_000_000

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length: TEM and the restart markers."""
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers, which hold the image's size."""
# As HRNet reads COCO: labels are in the file's own pixels, whatever way up the camera was held.
_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


def _segments(data: memoryview) -> Iterator[tuple[int, int]]:
    """(marker, first byte of what follows it) of every segment up to the first scan."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return
        marker = data[place + 1]
        place += 1 if marker == 0xFF else 2
        if marker == 0xFF or marker in _ALONE:
            continue
        yield marker, place
        if marker == _SCAN:
            return
        place += int.from_bytes(data[place : place + 2], "big")


def jpeg_size(jpeg: bytes | memoryview, where: str) -> tuple[int, int]:
    """Width and height of a JPEG, px, from its headers.

    `where` names it in messages. Raises DataError for bytes that are no JPEG, end before the
    image does, or are larger than `MAX_BYTES` or `MAX_PIXELS`.
    """
    data = memoryview(jpeg)
    if len(data) > MAX_BYTES:
        raise DataError(f"{where}: {len(data)} bytes, expected an image of at most {MAX_BYTES}")
    if bytes(data[:2]) != _START:
        raise DataError(f"{where}: not a JPEG, starts with {bytes(data[:4])!r}")
    size = scan = None
    for marker, place in _segments(data):
        if marker in _FRAMES and place + 7 <= len(data):
            height, width = struct.unpack(">HH", data[place + 3 : place + 7])
            size = width, height
        elif marker == _SCAN:
            scan = place
    if size is None or scan is None:
        raise DataError(f"{where}: damaged JPEG, its headers end before the image starts")
    if bytes(data[scan:]).rfind(_END) < 0:
        raise DataError(f"{where}: truncated JPEG, {len(data)} bytes without an end marker")
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise DataError(f"{where}: {size[0]} x {size[1]} px, expected 1 to {MAX_PIXELS} pixels")
    return size


def decode_jpeg(jpeg: bytes | memoryview, where: str) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 RGB, turned as it is stored (EXIF orientation is not applied).

    `where` names it in messages. Raises DataError as `jpeg_size` does, and for a JPEG that cannot
    be decoded.
    """
    width, height = jpeg_size(jpeg, where)
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), _FLAGS)
    if image is None or image.shape != (height, width, 3):
        raise DataError(f"{where}: damaged JPEG, it cannot be decoded to {width} x {height} px")
    return np.asarray(image, np.uint8)


def encode_jpeg(image: NDArray[np.uint8], quality: int = 95) -> bytes:
    """A picture (H, W, 3) uint8 RGB as JPEG; the same picture gives the same bytes."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise DataError(f"a picture of shape {image.shape} cannot be encoded as JPEG")
    return data.tobytes()

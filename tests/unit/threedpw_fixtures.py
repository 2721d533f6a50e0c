"""Sequences in 3DPW's files: two people who stand still before a camera that moves."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.images import encode_jpeg

WIDTH, HEIGHT, FOCAL = 90, 120, 150.0
TURN = np.diag([1.0, -1.0, -1.0])
"""From a world with y up, seen along -z, to a camera's axes."""


class _Python2(pickle._Pickler):
    """Texts and bytes as Python 2's `str`."""

    dispatch = pickle._Pickler.dispatch.copy()

    def _string(self, value: str | bytes) -> None:
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = _string  # type: ignore[assignment]


def python2(content: Any) -> bytes:
    stream = io.BytesIO()
    _Python2(stream, protocol=2).dump(content)
    return stream.getvalue()


def content(people: int = 2, frames: int = 6) -> dict[str, Any]:
    """People side by side, 1 m apart, 3 m before the camera; all of them in view."""
    random = np.random.default_rng(people)
    camera = np.tile(np.eye(4), (frames, 1, 1))
    camera[:, :3, :3] = TURN
    camera[:, :3, 3] = [0.0, 0.0, 3.0]
    camera[:, 0, 3] += 0.02 * np.arange(frames)
    places = [np.array([(person - (people - 1) / 2), 0.0, 0.0]) for person in range(people)]
    return {
        "sequence": "courtyard_golf_00",
        "poses": [random.normal(scale=0.05, size=(frames, 72)) for _ in places],
        "trans": [np.tile(place, (frames, 1)) for place in places],
        "betas": [random.normal(size=300) for _ in places],
        "genders": ["m", "f"][:people],
        "jointPositions": [np.zeros((frames, 72)) for _ in places],
        "poses2d": [detections(place, frames) for place in places],
        "cam_poses": camera,
        "cam_intrinsics": np.array(
            [[FOCAL, 0.0, WIDTH / 2], [0.0, FOCAL, HEIGHT / 2], [0.0, 0.0, 1.0]]
        ),
        "campose_valid": [np.ones(frames, np.uint8) for _ in places],
        "img_frame_ids": np.arange(frames),
    }


def detections(place: NDArray, frames: int) -> NDArray:
    """(N, 3, 18): eighteen points around the person, as OpenPose might find them."""
    x = FOCAL * (place[0] + np.linspace(-0.3, 0.3, 18)) / 3 + WIDTH / 2
    y = FOCAL * np.linspace(-0.8, 0.8, 18) / 3 + HEIGHT / 2
    return np.tile(np.stack([x, y, np.full(18, 0.9)]), (frames, 1, 1))


def write_sequence(
    folder: Path, split: str, name: str, step: int = 1, people: int = 2, **changes: Any
) -> Path:
    """The pickle, and an image of every step-th frame."""
    path = folder / "sequenceFiles" / split / f"{name}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = content(people) | changes
    path.write_bytes(python2(whole))
    pictures = folder / "imageFiles" / name
    pictures.mkdir(parents=True, exist_ok=True)
    for frame in range(0, len(whole["cam_poses"]), step):
        picture = np.full((HEIGHT, WIDTH, 3), 20 * frame, np.uint8)
        (pictures / f"image_{frame:05d}.jpg").write_bytes(encode_jpeg(picture))
    return path

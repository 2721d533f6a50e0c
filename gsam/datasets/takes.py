"""A take: one recording of one person seen by several cameras, whatever dataset it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.errors import DataError
from gsam.schemas import OWN_CAMERA, WORLD
from gsam.storage import list_column

__all__ = ["Take", "camera_from_row", "camera_rows", "file_stem", "pose_table", "sequence_row"]


@dataclass(frozen=True)
class Take:
    """One recording: joints (T, 17, 3) float32, metres of `frame`, Human3.6M-17.

    `action` groups takes in per-action tables; `split` is train or test; `sequence` is unique in a
    dataset; `valid` (T,) says which frames may be trained on and scored (None: all). `frame` is
    where joints and cameras are: WORLD, or OWN_CAMERA where a dataset annotates every camera by
    itself. Raises DataError when joints, cameras or valid are not what this says.
    """

    dataset: str
    subject: str
    action: str
    name: str
    fps: float
    split: str
    joints: NDArray[np.float32]
    cameras: tuple[Camera, ...]
    valid: NDArray[np.bool_] | None = None
    frame: str = WORLD

    def __post_init__(self) -> None:
        shape, kind = self.joints.shape, self.joints.dtype
        if len(shape) != 3 or shape[1:] != (17, 3) or shape[0] < 1 or kind != np.float32:
            raise DataError(
                f"take {self.sequence}: joints are {kind} {shape}, expected float32 (T >= 1, 17, 3)"
            )
        finite = np.isfinite(self.joints).all(axis=(1, 2))
        if not finite.all():
            frame = int(np.argmin(finite))
            raise DataError(f"take {self.sequence}: frame {frame} is not finite, expected numbers")
        if self.valid is not None and (
            self.valid.shape != shape[:1] or self.valid.dtype != np.bool_
        ):
            found = f"{self.valid.dtype} {self.valid.shape}"
            raise DataError(f"take {self.sequence}: valid is {found}, expected bool {shape[:1]}")
        if self.frame == OWN_CAMERA and len(self.cameras) != 1:
            raise DataError(
                f"take {self.sequence}: {len(self.cameras)} cameras, "
                "expected one in a camera's own frame"
            )
        if self.split not in ("train", "test"):
            raise DataError(f"take {self.sequence}: split {self.split!r}, expected train or test")
        if not self.fps > 0:
            raise DataError(f"take {self.sequence}: fps {self.fps}, expected more than 0")
        names = [camera.name for camera in self.cameras]
        if not names or len(set(names)) != len(names):
            raise DataError(f"take {self.sequence}: cameras {names}, expected distinct names")

    @property
    def sequence(self) -> str:
        """Unique name of the take: subject/name."""
        return f"{self.subject}/{self.name}"


def file_stem(sequence: str) -> str:
    """A file name for a sequence, without extension: different sequences get different names.

    A slash becomes two underscores, a space one; all but letters, digits, `-` and `~` is
    percent-encoded (`S1/Directions 1` is `S1__Directions_1`).
    """
    parts = []
    for part in sequence.split("/"):
        safe = quote(part, safe=" ").replace("_", "%5F").replace(".", "%2E")
        # A space at an edge or beside another would read as a slash.
        inner = safe.strip(" ")
        if inner != safe or "  " in safe:
            safe = safe.replace(" ", "%20")
        parts.append(safe.replace(" ", "_"))
    return "__".join(parts)


def sequence_row(take: Take) -> dict[str, object]:
    """The take's row of the `sequences` table."""
    return {
        "sequence": take.sequence,
        "dataset": take.dataset,
        "subject": take.subject,
        "action": take.action,
        "take": take.name,
        "split": take.split,
        "fps": take.fps,
        "frames": len(take.joints),
    }


def camera_rows(take: Take) -> list[dict[str, object]]:
    """The take's rows of the `cameras` table, in the order of its cameras."""
    return [
        {
            "sequence": take.sequence,
            "camera": camera.name,
            "width": camera.width,
            "height": camera.height,
            "K": [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0],
            "distortion": [float(value) for value in camera.distortion],
            "model": camera.model,
            "R": np.asarray(camera.R, np.float64).reshape(-1).tolist(),
            "t": np.asarray(camera.t, np.float64).reshape(-1).tolist(),
        }
        for camera in take.cameras
    ]


def camera_from_row(row: dict[str, object]) -> Camera:
    """The camera that a row of the `cameras` table describes: the inverse of `camera_rows`."""
    matrix = np.asarray(row["K"], np.float64).reshape(3, 3)
    distortion = row["distortion"]
    assert isinstance(distortion, Sequence)
    return Camera(
        name=str(row["camera"]),
        width=int(str(row["width"])),
        height=int(str(row["height"])),
        fx=float(matrix[0, 0]),
        fy=float(matrix[1, 1]),
        cx=float(matrix[0, 2]),
        cy=float(matrix[1, 2]),
        distortion=tuple(distortion),
        model=str(row["model"]),
        R=np.asarray(row["R"], np.float64).reshape(3, 3),
        t=np.asarray(row["t"], np.float64),
    )


def pose_table(take: Take) -> pa.Table:
    """The take's rows of the `poses` table, one per frame, without SMPL and image columns."""
    frames = len(take.joints)
    return pa.table(
        {
            "sequence": pa.array([take.sequence] * frames, pa.string()),
            "frame": pa.array(np.arange(frames, dtype=np.int32)),
            "joints": list_column(take.joints),
            "valid": pa.array(np.ones(frames, bool) if take.valid is None else take.valid),
        }
    )

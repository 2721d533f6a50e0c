"""Clips: one camera's view of one take, stored once; windows of it are addressed by index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.schemas import CLIPS, metadata_of
from gsam.storage import digest, read_table

__all__ = ["ClipInfo", "ClipSet"]

_NAMES = ("sequence", "dataset", "subject", "action", "take", "camera", "split")
_SIZES = ("fps", "frames", "width", "height")
_READ = (*_NAMES, *_SIZES, "keypoints", "target", "root", "valid")


@dataclass(frozen=True)
class ClipInfo:
    """What a clip shows: names as in the `clips` table, and its number of frames."""

    sequence: str
    dataset: str
    subject: str
    action: str
    take: str
    camera: str
    split: str
    fps: float
    frames: int
    width: int
    height: int


@dataclass(frozen=True)
class ClipSet:
    """Every frame of many clips in contiguous tensors on one device.

    keypoints (N, J, 2) float32 normalised screen, or (N, J, 3) with their scores; targets (N, J, 3)
    float32 metres, camera frame, root-relative; valid (N,) bool; offsets (C + 1,) int64 on the CPU:
    clip c holds the frames from offsets[c] up to offsets[c + 1]; roots (N, 3) metres, the root in
    the camera frame, where clips come from files.
    """

    keypoints: torch.Tensor
    targets: torch.Tensor
    valid: torch.Tensor
    offsets: torch.Tensor
    info: tuple[ClipInfo, ...]
    data_hash: str = ""
    roots: torch.Tensor | None = None

    @classmethod
    def load(
        cls,
        folder: str | Path,
        split: str,
        device: str | torch.device = "cpu",
        *,
        hashed: bool = True,
        scores: bool = False,
    ) -> ClipSet:
        """Read the clips of one split from all Parquet files of a folder, in the order of names.

        `data_hash` is the SHA-256 of the whole folder (both splits), "" when not `hashed`;
        with `scores`, the keypoints' third number is the detector's confidence.

        Raises:
            DataError: no file, no clip of that split, a file breaks the schema, or a value is not
                finite.
        """
        paths = sorted(Path(folder).glob("*.parquet"))
        if not paths:
            raise DataError(f"{folder}: no .parquet file, expected the clips of each take")
        info: list[ClipInfo] = []
        parts: tuple[list[NDArray], ...] = ([], [], [], [])
        for path in paths:
            if not _has(path, split):
                continue
            table = read_table(path, CLIPS, (*_READ, "scores") if scores else _READ)
            for row, clip in enumerate(_infos(table)):
                if clip.split == split:
                    info.append(clip)
                    for part, array in zip(parts, _arrays(table, row, clip, path), strict=True):
                        part.append(array)
        if not info:
            raise DataError(f"{folder}: no clip of the split {split!r} in {len(paths)} files")
        offsets = np.cumsum([0, *(clip.frames for clip in info)], dtype=np.int64)
        keypoints, targets, valid, roots = (
            torch.from_numpy(np.concatenate(part)).to(device) for part in parts
        )
        key = digest(folder) if hashed else ""
        return cls(keypoints, targets, valid, torch.from_numpy(offsets), tuple(info), key, roots)

    def __len__(self) -> int:
        return len(self.info)

    @property
    def num_frames(self) -> int:
        """Frames of all clips together."""
        return len(self.keypoints)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.keypoints.device

    @property
    def joints(self) -> int:
        """Joints per frame."""
        return self.keypoints.shape[1]

    def frames_of(self, clip: int) -> slice:
        """The frames of one clip."""
        return slice(int(self.offsets[clip]), int(self.offsets[clip + 1]))

    def bounds(self, clips: Iterable[int]) -> torch.Tensor:
        """First frame and the one past the last, (len(clips), 2) int64 on the CPU."""
        index = torch.tensor(list(clips), dtype=torch.int64)
        return torch.stack([self.offsets[index], self.offsets[index + 1]], dim=1)

    def sequences(self) -> list[str]:
        """Names of the takes, sorted."""
        return sorted({clip.sequence for clip in self.info})


def _has(path: Path, split: str) -> bool:
    """Whether a file has a clip of a split: far quicker to ask than to read the arrays."""
    return split in read_table(path, CLIPS, ["split"]).column("split").to_pylist()


def _infos(table: pa.Table) -> list[ClipInfo]:
    return [ClipInfo(**row) for row in table.select([*_NAMES, *_SIZES]).to_pylist()]


def _arrays(
    table: pa.Table, row: int, clip: ClipInfo, path: Path
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Keypoints (T, J, 2 or 3), targets (T, J, 3), validity (T,) and roots (T, 3) of one row."""
    where = f"{path}: {clip.sequence}, camera {clip.camera}"
    if clip.frames < 1:
        raise DataError(f"{where}: {clip.frames} frames, expected at least 1")
    names = metadata_of(table).get("joint_names")
    joints = len(names) if isinstance(names, list) else 17
    found = {}
    given = table.column_names
    for name, count, axes in (
        ("keypoints", joints, 2),
        ("target", joints, 3),
        ("root", 1, 3),
        ("scores", joints, 1),
    ):
        if name in given:
            values = table.column(name)[row].values.to_numpy(zero_copy_only=False)
            found[name] = _checked(values, (clip.frames, count, axes), f"{where}: {name}")
    keypoints = found["keypoints"]
    if "scores" in found:
        keypoints = np.concatenate([keypoints, found["scores"]], axis=-1)
    mask = table.column("valid")[row]
    valid = np.array(mask.as_py(), bool) if mask.is_valid else np.ones(clip.frames, bool)
    return keypoints, found["target"], valid, found["root"][:, 0]


def _checked(
    values: NDArray[np.float32], shape: tuple[int, int, int], where: str
) -> NDArray[np.float32]:
    """One column of a row in its shape, every number finite."""
    frames, joints, axes = shape
    if values.size != frames * joints * axes:
        raise DataError(
            f"{where} has {values.size} values, expected {frames} frames x {joints} joints x {axes}"
        )
    array = values.reshape(shape)
    finite = np.isfinite(array)
    if not finite.all():
        frame, joint = (int(i) for i in np.argwhere(~finite)[0][:2])
        raise DataError(f"{where} of frame {frame}, joint {joint} is not finite")
    return array

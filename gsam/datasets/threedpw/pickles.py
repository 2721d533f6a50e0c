"""3DPW: bodies filmed by a moving phone, from the Python-2 pickles of `sequenceFiles`.

Row i of a sequence's arrays is `imageFiles/<name>/image_%05d.jpg` of number i, from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.grants import GRANTS
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.errors import DataError, LicensedDataMissing
from gsam.unpickle import load_pickle

__all__ = [
    "SPLITS",
    "image_file",
    "missing_message",
    "read_sequence",
    "sequence_files",
    "sequence_of",
]

SPLITS = ("train", "validation", "test")
BETAS = 10
OPENPOSE_JOINTS = 18

Floats = NDArray[np.float64]


def missing_message(folder: Path | str, absent: str) -> str:
    """What to tell a user whose `folder` lacks something of 3DPW."""
    return (
        f"{folder}: {absent} missing; {GRANTS['threedpw'].sentence}: "
        f"unpack sequenceFiles.zip and imageFiles.zip into {folder}"
    )


def sequence_files(folder: Path) -> dict[str, list[Path]]:
    """The pickles of each split in `folder`, by name.

    Raises:
        LicensedDataMissing: the pickles or the images are not there.
    """
    absent = [name for name in ("sequenceFiles", "imageFiles") if not (folder / name).is_dir()]
    found = {split: sorted((folder / "sequenceFiles" / split).glob("*.pkl")) for split in SPLITS}
    absent += [f"sequenceFiles/{split}/*.pkl" for split in SPLITS if not found[split]]
    if absent:
        raise LicensedDataMissing(missing_message(folder, absent[0]))
    return found


def image_file(folder: Path, sequence: str, frame: int) -> Path:
    """Where a sequence's frame lies in the dataset's folder."""
    return folder / "imageFiles" / sequence / f"image_{frame:05d}.jpg"


def read_sequence(path: Path) -> Sequence3dpw:
    """One pickle of `sequenceFiles`, its texts decoded as Latin-1; its name is the file's.

    Raises:
        DataError: a file that is truncated, hostile or no dictionary; an array that is missing, of
            another shape, or not finite where it counts; a person without a gender. The message
            names file, key, person and frame.
    """
    return sequence_of(load_pickle(path), path)


def sequence_of(content: Any, path: Path) -> Sequence3dpw:
    """What `read_sequence` returns of the pickle's content; raises as it does."""
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}, expected a dictionary")
    cameras = _numbers(_value(content, "cam_poses", path), f"{path}: cam_poses")
    if cameras.ndim != 3 or cameras.shape[1:] != (4, 4) or not len(cameras):
        raise DataError(f"{path}: cam_poses: shape {cameras.shape}, expected (N, 4, 4)")
    people, frames = len(_people(content, "poses", path)), len(cameras)
    if not people:
        raise DataError(f"{path}: poses: nobody, expected at least one person")

    def each(key: str, shape: tuple[int, ...], *others: str) -> Floats:
        return _each(content, key, path, people, shape, *others)

    tracked = each("campose_valid", (frames,))
    found = Sequence3dpw(
        name=path.stem,
        poses=each("poses", (frames, 72)),
        translations=each("trans", (frames, 3)),
        shapes=_shapes(content, path, people),
        genders=_genders(content, path, people),
        # Transposed in the file: rows of x, of y and of confidence.
        points=each("poses2d", (frames, 3, OPENPOSE_JOINTS), "poses2D").swapaxes(2, 3),
        cameras=cameras,
        intrinsics=_intrinsics(content, path),
        tracked=tracked > 0,
    )
    _check(found, path)
    return found


def _value(content: dict[str, Any], key: str, path: Path, *others: str) -> Any:
    for name in (key, *others):
        if name in content:
            return content[name]
    raise DataError(f"{path}: {key}: missing, found {sorted(map(str, content))}")


def _people(content: dict[str, Any], key: str, path: Path, *others: str) -> Any:
    """What is said of each person under a key: a list, or an array's rows."""
    value = _value(content, key, path, *others)
    if not isinstance(value, list | tuple) and not (isinstance(value, np.ndarray) and value.ndim):
        kind = type(value).__name__
        raise DataError(f"{path}: {key}: a {kind}, expected a list with an entry per person")
    return value


def _each(
    content: dict[str, Any],
    key: str,
    path: Path,
    people: int,
    shape: tuple[int, ...],
    *others: str,
) -> Floats:
    """Arrays (P, *shape) of a key, the people's entries held against `shape`."""
    rows = _people(content, key, path, *others)
    if len(rows) != people:
        raise DataError(f"{path}: {key}: {len(rows)} people, expected {people} as in poses")
    arrays = [_numbers(row, f"{path}: {key}: person {i}") for i, row in enumerate(rows)]
    for person, array in enumerate(arrays):
        if array.shape != shape:
            where = f"{path}: {key}: person {person}"
            raise DataError(f"{where}: shape {array.shape}, expected {shape}")
    return np.stack(arrays)


def _numbers(value: Any, where: str) -> Floats:
    try:
        return np.asarray(value, dtype=np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise DataError(f"{where}: no array of numbers") from error


def _shapes(content: dict[str, Any], path: Path, people: int) -> Floats:
    """The first ten coefficients (P, 10); some files hold three hundred."""
    rows = _people(content, "betas", path)
    arrays = [_numbers(row, f"{path}: betas: person {i}") for i, row in enumerate(rows)]
    for person, array in enumerate(arrays):
        if array.ndim != 1 or len(array) < BETAS or not np.isfinite(array[:BETAS]).all():
            where = f"{path}: betas: person {person}"
            raise DataError(f"{where}: shape {array.shape}, expected {BETAS} or more numbers")
    if len(arrays) != people:
        raise DataError(f"{path}: betas: {len(arrays)} people, expected {people} as in poses")
    return np.stack([array[:BETAS] for array in arrays])


def _genders(content: dict[str, Any], path: Path, people: int) -> tuple[str, ...]:
    found = tuple(str(gender).lower() for gender in _people(content, "genders", path, "gender"))
    short = tuple({"male": "m", "female": "f"}.get(gender, gender) for gender in found)
    if len(short) != people or not set(short) <= {"m", "f"}:
        raise DataError(f"{path}: genders: {list(found)}, expected m or f of {people} people")
    return short


def _intrinsics(content: dict[str, Any], path: Path) -> Floats:
    where = f"{path}: cam_intrinsics"
    matrix = _numbers(_value(content, "cam_intrinsics", path), where)
    if matrix.shape != (3, 3):
        raise DataError(f"{where}: shape {matrix.shape}, expected (3, 3)")
    if not np.isfinite(matrix).all() or (np.diag(matrix)[:2] <= 0).any():
        raise DataError(f"{where}: expected positive focal lengths and finite numbers")
    return matrix


def _check(found: Sequence3dpw, path: Path) -> None:
    """Numbers that will be used must be finite, and turns of the camera rotations."""
    everything = {
        "poses": found.poses,
        "trans": found.translations,
        "poses2d": found.points.reshape(*found.points.shape[:2], -1),
        "cam_poses": np.broadcast_to(found.cameras.reshape(-1, 16), (*found.tracked.shape, 16)),
    }
    for key, values in everything.items():
        bad = np.argwhere(~np.isfinite(values).all(axis=-1) & found.tracked)
        if len(bad):
            person, frame = bad[0]
            raise DataError(f"{path}: {key}: person {person}: frame {frame} is not finite")
    frames = np.flatnonzero(found.tracked.any(axis=0))
    turns = found.cameras[frames, :3, :3]
    off = np.abs(turns @ turns.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2), initial=0)
    wrong = frames[(off > 1e-3) | (np.linalg.det(turns) < 0)]
    if len(wrong):
        raise DataError(f"{path}: cam_poses: frame {wrong[0]} is no rotation and translation")

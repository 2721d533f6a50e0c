"""A folder of users' recordings as takes and keypoints, in Human3.6M-17 by the rules of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.custom.recordings import SPACES
from gsam.datasets.takes import Take, camera_from_row
from gsam.errors import DataError
from gsam.schemas import OWN_CAMERA, RECORDINGS, WORLD, metadata_of
from gsam.skeletons import H36M_17, SKELETONS, Skeleton, convert
from gsam.storage import read_table

__all__ = ["custom_files", "dataset_name", "read_keypoints", "read_takes"]

TALL = (0.4, 3.0)
"""Metres between the furthest two joints of a person, child to giant, crouching or stretched."""

Views = list[tuple[NDArray[np.float32], NDArray[np.float32]] | None]
"""Per camera of a take, points (T, 17, 2) px and scores (T, 17)."""


def dataset_name(location: str) -> str:
    """What results are said to be of: `custom`, with the folder's name where it has another.

    Never a bare name of the user's: it could be that of a benchmark.
    """
    name = location.rstrip("/").rsplit("/", 1)[-1]
    return "custom" if name in ("custom", "") else f"custom_{name}"


def custom_files(folder: Path) -> list[Path]:
    """The recordings of a folder; DataError when there is none."""
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise DataError(
            f"{folder}: no .parquet file of recordings; make one with "
            "python -m gsam.datasets.custom convert (docs/custom-data.md), or name the folder, "
            "-S raw.custom=FOLDER"
        )
    return files


def read_takes(folder: Path, dataset: str) -> Iterator[Take]:
    """Every take that has true 3D, file by file.

    In the space "world" the rows of one take are its cameras; in "camera", where every camera has
    its own truth, each row is a take of its own with the camera's name in it. Rows without 3D are
    for lifting alone and are left out.

    Raises:
        DataError: a file is not in the layout, a row lacks what truth needs (split, K, R, t), the
            joints are not metres, or no take is for training or none for testing.
    """
    splits = set()
    for path in custom_files(folder):
        for take, _ in _takes(path, dataset):
            splits.add(take.split)
            yield take
    if splits != {"train", "test"}:
        found = ", ".join(sorted(splits)) or "none"
        raise DataError(f"{folder}: takes with 3D of the splits {found}, expected train and test")


def read_keypoints(folder: Path) -> dict[str, Views]:
    """The files' own 2D of every take with true 3D, by the take's sequence.

    Raises:
        DataError: as `read_takes`.
    """
    return {
        take.sequence: views for path in custom_files(folder) for take, views in _takes(path, "")
    }


def _takes(path: Path, dataset: str) -> Iterator[tuple[Take, Views]]:
    table = read_table(path, RECORDINGS)
    notes = metadata_of(table)
    skeleton = _skeleton(notes, path)
    if notes.get("space") not in SPACES:
        raise DataError(f"{path}: space is {notes.get('space')!r}, expected {' or '.join(SPACES)}")
    own = notes["space"] == "camera"
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        if row["joints"] is not None:
            names = (row["subject"], row["take"], *((row["camera"],) if own else ()))
            groups.setdefault(names, []).append(row)
    for names, rows in groups.items():
        where = f"{path}: {'/'.join(names)}"
        yield _take(rows, dataset, skeleton, own, where), [_view(r, skeleton, where) for r in rows]


def _skeleton(notes: Mapping[str, Any], path: Path) -> Skeleton:
    """The set that the metadata names, held to the joints that it lists."""
    name, joints = notes.get("joint_set"), notes.get("joint_names")
    if not isinstance(name, str) or name not in SKELETONS:
        raise DataError(f"{path}: joint_set is {name!r}, expected one of {', '.join(SKELETONS)}")
    if joints != list(SKELETONS[name].joints):
        raise DataError(f"{path}: joint_names are not those of {name}, in its order")
    return SKELETONS[name]


def _take(
    rows: list[dict[str, Any]], dataset: str, skeleton: Skeleton, own: bool, where: str
) -> Take:
    first = rows[0]
    if own and len(rows) > 1:
        raise DataError(f"{where}: appears twice, expected one row of each camera")
    same = ("split", "fps", "frames", "action", "joints", "valid")
    for row in rows[1:]:
        differing = [key for key in same if row[key] != first[key]]
        if differing:
            raise DataError(f"{where}: cameras differ in {differing[0]}, expected one take's")
    if first["split"] not in ("train", "test"):
        raise DataError(f"{where}: split is {first['split']!r}, expected train or test")
    joints = _array(first["joints"], (first["frames"], skeleton.size, 3), f"{where}: joints")
    _metres(joints, where)
    return Take(
        dataset=dataset,
        subject=first["subject"],
        action=first["action"],
        name=f"{first['take']} {first['camera']}" if own else first["take"],
        fps=first["fps"],
        split=first["split"],
        joints=convert(joints, skeleton, H36M_17).astype(np.float32),
        cameras=tuple(_camera(row, own, where) for row in rows),
        valid=None if first["valid"] is None else np.array(first["valid"], bool),
        frame=OWN_CAMERA if own else WORLD,
    )


def _camera(row: dict[str, Any], own: bool, where: str) -> Camera:
    needed = ("K",) if own else ("K", "R", "t")
    lacking = [key for key in needed if row[key] is None]
    if lacking:
        raise DataError(
            f"{where}: camera {row['camera']} lacks {lacking[0]}, expected {', '.join(needed)} "
            "beside true 3D"
        )
    rigid = {"R": np.eye(3).ravel().tolist(), "t": [0.0, 0.0, 0.0]} if own else {}
    lens = {"model": row["model"] or "pinhole", "distortion": row["distortion"] or []}
    return camera_from_row(row | rigid | lens)


def _view(
    row: dict[str, Any], skeleton: Skeleton, where: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shape = (row["frames"], skeleton.size)
    points = _array(row["points"], (*shape, 2), f"{where}: points")
    scores = _array(row["scores"], shape, f"{where}: scores")
    # A derived joint is scored by the mean of its sources, as it lies in their mean.
    sure = convert(scores[..., None], skeleton, H36M_17)[..., 0]
    return convert(points, skeleton, H36M_17).astype(np.float32), sure.astype(np.float32)


def _array(values: Any, shape: tuple[int, ...], where: str) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64).reshape(shape)
    if not np.isfinite(array).all():
        raise DataError(f"{where} of frame {np.argwhere(~np.isfinite(array))[0][0]} are not finite")
    return array


def _metres(joints: NDArray[np.float64], where: str) -> None:
    """Millimetres and centimetres are caught by how tall the person is."""
    extent = joints.max(axis=1) - joints.min(axis=1)
    tall = float(np.median(np.linalg.norm(extent, axis=-1)))
    if not TALL[0] <= tall <= TALL[1]:
        units = {1000: "millimetres", 100: "centimetres"}
        guess = next(
            (n for k, n in units.items() if TALL[0] <= tall / k <= TALL[1]), "another unit"
        )
        raise DataError(f"{where}: the person is {tall:.3g} m large; are the joints in {guess}?")

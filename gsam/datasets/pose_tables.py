"""Takes back from the tables of data/poses: sequences, cameras and one file of frames per take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsam.datasets.takes import Take, camera_from_row, file_stem
from gsam.schemas import CAMERAS, POSES, SEQUENCES, metadata_of
from gsam.skeletons import H36M_17
from gsam.storage import array_column, read_table

__all__ = ["read_take", "read_takes", "take_rows"]

Rows = tuple[dict[str, Any], list[dict[str, Any]]]
"""A take's row of `sequences` and its rows of `cameras`."""


def take_rows(folder: Path) -> list[Rows]:
    """Every take's rows, in the tables' order; raises DataError for a table that is not right."""
    cameras: dict[str, list[dict[str, Any]]] = {}
    for row in read_table(folder / "cameras.parquet", CAMERAS).to_pylist():
        cameras.setdefault(row["sequence"], []).append(row)
    sequences = read_table(folder / "sequences.parquet", SEQUENCES).to_pylist()
    return [(row, cameras[row["sequence"]]) for row in sequences]


def read_take(folder: Path, row: Mapping[str, Any], camera_rows: Sequence[dict[str, Any]]) -> Take:
    """One take with its frames: joints (T, 17, 3), metres of its frame; DataError when broken."""
    path = folder / "frames" / f"{file_stem(row['sequence'])}.parquet"
    table = read_table(path, POSES, ["joints", "valid"])
    valid = table.column("valid").to_numpy()
    return Take(
        dataset=row["dataset"],
        subject=row["subject"],
        action=row["action"],
        name=row["take"],
        fps=row["fps"],
        split=row["split"],
        joints=array_column(table, "joints", (H36M_17.size, 3)),
        cameras=tuple(camera_from_row(camera) for camera in camera_rows),
        valid=None if valid.all() else valid,
        frame=str(metadata_of(table)["coordinate_frame"]),
    )


def read_takes(folder: Path) -> Iterator[Take]:
    """Every take, one at a time, in the tables' order."""
    for row, cameras in take_rows(folder):
        yield read_take(folder, row, cameras)

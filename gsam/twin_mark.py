"""The mark that tells a twin's folder from an original's: `twin.json`, beside the data.

A twin is written in the original's file layout, so nothing else in its files says that they are not
the original. Whoever writes a twin's folder marks it; whoever reads a folder of originals asks.
"""

from __future__ import annotations

import os
from pathlib import Path

from gsam.errors import DataError
from gsam.storage import read_json, write_json

__all__ = ["MARK", "is_twin", "twin_of", "write_mark"]

MARK = "twin.json"
"""Name of the mark in a twin's folder."""


def write_mark(folder: str | os.PathLike[str], twin_of: str, seed: int) -> None:
    """Mark a folder as a twin of a dataset ("human36m", "mpi_inf_3dhp", ...) made from a seed."""
    write_json(Path(folder) / MARK, {"twin_of": twin_of, "seed": seed})


def is_twin(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder bears the mark. A mark that cannot be read still marks a twin."""
    return os.path.lexists(Path(folder) / MARK)


def twin_of(folder: str | os.PathLike[str]) -> str | None:
    """The dataset that the folder is a twin of; None where it bears no mark.

    Raises DataError for a mark that does not name it.
    """
    if not is_twin(folder):
        return None
    path = Path(folder) / MARK
    mark = read_json(path)
    if not isinstance(mark, dict) or not isinstance(mark.get("twin_of"), str):
        raise DataError(f'{path}: expected {{"twin_of": NAME OF THE ORIGINAL, "seed": NUMBER}}')
    return str(mark["twin_of"])

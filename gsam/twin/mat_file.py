"""MATLAB 5 files of a twin, which say so in their first line."""

from pathlib import Path
from typing import Any

from gsam.mat_file import write_mat

__all__ = ["save_mat"]


def save_mat(path: Path, content: dict[str, Any], twin_of: str) -> None:
    """Write variables by name; the same content is the same bytes. `twin_of` names the original."""
    write_mat(path, content, f"synthetic twin of {twin_of}")

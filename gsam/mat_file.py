"""MATLAB 5 files written by SciPy, without the date that it puts into them."""

import io
from pathlib import Path
from typing import Any

from gsam.storage import atomic_path

__all__ = ["write_mat"]

_TEXT_BYTES = 116
"""At the file's beginning, free text, in which SciPy writes the date."""


def write_mat(path: Path, content: dict[str, Any], title: str) -> None:
    """Write variables by name; the same content is the same bytes. `title` is shown by `file`."""
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, content)
    text = f"MATLAB 5.0 MAT-file, {title}".encode()[:_TEXT_BYTES].ljust(_TEXT_BYTES)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text + stream.getbuffer()[_TEXT_BYTES:])

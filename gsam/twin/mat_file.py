"""MATLAB 5 files of a twin: SciPy's, without the date."""

import io
from pathlib import Path
from typing import Any

from gsam.storage import atomic_path

__all__ = ["save_mat"]

_TEXT_BYTES = 116
"""At the file's beginning, free text, in which SciPy writes the date."""


def save_mat(path: Path, content: dict[str, Any], twin_of: str) -> None:
    """Write variables by name; the same content is the same bytes. `twin_of` names the original."""
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, content)
    text = f"MATLAB 5.0 MAT-file, synthetic twin of {twin_of}".encode().ljust(_TEXT_BYTES)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text + stream.getbuffer()[_TEXT_BYTES:])

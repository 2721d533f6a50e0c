"""JSON that a stranger wrote: bounded in size and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gsam.errors import DataError

__all__ = ["load_json"]

MAX_BYTES = 512 << 20
"""Ten hours of one person's 26 joints; Python needs some ten times the text's size in memory."""


def load_json(path: Path) -> Any:
    """The content of a JSON file; DataError that names it when it is too large or malformed."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20}")
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deeply, expected keypoints") from error
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON ({error})") from error

"""Whether OpenCV can read and run an ONNX file, found out in a process of its own.

OpenCV's reader ends the process on some damaged files. What it survives here, with bounds on memory
and time, it survives in the caller.

    python -m gsam.boxes.onnx_trial FILE HEIGHT WIDTH
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from gsam.errors import DataError

__all__ = ["try_onnx"]

_MEMORY = 16 << 30
_SECONDS = 300
_REFUSED = 3


def try_onnx(path: str | Path, height: int, width: int) -> None:
    """Load the file and run it once on a grey picture of that size in px, in another process.

    Raises:
        DataError: OpenCV cannot read it or run it, or the process ended in the attempt.
    """
    command = [sys.executable, "-m", "gsam.boxes.onnx_trial", str(Path(path).absolute())]
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            [*command, str(height), str(width)],
            cwd=root,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{path}: takes more than {_SECONDS} s to read and run once") from None
    if done.returncode == _REFUSED:
        raise DataError(f"{path}: {done.stdout.decode(errors='replace')[:300]}")
    if done.returncode:
        raise DataError(f"{path}: damaged ONNX file, OpenCV ends on it ({done.returncode})")


def _main(path: str, height: int, width: int) -> int:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    import cv2
    import numpy as np

    step = "OpenCV cannot read this as ONNX"
    try:
        network = cv2.dnn.readNetFromONNX(path)
        step = f"cannot be run on {height}x{width} px"
        network.setInput(np.full((1, 3, height, width), 0.5, np.float32))
        network.forward(network.getUnconnectedOutLayersNames())
    except (MemoryError, cv2.error) as error:
        print(f"{step} ({' '.join(str(error).split())[:200]})")
        return _REFUSED
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

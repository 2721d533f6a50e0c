"""The name of a training: what it is made of, so that no change ever resumes from old weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import gsam
from gsam.storage import digest

__all__ = ["code_hash", "identity"]

# What turns clips and a configuration into weights.
_CODE = ("clips.py", "lifters", "skeletons.py", "storage.py", "training")

_LENGTH = 12


def code_hash() -> str:
    """SHA-256 of the library's code that decides trained weights."""
    root = Path(gsam.__file__).parent
    total = hashlib.sha256()
    for part in _CODE:
        files = sorted((root / part).rglob("*.py")) if (root / part).is_dir() else [root / part]
        for file in files:
            total.update(f"{file.relative_to(root).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def identity(run: Mapping[str, Any], *, seed: int, data_hash: str, device: str) -> str:
    """Twelve hexadecimal digits for one training: its lifter and recipe, data, code, seed, number
    of workers, kind of device and version of PyTorch.

    run: has `lifter`, `train` and `workers`; nothing else in it changes the weights.
    """
    made_of = {
        "lifter": run["lifter"],
        "train": run["train"],
        "workers": run["workers"],
        "seed": seed,
        "data": data_hash,
        "code": code_hash(),
        "device": device,
        "torch": torch.__version__,
    }
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]

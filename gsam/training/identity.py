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

# Per kind of training: what of a resolved run decides its weights, and the code that makes them
# from data and that.
_DECIDES = {
    "lifter": ("lifter", "train", "windows", "workers"),
    "detector": ("detector", "train", "augment", "samples", "workers"),
    "mesh": ("mesh", "train", "augment", "samples", "losses", "backbone", "truth", "workers"),
}
_CODE = {
    "lifter": ("clips.py", "lifters", "skeletons.py", "joint_sets.py", "storage.py", "training"),
    "detector": ("detectors", "images", "skeletons.py", "joint_sets.py", "storage.py", "training"),
    "mesh": (
        *("body", "checkpoints", "detectors", "images", "meshes", "metrics", "render"),
        *("skeletons.py", "joint_sets.py", "storage.py", "training", "weak_perspective.py"),
    ),
    "detection": (
        "ahead.py",
        "boxes",
        "detectors",
        "images",
        "joint_sets.py",
        "skeletons.py",
        "storage.py",
        "training",
    ),
}

_LENGTH = 12


def code_hash(kind: str) -> str:
    """SHA-256 of the library's code that decides the weights of a `lifter`, a `detector` or a
    regressor of a `mesh`, or what a `detection` finds."""
    root = Path(gsam.__file__).parent
    total = hashlib.sha256()
    for part in _CODE[kind]:
        files = sorted((root / part).rglob("*.py")) if (root / part).is_dir() else [root / part]
        for file in files:
            total.update(f"{file.relative_to(root).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def identity(run: Mapping[str, Any], *, seed: int, data_hash: str, device: str) -> str:
    """Twelve hexadecimal digits for one training: what of its run decides weights, data, code,
    seed, kind of device and version of PyTorch.

    run: a lifter's (has `lifter`, `train`, `windows`, `workers`), a detector's (`detector`,
    `train`, `augment`, `samples`, `workers`) or a mesh regressor's (`mesh`, `train`, `augment`,
    `samples`, `losses`, `backbone`, `truth`, `workers`); nothing else in it changes the weights.
    Of the file `backbone`, if there is one, the content counts.
    """
    kind = next(kind for kind in _DECIDES if kind in run)
    started = run["backbone"] if kind == "mesh" else None
    made_of = {
        **{key: run[key] for key in _DECIDES[kind]},
        **({"started": digest(started)} if started else {}),
        "seed": seed,
        "data": data_hash,
        "code": code_hash(kind),
        "device": device,
        "torch": torch.__version__,
    }
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]

"""Workspaces of one detector, for tests that start its stages as DVC does: as commands."""

from pathlib import Path
from typing import Any

from gsam.storage import write_json
from tests.synthetic_images import write_images

RUN: dict[str, Any] = {
    "name": "tiny",
    "data": "twin",
    "scale": "smoke",
    "images": "human36m",
    "detector": {
        "name": "hrnet",
        "joint_set": "human36m_17",
        "height": 64,
        "width": 64,
        "channels": 4,
        "stem": 8,
        "bottlenecks": 1,
        "modules": [1, 1, 1],
        "blocks": 1,
    },
    "full_detector": {"name": "hrnet", "joint_set": "human36m_17"},
    "train": {"epochs": 3, "batch_size": 8, "lr": 0.003, "checkpoint_seconds": 0},
    "augment": {"mosaic": 0.2, "mixup": 0.2},
    "samples": {"epoch_samples": 16, "validation_samples": 4},
    "detect": {"boxes": "truth", "flip_test": True, "quarter_offset": True, "batch_size": 8},
    "seeds": [0],
    "workers": 0,
}


def make_workspace(folder: Path, run: dict[str, Any] | None = None) -> Path:
    """A folder with training images and the plan of one detector."""
    write_images(folder / "data" / "images" / "human36m", count=24, dots=True)
    write_run(folder, run or RUN)
    return folder


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Plan a detector."""
    write_json(folder / "data" / "plan" / "detectors" / f"{run['name']}.json", run)


def with_training(**changes: Any) -> dict[str, Any]:
    """RUN with another recipe."""
    return {**RUN, "train": {**RUN["train"], **changes}}

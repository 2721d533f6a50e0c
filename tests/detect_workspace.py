"""Workspaces of one detector with random weights and pictures of takes, for tests of detection."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsam.detectors import DetectorConfig, build_detector
from gsam.images import ImageWriter, People, encode_jpeg
from gsam.weights import save_network

DETECTOR: dict[str, Any] = {
    "name": "hrnet", "joint_set": "human36m_17", "height": 64, "width": 64, "channels": 4,
    "stem": 8, "bottlenecks": 1, "modules": [1, 1, 1], "blocks": 1,
}  # fmt: skip

DETECT: dict[str, Any] = {
    "boxes": "truth", "flip_test": True, "quarter_offset": True, "batch_size": 2,
}  # fmt: skip

CAMERAS = ("60457274", "54138969")
STEP = 5
TAKES = {"train": ("S1/Walking", "S5/Eating 1"), "test": ("S9/Walking",)}


def make_workspace(
    folder: Path, *, frames: int = 4, workers: int = 0, changes: dict[str, Any] | None = None
) -> Path:
    """A folder with the plan, the weights and the pictures of the detector `tiny`.

    Each take has `frames` pictures of each of two cameras, every 5th frame of the take.
    """
    run = {
        "name": "tiny", "data": "twin", "scale": "smoke", "images": "human36m",
        "detector": DETECTOR, "full_detector": DETECTOR, "train": {}, "augment": {}, "samples": {},
        "detect": {**DETECT, **(changes or {})}, "seeds": [3], "workers": workers,
    }  # fmt: skip
    plan = folder / "data/plan/detectors/tiny.json"
    plan.parent.mkdir(parents=True)
    plan.write_text(json.dumps(run))
    write_weights(folder / "models/detector/tiny/seed3.safetensors")
    for split in TAKES:
        write_pictures(folder / "data/images/human36m", split, frames)
    return folder


def write_weights(path: Path, **changes: Any) -> Path:
    """A detector that has learnt nothing, but answers differently to different pictures."""
    config = DetectorConfig(**{**DETECTOR, **changes})
    torch.manual_seed(0)
    model = build_detector(config)
    for name, value in model.named_parameters():
        if "final" in name:
            torch.nn.init.normal_(value)
    save_network(path, model.state_dict(), config, {})
    return path


def write_pictures(folder: Path, split: str, frames: int) -> None:
    """Noise with one person in each picture: a window of the camera's frame, half its size."""
    rng = np.random.default_rng(len(split))
    with ImageWriter(folder, split, "twin", "human36m_17", "tests") as writer:
        for take in TAKES[split]:
            for camera in CAMERAS:
                for number in range(frames):
                    picture = rng.integers(0, 255, (72, 60, 3), dtype=np.uint8)
                    points = rng.uniform(15, 50, (1, 17, 2))
                    writer.add(
                        encode_jpeg(picture),
                        image=f"{take}.{camera}/{number * STEP:06d}",
                        people=person(points),
                        subject=take.split("/")[0],
                        sequence=take,
                        camera=camera,
                        frame=number * STEP,
                        origin=(100.0 + number, 200.0),
                        zoom=0.5,
                    )


def person(points: np.ndarray) -> People:
    """One labelled person (1, 17, 2), the first joint unlabelled."""
    levels = np.full((1, 17), 3)
    levels[0, 0] = 0
    return People(
        points=points,
        visibility=levels,
        boxes=np.array([[10.0, 8.0, 40.0, 56.0]]),
        areas=np.array([900.0]),
        crowds=np.array([False]),
        ids=np.array([1]),
    )

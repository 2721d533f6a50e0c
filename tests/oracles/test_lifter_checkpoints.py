"""The reference's own lists of keys and shapes are recognised as the lifters that they are."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.checkpoints.lifters import holds_lifter, translate_lifter
from gsam.checkpoints.read import Checkpoint

LIFTERS: dict[str, dict[str, Any]] = {
    "poseformer_f9": {"name": "poseformer", "frames": 9, "width": 32, "depth": 4, "features": 2},
    "poseformer_f81": {"name": "poseformer", "frames": 81, "mlp_ratio": 2.0, "head": "centre"},
    "videopose3d_81f": {"name": "videopose3d", "strides": (3, 3, 3, 3), "channels": 1024},
    "videopose3d_81f_optimized1f": {"name": "videopose3d", "frames": 81},
    "videopose3d_243f": {"name": "videopose3d", "frames": 243, "features": 2},
    "strided_27f": {"name": "strided", "frames": 27, "hidden": 512, "layers": 3},
    "strided_351f": {"name": "strided", "frames": 351, "channels": 256},
    "mixste_27f_512x8": {"name": "mixste", "frames": 27, "channels": 512, "depth": 8},
    "motionbert_full_T16": {
        "name": "motionbert",
        "frames": 243,
        "features": 3,
        "representation": 512,
        "adaptive_fusion": True,
    },
    "martinez_1024x2": {"name": "martinez", "joints": 16, "stages": 2, "channels": 1024},
}
NOT_SCORED = ("martinez",)


@pytest.mark.parametrize("name", LIFTERS)
def test_reference_keys_are_all_known(oracles: Path, name: str) -> None:
    spec = json.loads((oracles / "models" / f"{name}.json").read_text())
    shapes = {key: shape for key, shape, _ in spec["state_dict"]}
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    checkpoint = Checkpoint(state=state, settings={})
    assert holds_lifter(checkpoint)
    found = translate_lifter(checkpoint, name)
    assert {key: getattr(found.config, key) for key in LIFTERS[name]} == LIFTERS[name]
    assert found.report.complete and not found.report.filled
    assert len(found.weights) == len(state)
    assert bool(found.problem) == (found.config.name in NOT_SCORED)

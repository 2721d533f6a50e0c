"""The reference's own lists of keys and shapes are recognised as the networks that they are."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.checkpoints.mesh import holds_mesh, translate_mesh
from gsam.checkpoints.read import Checkpoint
from gsam.meshes.config import MeshConfig

RESNET = MeshConfig(backbone="resnet", deconv_layers=3, deconv_filters=256)
NETWORKS: dict[str, tuple[MeshConfig, dict[str, Any]]] = {
    "pare_hrnet_w32_conv_partsegm": (MeshConfig(), {}),
    "pare_hrnet_w32_interp_attention": (
        MeshConfig(backbone="hrnet_interp", heatmaps="attention"),
        {"DATASET": {"USE_HEATMAPS": "attention"}},
    ),
    "pare_resnet50_defaults_softargmax": (
        MeshConfig(backbone="resnet", deconv_layers=3, deconv_filters=256, heatmaps="softargmax"),
        {"DATASET": {"USE_HEATMAPS": ""}, "PARE": {"USE_KEYPOINT_ATTENTION": False}},
    ),
    "pare_resnet50_partsegm_deconv3x256": (RESNET, {}),
    "hmr_resnet50": (MeshConfig(name="hmr", backbone="resnet"), {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_reference_keys_are_all_known(oracles: Path, name: str) -> None:
    config, settings = NETWORKS[name]
    spec = json.loads((oracles / "models" / f"{name}.json").read_text())
    state = {
        # Scalars are read; nothing is stored for all else.
        key: torch.empty(shape, device="meta" if shape else "cpu").fill_(1.0)
        for key, shape, _ in spec["state_dict"]
    }
    checkpoint = Checkpoint(state=state, settings=settings)
    assert holds_mesh(checkpoint)
    found = translate_mesh(checkpoint, name, {})
    assert found.config == config
    assert found.report.complete and not found.report.filled
    assert found.left_out and all(key.startswith("smpl.") for key in found.left_out)
    assert len(found.weights) + len(found.left_out) == len(state)

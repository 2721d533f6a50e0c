"""Weight files of mesh regressors."""

from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.detectors import DetectorConfig, build_detector
from gsam.errors import ConfigError, DataError
from gsam.meshes import MeshConfig, build_mesh
from gsam.weights import load_detector, load_mesh, save_network


def small(**changes: Any) -> MeshConfig:
    return MeshConfig(
        size=64,
        channels=4,
        stem=4,
        bottlenecks=1,
        modules=(1, 1, 1),
        blocks=1,
        deconv_filters=8,
        shape_features=4,
        **changes,
    )


@pytest.mark.parametrize(
    "config",
    [
        small(attention_heads=2, attention_width=16),
        MeshConfig(name="hmr", backbone="resnet", size=64, depth=14, base=4, hidden=8),
    ],
    ids=["pare", "hmr"],
)
def test_a_saved_regressor_answers_the_same(config: MeshConfig, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_mesh(config).eval()
    path = tmp_path / "seed0.safetensors"
    save_network(path, model.state_dict(), config, {"run": "tiny", "seed": 0})
    first = path.read_bytes()
    save_network(path, model.state_dict(), config, {"seed": 0, "run": "tiny"})
    assert path.read_bytes() == first
    loaded, notes = load_mesh(path)
    assert notes == {"run": "tiny", "seed": 0, "mesh": config.as_dict()}
    assert not loaded.training
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for got, expected in zip(loaded(images), model(images), strict=True):
            assert (got is None and expected is None) or torch.equal(got, expected)


def test_files_that_are_no_regressor(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(DataError, match="no such file, expected a trained mesh"):
        load_mesh(path)
    detector = DetectorConfig(name="hourglass", height=64, width=64, stacks=1, features=4, stem=4)
    save_network(path, build_detector(detector).state_dict(), detector, {})
    with pytest.raises(DataError, match="holds detector, expected a mesh"):
        load_mesh(path)
    weights = build_mesh(small()).state_dict()
    save_network(path, weights, small(), {})
    with pytest.raises(DataError, match="holds mesh, expected a detector"):
        load_detector(path)
    save_network(path, weights, small(attention_heads=2), {})
    with pytest.raises(DataError, match=r"weights do not fit the mesh: .*part_attention"):
        load_mesh(path)
    save_network(path, weights, small(attention_heads=5), {})
    with pytest.raises(ConfigError, match="attention_heads = 5"):
        load_mesh(path)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    weights = build_mesh(small()).state_dict()
    weights["head.cam_mlp.bias"][1] = float("inf")
    with pytest.raises(DataError, match=r"weight 'head\.cam_mlp\.bias' is not finite"):
        save_network(tmp_path / "weights.safetensors", weights, small(), {})
    assert list(tmp_path.iterdir()) == []

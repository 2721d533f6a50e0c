"""Weight files of detectors, and official HRNet weights in a network with attention."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gsam.detectors import DetectorConfig, build_detector
from gsam.detectors.attention import PREFIX, with_own_attention
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.weights import load_detector, load_lifter, save_network


def small(**changes: Any) -> DetectorConfig:
    return DetectorConfig(
        height=64,
        width=64,
        channels=4,
        stem=4,
        bottlenecks=1,
        modules=(1, 1, 1),
        blocks=1,
        attention_width=8,
        **changes,
    )


def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_saved_detector_answers_the_same(tmp_path: Path) -> None:
    config = small(attention_stages=(2,))
    model = build_detector(config).eval()
    path = tmp_path / "seed0.safetensors"
    save_network(path, model.state_dict(), config, {"run": "tiny", "seed": 0})
    first = path.read_bytes()
    save_network(path, model.state_dict(), config, {"seed": 0, "run": "tiny"})
    assert path.read_bytes() == first
    loaded, notes = load_detector(path)
    assert notes == {"run": "tiny", "seed": 0, "detector": config.as_dict()}
    assert not loaded.training
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images()), model(images()), rtol=0, atol=0)


def test_files_that_are_no_detector(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(DataError, match="no such file, expected a trained detector"):
        load_detector(path)
    path.write_bytes(b"\x00" * 20)
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load_detector(path)
    save_file({"w": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="expected a detector saved by gsam"):
        load_detector(path)
    lifter = LifterConfig(name="martinez", frames=1, channels=4)
    save_network(path, build_lifter(lifter).state_dict(), lifter, {})
    with pytest.raises(DataError, match="holds lifter, expected a detector"):
        load_detector(path)
    config = small()
    weights = build_detector(config).state_dict()
    save_network(path, weights, config, {})
    with pytest.raises(DataError, match="holds detector, expected a lifter"):
        load_lifter(path)
    save_network(path, weights, small(attention_stages=(1,)), {})
    with pytest.raises(DataError, match=r"weights do not fit the detector: .*attention"):
        load_detector(path)


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    config, path = small(), tmp_path / "weights.safetensors"
    weights = build_detector(config).state_dict()
    weights["conv1.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(DataError, match=r"weight 'conv1\.weight' is not finite"):
        save_network(path, weights, config, {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_an_impossible_configuration(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_network(path, build_detector(small()).state_dict(), DetectorConfig(height=65), {})
    with pytest.raises(ConfigError, match="height = 65"):
        load_detector(path)


def test_official_weights_mean_the_same_with_attention() -> None:
    plain, attentive = (
        build_detector(small(**changes)).eval() for changes in ({}, {"attention_stages": (1, 2, 3)})
    )
    official = plain.state_dict()
    extra = set(attentive.state_dict()) - set(official)
    assert extra
    assert all(key.startswith(PREFIX) for key in extra)
    attentive.load_state_dict(with_own_attention(attentive, official), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(attentive(images()), plain(images()), rtol=0, atol=1e-6)
    with pytest.raises(DataError, match="attention modules of their own"):
        with_own_attention(attentive, attentive.state_dict())


def test_every_attention_module_reaches_the_heat_maps() -> None:
    """Those of the last stage's coarser sub-networks stand before the one output is made."""
    model = build_detector(small(attention_stages=(1, 2, 3))).eval()
    with torch.inference_mode():
        plain = model(images())[-1].clone()
        names = [name for name in model.state_dict() if name.endswith("expand.bias")]
        assert len(names) == 9
        for name in names:
            bias = model.get_parameter(name)
            bias += 1.0
            assert (model(images())[-1] - plain).abs().max() > 1e-5, name
            bias -= 1.0

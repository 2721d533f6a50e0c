"""Every detector behind the one interface: shapes, training, flips, impossible configurations."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsam.configs import build
from gsam.detectors import DetectorConfig, build_detector, count_parameters
from gsam.detectors.config import DEPTHS
from gsam.detectors.flip import flip_average
from gsam.detectors.inputs import normalise
from gsam.detectors.objective import decode, make_targets, per_sample_loss
from gsam.detectors.resnet import BLOCKS
from gsam.errors import ConfigError

SMALL: dict[str, Any] = {
    "height": 64,
    "width": 64,
    "channels": 4,
    "stem": 8,
    "bottlenecks": 1,
    "modules": (1, 1, 1),
    "blocks": 1,
    "attention_width": 8,
    "depth": 14,
    "base": 4,
    "features": 16,
    "stacks": 2,
}
CASES: dict[str, dict[str, Any]] = {
    "hrnet": {},
    "hrnet_tall": {"height": 96, "width": 64, "joint_set": "coco_17"},
    "hrnet_deeper": {"modules": (1, 2, 2), "blocks": 2, "bottlenecks": 2},
    "hrnet_attention": {"attention_stages": (1, 2, 3)},
    "hrnet_hard_joints": {"hard_joints": 8},
    "simplebaseline": {"name": "simplebaseline", "joint_set": "mpii_16"},
    "cpn": {"name": "cpn"},
    "hourglass": {"name": "hourglass", "joint_set": "mpii_16"},
}


def small(case: str = "hrnet", **changes: Any) -> DetectorConfig:
    return DetectorConfig(**{**SMALL, **CASES[case], **changes})


def crops(config: DetectorConfig, batch: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, config.height, config.width, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def labels(config: DetectorConfig, batch: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([config.width, config.height])
    points = torch.rand(batch, config.joints, 2, generator=generator) * (size - 16) + 8
    return points, torch.ones(batch, config.joints)


@pytest.mark.parametrize("case", CASES)
def test_interface(case: str) -> None:
    torch.manual_seed(0)
    config = small(case)
    model = build_detector(config).eval()
    with torch.inference_mode():
        inputs = normalise(config, crops(config))
        outputs = model(inputs)
        alone = model(inputs[1:])
    assert isinstance(outputs, tuple)
    shape = (2, config.joints, config.height // 4, config.width // 4)
    for output, single in zip(outputs, alone, strict=True):
        assert output.shape == shape
        assert torch.isfinite(output).all()
        torch.testing.assert_close(output[1:], single, rtol=1e-4, atol=1e-4)
    points, scores = decode(config, outputs[-1])
    assert points.shape == (2, config.joints, 2)
    assert scores.shape == (2, config.joints)


@pytest.mark.parametrize("case", CASES)
def test_training_reaches_every_weight_and_lowers_the_loss(case: str) -> None:
    torch.manual_seed(0)
    config = small(case)
    model = build_detector(config).train()
    inputs, (points, weight) = normalise(config, crops(config, 4)), labels(config, 4)
    targets = make_targets(config, points, weight)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = per_sample_loss(config, model(inputs), targets, weight)
        assert loss.shape == (4,)
        loss.mean().backward()
        optimiser.step()
        losses.append(float(loss.detach().mean()))
    # CPN's targets go up to 255, towards which its last normalisation grows slowly.
    assert losses[-1] < (0.99 if config.name == "cpn" else 0.9) * losses[0]
    # The hourglass carries the reference's skip layers, of which some are never used.
    unused = [n for n, p in model.named_parameters() if p.grad is None and "skip_layer" not in n]
    assert unused == []


@pytest.mark.parametrize("case", CASES)
def test_targets_decode_to_the_joints(case: str) -> None:
    config = small(case)
    points, weight = labels(config, 5)
    weight[0, 0] = 0.0
    targets = make_targets(config, points, weight)
    maps = getattr(targets, "maps", targets)
    maps = maps[:, -1] if maps.ndim == 5 else maps
    found, _ = decode(config, maps, quarter_offset=False)
    error = (found - points).abs()[weight > 0]
    assert float(error.max()) <= 3.0  # less than a cell: what rounding to cells may cost
    assert maps[0, 0].abs().max() == 0


@pytest.mark.parametrize("case", CASES)
def test_flip_test_of_a_mirrored_image(case: str) -> None:
    """Averaging with the mirror image is the same question for an image and for its mirror."""
    config = small(case)
    generator = torch.Generator().manual_seed(3)
    shape = (2, config.joints, config.map_height, config.map_width)
    direct = torch.rand(shape, generator=generator)
    order = list(config.skeleton.mirror_permutation)
    mirror = direct.flip(3)[:, order]
    average = flip_average(config, direct, mirror)
    if config.name in ("cpn", "hourglass"):
        torch.testing.assert_close(average, direct)
    else:
        torch.testing.assert_close(average[..., 1:], (direct[..., 1:] + direct[..., :-1]) / 2)
        torch.testing.assert_close(average[..., 0], direct[..., 0])


def test_keys_of_simplebaseline() -> None:
    """The reference's: the trunk has no prefix, the transposed convolutions are one sequence."""
    state = build_detector(DetectorConfig(name="simplebaseline")).state_dict()
    trunk = {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}
    assert {key.split(".")[0] for key in state} == {*trunk, "deconv_layers", "final_layer"}
    assert state["deconv_layers.0.weight"].shape == (2048, 256, 4, 4)
    assert state["deconv_layers.7.running_mean"].shape == (256,)
    assert state["layer4.0.downsample.0.weight"].shape == (2048, 1024, 1, 1)


def test_input_constants() -> None:
    grey = torch.full((1, 64, 64, 3), 255, dtype=torch.uint8)
    expected = {"hrnet": (1 - 0.485) / 0.229, "cpn": 1 - 122.7717 / 255, "hourglass": 1.0}
    for name, value in expected.items():
        result = normalise(small(name), grey)
        assert result.shape == (1, 3, 64, 64)
        assert result.dtype == torch.float32
        assert result.is_contiguous(memory_format=torch.channels_last)
        assert float(result[0, 0, 0, 0]) == pytest.approx(value, rel=1e-5)


def test_parameters_are_counted_without_memory() -> None:
    assert count_parameters(DetectorConfig(channels=4096)) > 10**11


def attention_of(where: str, level: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sub-networks and stages of a row of Table VI."""
    if where == "sub-network and stage":
        assert level == "sub-1 + stage-1"
        return (1,), (1,)
    places = () if level == "none" else tuple(int(place) for place in level.split("+"))
    return (places, ()) if where == "sub-network" else ((), places)


def test_attention_within_one_percent_of_table_six(shared: Path) -> None:
    table = shared / "papers" / "published" / "table6_hrnet_attention.csv"
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 9
    for row in rows:
        subnetworks, stages = attention_of(row["where"], row["level"])
        config = DetectorConfig(attention_subnetworks=subnetworks, attention_stages=stages)
        millions = count_parameters(config) / 1e6
        assert millions == pytest.approx(float(row["params_millions"]), rel=0.01), row


def test_places_of_attention() -> None:
    """The paper: nine in all, four for the first sub-network and stage."""
    assert len(small(attention_stages=(1, 2, 3)).attention_places()) == 9
    assert len(small(attention_subnetworks=(1, 2, 3, 4)).attention_places()) == 9
    chosen = small(attention_subnetworks=(1,), attention_stages=(1,))
    assert chosen.attention_places() == ((1, 1), (1, 2), (2, 1), (3, 1))
    assert small(attention_subnetworks=(4,)).attention_places() == ((3, 4),)


def test_configuration_survives_json() -> None:
    config = small("hrnet_attention", joint_weights=(1.0,) * 17)
    assert build(DetectorConfig, json.loads(json.dumps(config.as_dict())), "detector") == config
    assert set(BLOCKS) == set(DEPTHS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "hrnett"}, "did you mean 'hrnet'"),
        ({"joint_set": "coco17"}, "did you mean 'coco_17'"),
        ({"height": 72}, "height = 72: expected a multiple of 32 for hrnet"),
        ({"name": "hourglass", "width": 96}, "width = 96: expected a multiple of 64"),
        ({"width": 0}, "width = 0: expected a whole number of at least 1"),
        ({"increase": -1}, "increase = -1: expected a whole number of at least 0"),
        ({"sigma": 0.0}, "sigma = 0.0: expected a number above 0"),
        ({"sigma": float("nan")}, "sigma"),
        ({"modules": (1, 4)}, "modules = [1, 4]: expected 3 whole numbers"),
        ({"attention_subnetworks": (5,)}, "attention_subnetworks = [5]: expected only 1, 2, 3, 4"),
        ({"attention_stages": (4,)}, "attention_stages = [4]: expected only 1, 2, 3"),
        ({"attention_stages": (1, 1)}, "expected each place once"),
        ({"attention_stages": (1,), "attention_groups": 3}, "expected a divisor of 8"),
        ({"name": "cpn", "attention_stages": (1,)}, "cpn has no places for attention"),
        ({"name": "cpn", "depth": 18}, "depth = 18: expected one of 14, 26, 50, 101, 152"),
        ({"hard_joints": 18}, "hard_joints = 18: human36m_17 has 17 joints"),
        ({"joint_weights": (1.0,)}, "1 numbers, expected none or one per joint (17)"),
        ({"joint_weights": (-1.0,) * 17}, "expected numbers of at least 0"),
    ],
)
def test_impossible_configurations(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_detector(DetectorConfig(**{**SMALL, **changes}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_are_named_at_once() -> None:
    config = DetectorConfig(height=250, width=190, attention_stages=(1,), attention_groups=3)
    assert len(config.problems()) == 3

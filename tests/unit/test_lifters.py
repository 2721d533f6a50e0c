"""Every lifter behind the one interface: shapes, counts, training, impossible configurations."""

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gsam.configs import build
from gsam.errors import ConfigError
from gsam.lifters import LifterConfig, build_lifter, count_parameters
from gsam.lifters.config import OWN_FIELDS, SEQUENCE_ONLY, merge_factors, odd_factors

SMALL: dict[str, Any] = {"frames": 9, "width": 8, "depth": 2, "heads": 2, "hidden": 32}
MIXSTE = {"name": "mixste", "head": "sequence", "depth": 8}
MOTIONBERT = {
    "name": "motionbert",
    "head": "sequence",
    "depth": 5,
    "features": 3,
    "frames": 243,
}
CASES = {
    "gsam": {},
    "gsam_sequence": {"head": "sequence"},
    "gsam_grouped": {"conv": "grouped"},
    "gsam_sam_only": {"tam": "none", "sam": "before_msa"},
    "gsam_tam_only": {"sam": "none", "tam": "after_mlp"},
    "poseformer": {"name": "poseformer"},
    "poseformer_sequence": {"name": "poseformer", "head": "sequence"},
    "videopose3d": {"name": "videopose3d", "channels": 16},
    "martinez": {"name": "martinez", "frames": 1, "channels": 16},
    "strided": {"name": "strided", "channels": 16},
    "strided_sequence": {"name": "strided", "channels": 16, "head": "sequence"},
    "mixste": {"name": "mixste", "channels": 48, "head": "sequence"},
    "motionbert": {"name": "motionbert", "channels": 32, "head": "sequence", "features": 3},
    "motionbert_mean": {
        "name": "motionbert",
        "channels": 32,
        "head": "sequence",
        "adaptive_fusion": False,
        "positions": 27,
        "representation": 24,
    },
}


def small(**changes: Any) -> LifterConfig:
    return LifterConfig(**{**SMALL, **changes})


def keypoints(config: LifterConfig, batch: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, config.frames, config.joints, config.features, generator=generator)


@pytest.mark.parametrize("case", CASES)
def test_interface(case: str) -> None:
    config = small(**CASES[case])
    model = build_lifter(config).eval()
    poses = model(keypoints(config))
    answered = config.frames if config.head == "sequence" else 1
    assert poses.shape == (3, answered, config.joints, 3)
    assert model.receptive_field == config.frames
    assert model.target_frame == config.frames // 2
    assert model.answers_windows == (config.head == "sequence")
    assert torch.isfinite(poses).all()


@pytest.mark.parametrize("case", CASES)
def test_samples_do_not_see_each_other(case: str) -> None:
    config = small(**CASES[case])
    model = build_lifter(config).eval()
    inputs = keypoints(config)
    with torch.inference_mode():
        together, alone = model(inputs), model(inputs[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_training_reaches_every_weight_and_lowers_the_loss(case: str) -> None:
    torch.manual_seed(0)
    config = small(**CASES[case], dropout=0.1, drop_path=0.1)
    model = build_lifter(config).train()
    inputs = keypoints(config, batch=8)
    target = torch.randn(8, 1, config.joints, 3, generator=torch.Generator().manual_seed(1))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(75 if config.name in SEQUENCE_ONLY else 25):  # one small head for all joints
        optimiser.zero_grad()
        loss = (model(inputs) - target).norm(dim=-1).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    unreached = {name for name, value in model.named_parameters() if value.grad is None}
    assert all(config.name == "strided" for _ in unreached)  # the head that is not asked


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"name": "poseformer", "frames": 3}, 9_560_375),
        ({"name": "poseformer", "frames": 9}, 9_563_645),
        ({"name": "poseformer", "frames": 81}, 9_602_885),
        ({"name": "poseformer", "frames": 243}, 9_691_175),
        ({"frames": 81}, 9_602_885 + 23_552),
        ({"frames": 81, "sam": "none", "tam": "none"}, 9_602_885),
        ({"frames": 9, "conv": "grouped"}, 9_563_645 + 272_128),
        ({"frames": 27, "conv": "grouped"}, 9_573_455 + 272_128),
        ({"frames": 81, "conv": "grouped"}, 9_602_885 + 272_128),
        ({"name": "videopose3d", "frames": 27}, 8_555_571),
        ({"name": "videopose3d", "frames": 81}, 12_753_971),
        ({"name": "videopose3d", "frames": 243}, 16_952_371),
        ({"name": "martinez", "frames": 1, "joints": 16}, 4_291_632),
        ({"name": "strided", "frames": 351}, 4_346_214),
        ({"name": "strided", "frames": 27}, 4_014_438),
        ({**MIXSTE, "frames": 27}, 33_673_219),
        ({**MIXSTE, "frames": 243}, 33_783_811),
        (MOTIONBERT, 42_466_317),
        ({**MOTIONBERT, "channels": 256, "representation": 512, "mlp_ratio": 4.0}, 16_001_549),
    ],
)
def test_parameter_counts(changes: dict[str, Any], count: int) -> None:
    assert count_parameters(LifterConfig(**changes)) == count


def test_position_moves_no_parameters_but_changes_the_answer() -> None:
    answers = []
    for position in ("before_msa", "after_msa", "after_mlp"):
        torch.manual_seed(0)
        config = small(sam=position, tam=position)
        assert count_parameters(config) == count_parameters(small())
        answers.append(build_lifter(config).eval()(keypoints(config)))
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert not torch.allclose(answers[first], answers[second], atol=1e-4)


def test_gsam_without_modules_loads_poseformer() -> None:
    config = small(name="poseformer")
    poseformer = build_lifter(config).eval()
    gsam = build_lifter(small(sam="none", tam="none")).eval()
    gsam.load_state_dict(poseformer.state_dict(), strict=True)
    inputs = keypoints(config)
    assert torch.equal(gsam(inputs), poseformer(inputs))


def test_dropout_and_stochastic_depth_act_in_training_only() -> None:
    config = small(dropout=0.3, drop_path=0.5)
    model = build_lifter(config)
    inputs = keypoints(config)
    assert not torch.equal(model.train()(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "posformer"}, ("name", "'posformer'", "poseformer")),
        ({"frames": 80}, ("frames", "80", "odd")),
        ({"frames": 0}, ("frames", "0", "at least 1")),
        ({"frames": 81.0}, ("frames", "81.0", "whole number")),
        ({"joints": True}, ("joints", "True", "whole number")),
        ({"width": 33}, ("heads", "8", "33")),
        ({"dropout": 1.0}, ("dropout", "1.0", "from 0")),
        ({"drop_path": float("nan")}, ("drop_path", "nan", "from 0")),
        ({"mlp_ratio": 0.0}, ("mlp_ratio", "0.0", "above 0")),
        ({"mlp_ratio": 0.01}, ("mlp_ratio", "0.01", "hidden")),
        ({"head": "center"}, ("head", "'center'", "centre, sequence")),
        ({"sam": "middle"}, ("sam", "'middle'", "after_msa")),
        ({"tam": "middle"}, ("tam", "'middle'", "after_msa")),
        ({"conv": "full"}, ("conv", "'full'", "depthwise, grouped")),
        ({"channels": 0}, ("channels", "0", "at least 1")),
        ({"strides": (2,)}, ("strides", "2", "odd")),
        ({"name": "videopose3d", "frames": 1}, ("frames", "1", "27 = 3x3x3")),
        ({"name": "videopose3d", "frames": 27, "strides": (3, 3)}, ("27", "[3, 3]", "9")),
        ({"name": "videopose3d", "head": "sequence"}, ("head", "videopose3d", "centre")),
        ({"name": "strided", "frames": 81, "strides": (3, 3, 3, 3)}, ("strides", "at most 3")),
        ({"name": "strided", "channels": 100}, ("heads", "8", "100")),
        ({"name": "martinez"}, ("frames", "81", "expected 1")),
        ({"name": "mixste"}, ("head", "mixste", "expected sequence")),
        ({"name": "mixste", "head": "sequence", "heads": 7}, ("heads", "7", "512")),
        ({**MOTIONBERT, "positions": 81}, ("positions", "81", "at least frames = 243")),
        ({**MOTIONBERT, "representation": 0}, ("representation", "0", "at least 1")),
    ],
)
def test_impossible_configurations_are_named(
    changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    config = LifterConfig(**changes)
    assert config.problems()
    with pytest.raises(ConfigError) as caught:
        build_lifter(config)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_all_problems_at_once() -> None:
    config = LifterConfig(head="x", conv="y", dropout=-1.0)
    assert len(config.problems()) == 3


@pytest.mark.parametrize("case", CASES)
def test_configuration_survives_json(case: str) -> None:
    config = small(**CASES[case])
    text = json.loads(json.dumps(config.as_dict()))
    assert LifterConfig(**text) == config
    assert build(LifterConfig, text, "lifter") == config
    own = {key for key in OWN_FIELDS if getattr(config, key) == getattr(LifterConfig(), key)}
    assert set(text) == {field.name for field in dataclasses.fields(LifterConfig)} - own


def test_a_new_familys_fields_change_no_other_familys_files() -> None:
    """What is stored with weights, and with it their bytes, stays what it was."""
    stored = " ".join(LifterConfig().as_dict())
    assert stored == (
        "name frames joints features width depth heads mlp_ratio qkv_bias qk_scale dropout "
        "drop_path head sam tam conv channels hidden layers stages strides"
    )


@given(st.integers(1, 2000).map(lambda half: 2 * half + 1))
@settings(max_examples=60, deadline=None)
def test_factors_multiply_to_the_frames(frames: int) -> None:
    factors = odd_factors(frames)
    product = 1
    for factor in factors:
        assert factor % 2 == 1
        assert factor > 1
        product *= factor
    assert product == frames
    merged, product = merge_factors(factors, 3), 1
    assert len(merged) <= 3
    for factor in merged:
        product *= factor
    assert product == frames


def test_import_needs_only_torch_and_numpy() -> None:
    code = (
        "import sys, gsam.lifters; "
        "print([m for m in ('ray', 'hydra', 'scipy', 'matplotlib', 'dvc') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"

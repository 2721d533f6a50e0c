"""Every mesh regressor behind the one interface: shapes, training, start, impossible settings."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gsam.body.mean_params import MeanParams
from gsam.body.rotations import rot6d_to_matrix
from gsam.configs import build
from gsam.errors import ConfigError
from gsam.meshes import MeshConfig, build_mesh, count_parameters
from gsam.meshes.inputs import normalise

SMALL: dict[str, Any] = {
    "size": 64,
    "channels": 4,
    "stem": 8,
    "bottlenecks": 1,
    "modules": (1, 1, 1),
    "blocks": 1,
    "depth": 14,
    "base": 4,
    "deconv_filters": 16,
    "shape_features": 4,
    "pose_hidden": 8,
    "shape_hidden": 12,
    "hidden": 32,
    "attention_width": 8,
}
RESNET = {"backbone": "resnet", "deconv_layers": 3}
CASES: dict[str, dict[str, Any]] = {
    "pare": {},
    "interp": {"backbone": "hrnet_interp", "heatmaps": "attention"},
    "deeper": {"modules": (1, 2, 2), "blocks": 2, "bottlenecks": 2},
    "resnet": RESNET,
    "kernel3": {**RESNET, "deconv_kernel": 3},
    "upsample": {**RESNET, "deconv_kernel": 3, "upsample": True, "mean_camshape": True},
    "softargmax": {**RESNET, "heatmaps": "softargmax", "temperature": 2.0},
    "layers": {"pose_layers": 2, "shape_layers": 3},
    "means": {"mean_pose": True, "mean_camshape": True},
    "iterative": {"iterative": True},
    "residual": {"iterative": True, "residual": True, "iterations": 2},
    "coattention": {"coattention": 1, "branch_non_local": True, "final_non_local": True},
    "coattention_twice": {"coattention": 2, "mean_camshape": True},
    "part_attention": {"attention_heads": 2},
    "hmr": {"name": "hmr", "backbone": "resnet"},
    "hmr_hrnet": {"name": "hmr", "backbone": "hrnet_conv"},
}
HRNET_WITHOUT_EFFECT = {"backbone.final_layer.weight", "backbone.final_layer.bias"}


def small(case: str = "pare", **changes: Any) -> MeshConfig:
    return MeshConfig(**{**SMALL, **CASES[case], **changes})


def crops(batch: int = 2, size: int = 64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, size, size, 3), generator=generator, dtype=torch.uint8)


def some_mean(seed: int = 0) -> MeanParams:
    generator = np.random.default_rng(seed)
    pose = generator.standard_normal(144).astype(np.float32)
    shape = generator.standard_normal(10).astype(np.float32)
    return MeanParams(pose, shape, np.array([0.8, 0.1, -0.2], dtype=np.float32))


@pytest.mark.parametrize("case", CASES)
def test_interface(case: str) -> None:
    torch.manual_seed(0)
    config = small(case)
    model = build_mesh(config, some_mean()).eval()
    with torch.inference_mode():
        inputs = normalise(crops())
        output, alone = model(inputs), model(inputs[1:])
    assert output.rotations.shape == (2, 24, 3, 3)
    assert output.shape.shape == (2, 10) and output.camera.shape == (2, 3)
    turned_back = output.rotations @ output.rotations.mT
    torch.testing.assert_close(turned_back, torch.eye(3).expand_as(turned_back), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        torch.linalg.det(output.rotations), torch.ones(2, 24), atol=1e-5, rtol=0
    )
    for both, single in zip(output, alone, strict=True):
        assert (both is None) == (single is None)
        if both is not None and single is not None:
            torch.testing.assert_close(both[1:], single, rtol=1e-4, atol=1e-4)
    if config.name == "hmr":
        assert output[3:] == (None, None, None)
        return
    assert output.parts is not None and output.attention is not None
    assert output.parts.shape == (2, config.map_channels, 16, 16)
    assert output.attention.shape == (2, 24, 16, 16)
    assert (output.attention >= 0).all()
    torch.testing.assert_close(output.attention.sum(dim=(2, 3)), torch.ones(2, 24))
    assert (output.keypoints is not None) == (config.heatmaps == "softargmax")


@pytest.mark.parametrize("case", CASES)
def test_everything_that_trains_is_reached(case: str) -> None:
    """No gradient only where the reference has layers without effect, and those are frozen."""
    torch.manual_seed(0)
    model = build_mesh(small(case))
    output = model(normalise(crops(4)))
    total = sum(x.square().sum() for x in output[:3]) + output.rotations.sum()
    assert isinstance(total, Tensor)
    total.backward()
    untouched = {name for name, value in model.named_parameters() if value.grad is None}
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    assert untouched == frozen == (HRNET_WITHOUT_EFFECT if small(case).hrnet else set())


@pytest.mark.parametrize("case", ["pare", "softargmax", "resnet", "hmr", "part_attention"])
def test_fresh_weights_answer_about_the_mean(case: str) -> None:
    torch.manual_seed(0)
    mean = some_mean()
    model = build_mesh(small(case, deconv_filters=64), mean).eval()
    with torch.inference_mode():
        output = model(normalise(crops()))
    expected = rot6d_to_matrix(torch.from_numpy(mean.pose).view(24, 6))
    cosine = ((output.rotations.mT @ expected).diagonal(dim1=2, dim2=3).sum(-1) - 1) / 2
    assert torch.rad2deg(cosine.clamp(-1, 1).acos()).median() < 15
    torch.testing.assert_close(
        output.camera, torch.from_numpy(mean.cam).expand(2, -1), atol=0.1, rtol=0
    )
    torch.testing.assert_close(
        output.shape, torch.from_numpy(mean.shape).expand(2, -1), atol=0.2, rtol=0
    )


def test_without_a_mean_it_starts_upright() -> None:
    head = build_mesh(small("hmr")).head
    rotations = rot6d_to_matrix(head.get_buffer("init_pose").view(24, 6))
    torch.testing.assert_close(rotations, torch.eye(3).expand(24, 3, 3))
    torch.testing.assert_close(head.get_buffer("init_cam"), torch.tensor([[0.9, 0.0, 0.0]]))


@pytest.mark.parametrize("case", ["pare", "interp", "resnet"])
def test_part_attention_adds_to_pare_and_starts_without_effect(case: str) -> None:
    """Same weights, same answer to the last bit; its keys are PARE's and those of the module."""
    torch.manual_seed(0)
    plain = build_mesh(small(case)).eval()
    corrected = build_mesh(small(case, attention_heads=3)).eval()
    own = {key for key in corrected.state_dict() if key.startswith("head.part_attention.")}
    assert own and set(corrected.state_dict()) - own == set(plain.state_dict())
    weights = {key: corrected.state_dict()[key] for key in own} | plain.state_dict()
    corrected.load_state_dict(weights, strict=True)
    inputs = normalise(crops())
    with torch.inference_mode():
        first, second = plain(inputs), corrected(inputs)
        for one, other in zip(first, second, strict=True):
            assert (one is None and other is None) or torch.equal(one, other)
        mix = corrected.get_parameter("head.part_attention.mix")
        mix.copy_(torch.randn_like(mix))
        # The first weights leave the maps almost flat, which nothing would correct.
        corrected.get_parameter("head.keypoint_final_layer.weight").mul_(1000)
        plain.get_parameter("head.keypoint_final_layer.weight").mul_(1000)
        first, second = plain(inputs), corrected(inputs)
    assert torch.equal(first.parts, second.parts)  # what segmentation supervises
    assert not torch.allclose(first.attention, second.attention)
    assert not torch.allclose(first.rotations, second.rotations)


def test_keys_have_the_references_names() -> None:
    """Of the options without a public fixture; all others are compared with the fixtures."""
    keys = set(build_mesh(small("coattention")).state_dict())
    layers = ("g.weight", "g.bias", "theta.weight", "phi.bias", "W.0.weight", "W.1.running_mean")
    for block in ("branch_2d", "branch_3d", "final_pose", "final_shape"):
        assert {f"head.{block}_nonlocal.{layer}" for layer in layers} <= keys
    layers = ("linear_e", "gate", "final_conv_1", "final_conv_2")
    own = {key for key in keys if key.startswith("head.coattention.")}
    assert own == {f"head.coattention.{layer}.weight" for layer in layers}
    stacked = set(build_mesh(small("layers")).state_dict())
    assert {"head.pose_mlp.1.weight", "head.shape_mlp.2.bias", "head.cam_mlp.0.weight"} <= stacked
    doubled = set(build_mesh(small("upsample")).state_dict())
    assert {"head.smpl_deconv_layers.1.weight", "head.smpl_deconv_layers.10.bias"} <= doubled


def test_inputs_are_normalised_by_imagenets_constants() -> None:
    grey = torch.full((1, 2, 2, 3), 255, dtype=torch.uint8)
    found = normalise(grey)[0, :, 0, 0]
    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(found, expected)
    assert normalise(grey).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("case", CASES)
def test_configuration_survives_json(case: str) -> None:
    config = small(case)
    restored = build(MeshConfig, json.loads(json.dumps(config.as_dict())), "mesh")
    assert restored == config
    assert count_parameters(restored) == sum(p.numel() for p in build_mesh(config).parameters())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "par"}, "name = 'par': did you mean 'pare'"),
        ({"backbone": "hrnet_con"}, "backbone = 'hrnet_con': did you mean 'hrnet_conv'"),
        ({"heatmaps": "parts"}, "heatmaps = 'parts'"),
        ({"size": 100}, "size = 100: expected a multiple of 32"),
        ({"size": 0}, "size = 0: expected a whole number of at least 1"),
        ({"channels": 2.0}, "channels = 2.0"),
        ({"coattention": -1}, "coattention = -1: expected a whole number of at least 0"),
        ({"attention_heads": True}, "attention_heads = True"),
        ({"mean_pose": 1}, "mean_pose = 1: expected true or false"),
        ({"temperature": 0.0}, "temperature = 0.0: expected a number above 0"),
        ({"temperature": float("nan")}, "temperature = nan"),
        ({"modules": (1, 4)}, "modules = [1, 4]: expected 3 whole numbers"),
        ({"pose_inputs": ("feats", "neighbours")}, "pose_inputs: 'neighbours'"),
        ({"shape_inputs": ("feats", "feats")}, "shape_inputs = ['feats', 'feats']"),
        ({"pose_inputs": ("cam",)}, "expected 'feats' among them"),
        ({"backbone": "resnet", "depth": 34}, "depth = 34: expected one of 14, 26, 50"),
        ({"backbone": "resnet", "deconv_kernel": 2}, "deconv_kernel = 2: expected 3 or 4"),
        ({"upsample": True}, "upsample = true: hrnet_conv needs none"),
        ({"heatmaps": "softargmax", "attention_heads": 2}, "attention_heads = 2: softargmax"),
        ({"attention_heads": 5}, "attention_heads = 5: expected 0 or a divisor of 24"),
        ({"name": "hmr", "attention_heads": 2}, "attention_heads = 2: hmr has no part maps"),
        ({"iterative": True, "mean_pose": True}, "iterative = true"),
    ],
)
def test_impossible_configurations_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_mesh(MeshConfig(**{**SMALL, **changes}))
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'deconv_layers'"):
        build(MeshConfig, {"deconv_layer": 2}, "mesh")


def test_rotations_are_whole_under_autocast() -> None:
    model = build_mesh(MeshConfig(**SMALL)).eval()
    crops = torch.randn(2, 3, SMALL["size"], SMALL["size"])
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rotations = model(crops).rotations
    assert rotations.dtype == torch.float32
    products = rotations @ rotations.transpose(-1, -2)
    assert (products - torch.eye(3)).abs().max() < 1e-5

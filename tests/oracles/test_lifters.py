"""Lifters against the numbers of the reference implementations, same weights and inputs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsam.lifters import LifterConfig, build_lifter
from gsam.lifters.martinez import Martinez
from gsam.lifters.motionbert import MotionBert
from gsam.lifters.strided import StridedTransformer
from gsam.lifters.videopose3d import VideoPose3D
from tests.oracles import recipe

MODELS = Path(__file__).parents[3] / "shared" / "oracles" / "models"


def transformer(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the fixtures of all transformers of joints and frames say by the same names."""
    return {
        "joints": config["num_joints"],
        "depth": config["depth"],
        "heads": config["num_heads"],
        "mlp_ratio": float(config["mlp_ratio"]),
        "qkv_bias": config.get("qkv_bias", True),
        "qk_scale": config.get("qk_scale"),
    }


def poseformer(config: Mapping[str, Any], name: str = "poseformer") -> nn.Module:
    """PoseFormer, or the paper's lifter without its own modules, from a fixture's configuration."""
    return build_lifter(
        LifterConfig(
            name=name,
            frames=config["num_frame"],
            features=config["in_chans"],
            width=config["embed_dim_ratio"],
            **transformer(config),
            drop_path=float(config["drop_path_rate"]),
            sam="none",
            tam="none",
        )
    )


def videopose3d(config: Mapping[str, Any]) -> nn.Module:
    """Both of VideoPose3D's forms."""
    return VideoPose3D(
        filter_widths=config["filter_widths"],
        joints=config["num_joints_in"],
        features=config["in_features"],
        joints_out=config["num_joints_out"],
        channels=config["channels"],
        dropout=config["dropout"],
        causal=config["causal"],
        dense=config.get("dense", False),
    )


def martinez(config: Mapping[str, Any]) -> nn.Module:
    """The reference's sixteen joints."""
    return Martinez(
        joints=16,
        channels=config["linear_size"],
        stages=config["num_stage"],
        dropout=config["p_dropout"],
    )


def strided(config: Mapping[str, Any]) -> nn.Module:
    """StridedTransformer."""
    return StridedTransformer(
        frames=config["frames"],
        strides=config["stride_num"],
        layers=config["layers"],
        channels=config["channel"],
        hidden=config["d_hid"],
        joints=config["n_joints"],
        joints_out=config["out_joints"],
    )


def mixste(config: Mapping[str, Any]) -> nn.Module:
    """MixSTE."""
    return build_lifter(
        LifterConfig(
            name="mixste",
            head="sequence",
            frames=config["num_frame"],
            features=config["in_chans"],
            channels=config["embed_dim_ratio"],
            **transformer(config),
        )
    )


def motionbert(config: Mapping[str, Any]) -> nn.Module:
    """MotionBERT, whose windows may be shorter than its table of positions."""
    return build_lifter(
        LifterConfig(
            name="motionbert",
            head="sequence",
            frames=config["maxlen"],
            features=config["dim_in"],
            channels=config["dim_feat"],
            representation=config["dim_rep"],
            **transformer(config),
            adaptive_fusion=config["att_fuse"],
        )
    )


BUILDERS: dict[str, Callable[[Mapping[str, Any]], nn.Module]] = {
    "poseformer": poseformer,
    "videopose3d": videopose3d,
    "martinez": martinez,
    "strided_transformer": strided,
    "mixste": mixste,
    "motionbert": motionbert,
}
PREFIXES = ("poseformer_", "videopose3d_", "martinez_", "strided_", "mixste_", "motionbert_")
FIXTURES = sorted(path.stem for prefix in PREFIXES for path in MODELS.glob(f"{prefix}*.json"))


def outputs(module: nn.Module, keypoints: Tensor) -> dict[str, Tensor]:
    """Everything that a fixture may hold for this family."""
    caught: dict[str, Tensor] = {}

    def catch(key: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _module, _args, result: caught.__setitem__(key, result)

    if isinstance(module, StridedTransformer):
        centre, sequence = module.both(keypoints)
        return {"pred_center": centre, "pred_full_sequence": sequence}
    if isinstance(module, MotionBert):
        module.pre_logits.register_forward_hook(catch("representation"))
        return {"pred": module(keypoints), **caught}
    for key in ("Spatial_norm", "Temporal_norm"):
        if hasattr(module, key):
            getattr(module, key).register_forward_hook(catch(f"after_{key.lower()}"))
    if hasattr(module, "head"):
        module.head.register_forward_pre_hook(
            lambda _module, args: caught.__setitem__("after_weighted_mean", args[0])
        )
    return {"pred": module(keypoints), **caught}


def test_fixtures_are_found(oracles: Path) -> None:
    """An empty list would pass every comparison below."""
    assert len(list((oracles / "models").glob("poseformer_*.json"))) >= 2
    assert len(FIXTURES) >= 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", FIXTURES)
def test_outputs_equal_the_reference(oracles: Path, name: str, dtype: torch.dtype) -> None:
    """Keys, parameter count, check sums of the weights, and every stored output."""
    fixture, arrays = recipe.load(oracles / "models" / name)
    module = recipe.prepare(BUILDERS[fixture["family"]](fixture["config"]), fixture).to(dtype)
    keypoints = recipe.model_input("x", fixture["inputs"]["x"], fixture["seed"])
    with torch.inference_mode():
        found = outputs(module, keypoints.to(dtype))
    assert set(found) >= set(fixture["outputs"])
    for key in fixture["outputs"]:
        recipe.assert_output(key, found[key], fixture, arrays)


def test_gsam_without_its_modules_is_poseformer(oracles: Path) -> None:
    """Same keys, same numbers."""
    fixture, arrays = recipe.load(oracles / "models" / "poseformer_f9")
    module = recipe.prepare(poseformer(fixture["config"], name="gsam"), fixture)
    keypoints = recipe.model_input("x", fixture["inputs"]["x"], fixture["seed"])
    with torch.inference_mode():
        recipe.assert_output("pred", module(keypoints), fixture, arrays)


def test_recipe_reproduces_its_selftest(oracles: Path) -> None:
    """The helper itself, tensor by tensor."""
    selftest = recipe.json.loads((oracles / "recipe_selftest.json").read_text())
    assert selftest["tensors"]
    for tensor in selftest["tensors"]:
        found = recipe.values(tensor["key"], tensor["shape"], tensor["seed"], tensor["gain"])
        assert found.ravel()[: len(tensor["values"])].tolist() == tensor["values"]

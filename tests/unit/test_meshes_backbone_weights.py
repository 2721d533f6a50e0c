"""Backbones started from other networks' weights: what is filled, left fresh and refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gsam.detectors import DetectorConfig, build_detector
from gsam.detectors.hrnet import HRNet
from gsam.detectors.hrnet_module import ExchangeModule
from gsam.detectors.resnet import ResNet
from gsam.errors import DataError
from gsam.meshes import MeshConfig, build_mesh
from gsam.meshes.backbone_weights import start_backbone
from gsam.weights import save_network

SMALL = DetectorConfig(
    joint_set="coco_17",
    height=64,
    width=64,
    channels=4,
    stem=4,
    bottlenecks=1,
    modules=(1, 1, 1),
    blocks=1,
)


class Regressor(nn.Module):
    """A backbone and something on it."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(2, 2)


def wide_hrnet() -> Regressor:
    """As a mesh regressor's: every branch comes out, with layers that bring them to one size."""
    torch.manual_seed(1)
    backbone = HRNet(SMALL)
    backbone.stage4 = nn.ModuleList([ExchangeModule([4, 8, 16, 32], 1, 4)])
    backbone.final_layer = nn.Conv2d(4, 24, 1)
    backbone.upsample_stage_2 = nn.Sequential(nn.Conv2d(8, 8, 3))
    return Regressor(backbone)


def resnet(depth: int = 14, base: int = 4, seed: int = 1) -> Regressor:
    torch.manual_seed(seed)
    return Regressor(ResNet(depth, base))


def hrnet_state() -> dict[str, Tensor]:
    torch.manual_seed(2)
    state = build_detector(SMALL).state_dict()
    state["bn1.running_mean"] += 3.0
    return state


def written(tmp_path: Path, content: object) -> Path:
    torch.save(content, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_key_point_hrnet_fills_all_but_what_only_we_have(tmp_path: Path) -> None:
    state, model = hrnet_state(), wide_hrnet()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    report = start_backbone(model, written(tmp_path, state))
    after = model.state_dict()
    assert report.unused == ("final_layer.bias", "final_layer.weight")
    assert {key.split(".")[0] for key in report.fresh} == {
        "final_layer",
        "stage4",
        "upsample_stage_2",
    }
    assert all("fuse_layers.0." not in key for key in report.fresh)
    assert set(report.filled) == set(state) - set(report.unused)
    for key in report.filled:
        assert torch.equal(after[f"backbone.{key}"], state[key])
    for key in (*(f"backbone.{key}" for key in report.fresh), "head.weight"):
        assert torch.equal(after[key], before[key])
    text = report.table()
    assert "weights.pth" in text and "upsample_stage_2 (2)" in text and "final_layer (2)" in text


def test_imagenet_hrnet_fills_the_last_exchange_too(tmp_path: Path) -> None:
    state = {
        key: value
        for key, value in wide_hrnet().backbone.state_dict().items()
        if not key.startswith(("final_layer", "upsample")) and "num_batches" not in key
    }
    state |= {"classifier.weight": torch.zeros(2, 2), "incre_modules.0.w": torch.zeros(1)}
    state |= {"final_layer.0.weight": torch.zeros(2), "head.0.0.0.conv1.weight": torch.zeros(2)}
    report = start_backbone(wide_hrnet(), written(tmp_path, {"state_dict": state}))
    assert {key.split(".")[0] for key in report.fresh} == {"final_layer", "upsample_stage_2"}
    assert len(report.unused) == 4 and "stage4.0.fuse_layers.3.0.0.0.weight" in report.filled


@pytest.mark.parametrize("prefix", ["", "module.", "model.backbone.", "backbone.", "resnet."])
def test_resnet_under_every_name(prefix: str, tmp_path: Path) -> None:
    state = resnet(seed=5).backbone.state_dict()
    content = {prefix + key: value for key, value in state.items()}
    rest = (
        {"J_regressor": torch.zeros(3)} if "backbone" in prefix else {"fc.weight": torch.zeros(3)}
    )
    if prefix == "module.":
        rest = {"module.fc.weight": torch.zeros(3)}
    model = resnet()
    report = start_backbone(model, written(tmp_path, {**content, **rest}))
    assert not report.fresh and len(report.unused) == 1
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, state[key])


def test_own_detector_fits(tmp_path: Path) -> None:
    path = tmp_path / "seed0.safetensors"
    save_network(path, hrnet_state(), SMALL, {})
    assert "conv1.weight" in start_backbone(wide_hrnet(), path).filled


@pytest.mark.parametrize(
    "state, reason",
    [
        (resnet(26).backbone.state_dict(), "unexpected .layer1.1"),
        (resnet(14, base=8).backbone.state_dict(), "wrong shape .bn1"),
        (hrnet_state(), "missing .layer2.0.bn1"),
        ({"fc.weight": torch.zeros(1)}, "0 keys match, .* missing"),
    ],
    ids=["deeper", "wider", "hrnet", "nothing"],
)
def test_another_network_is_one_line(state: dict[str, Tensor], reason: str, tmp_path: Path) -> None:
    model = resnet()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(DataError, match=rf"weights\.pth: not weights of this .*{reason}") as error:
        start_backbone(model, written(tmp_path, state))
    assert "\n" not in str(error.value)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_broken_files(tmp_path: Path) -> None:
    state = resnet().backbone.state_dict()
    state["bn1.bias"][1] = float("nan")
    with pytest.raises(DataError, match=r"weights\.pth: weight 'bn1\.bias' is not finite"):
        start_backbone(resnet(), written(tmp_path, state))
    (tmp_path / "a.safetensors").write_bytes(b"\x00" * 9)
    with pytest.raises(DataError, match=r"a\.safetensors: not a readable"):
        start_backbone(resnet(), tmp_path / "a.safetensors")
    for name in ("none.safetensors", "none.pth"):
        with pytest.raises(DataError, match=name):
            start_backbone(resnet(), tmp_path / name)


def test_key_point_hrnet_starts_pare(tmp_path: Path) -> None:
    config = MeshConfig(
        size=64, channels=4, stem=4, bottlenecks=1, modules=(1, 1, 1), blocks=1, deconv_filters=8
    )
    state, model = hrnet_state(), build_mesh(config)
    report = start_backbone(model, written(tmp_path, state))
    assert torch.equal(model.state_dict()["backbone.bn1.running_mean"], state["bn1.running_mean"])
    steps = [f"upsample_stage_{stage}" for stage in (2, 3, 4)]
    assert {key.split(".")[0] for key in report.fresh} == {"final_layer", "stage4", *steps}
    again = start_backbone(build_mesh(config), written(tmp_path, model.state_dict()))
    assert set(again.filled) | {"final_layer.weight", "final_layer.bias"} == {
        key.removeprefix("backbone.") for key in model.state_dict() if key.startswith("backbone.")
    }

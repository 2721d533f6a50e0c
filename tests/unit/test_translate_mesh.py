"""PARE's and HMR's checkpoints become ours strictly, without SMPL's arrays, and never run code."""

import os
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from gsam.body.mean_params import MeanParams, write_mean_params
from gsam.checkpoints.mesh import translate_mesh
from gsam.checkpoints.pare_settings import pare_settings, read_pare_settings
from gsam.checkpoints.read import read_checkpoint
from gsam.checkpoints.translate import main
from gsam.errors import ConfigError, DataError
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.weights import load_mesh

SMALL = MeshConfig(
    channels=4, stem=4, bottlenecks=1, modules=(1, 2, 1), blocks=1, deconv_filters=8,
    shape_features=4,
)  # fmt: skip
RESNET = MeshConfig(backbone="resnet", depth=14, base=4, deconv_filters=8, shape_features=4)
# Every network whose keys differ, as far as weights alone tell.
NETWORKS = {
    "conv": SMALL,
    "interp": replace(SMALL, backbone="hrnet_interp", deconv_layers=1),
    "resnet": replace(RESNET, deconv_layers=3, deconv_kernel=3),
    "upsample": replace(RESNET, upsample=True),
    "deep": replace(SMALL, pose_layers=2, pose_hidden=6, shape_layers=3, shape_hidden=5),
    "iterative": replace(SMALL, iterative=True),
    "coattention": replace(SMALL, coattention=1),
    "non-local": replace(SMALL, branch_non_local=True, final_non_local=True),
    "hmr": MeshConfig(name="hmr", backbone="resnet", depth=26, base=4, hidden=8),
}
SMPL = {
    "model.smpl.smpl.v_template": torch.zeros(5, 3),
    "smpl.betas": torch.zeros(1, 10),
    "smpl_native.J_regressor": torch.zeros(24, 5),
    "J_regressor": torch.zeros(17, 5),
    "smpl_faces": torch.zeros(1, 4, 3),
    "K": torch.eye(3),
}


class CfgNode(dict[str, Any]):
    """What yacs calls a record: a dictionary with attributes of its own."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.__dict__["__immutable__"] = True


def weights_of(config: MeshConfig) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return dict(build_mesh(config).state_dict())


def lightning(state: dict[str, Tensor], settings: dict[str, Any]) -> dict[str, Any]:
    """What PARE's trainer leaves: the network under `model.`, SMPL's arrays around it."""
    network = OrderedDict((f"model.{key}", value) for key, value in state.items())
    record = CfgNode({name: CfgNode(values) for name, values in settings.items()})
    return {
        "epoch": 3,
        "pytorch-lightning_version": "0.9.0",
        "state_dict": network | SMPL,
        "hyper_parameters": record,
    }


def saved(path: Path, content: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Written where yacs is installed; read where it is not."""
    module = ModuleType("yacs.config")
    module.CfgNode = CfgNode  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        for name in ("yacs", "yacs.config"):
            patch.setitem(sys.modules, name, module)
        patch.setattr(CfgNode, "__module__", "yacs.config")
        torch.save(content, path)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_known_by_its_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, state = NETWORKS[name], weights_of(NETWORKS[name])
    path = saved(tmp_path / "pare.ckpt", lightning(state, {}), monkeypatch)
    found = translate_mesh(read_checkpoint(path), str(path), {})
    assert found.config == config
    assert found.report.complete and not found.report.filled
    assert found.left_out == tuple(sorted(SMPL))
    model = build_mesh(found.config)
    model.load_state_dict(found.weights, strict=True)
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key])


def test_record_says_what_weights_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(SMALL, heatmaps="attention", mean_camshape=True, size=256, coattention=3)
    settings = {
        "PARE": {
            "USE_MEAN_CAMSHAPE": True,
            "USE_MEAN_POSE": False,
            "USE_COATTENTION": True,
            "NUM_COATTENTION_ITER": 3,
            "KEYPOINT_ATTENTION_ACT": "softmax",
        },
        "DATASET": {"USE_HEATMAPS": "attention", "IMG_RES": 256, "BATCH_SIZE": 64},
    }
    path = saved(tmp_path / "a.ckpt", lightning(weights_of(config), settings), monkeypatch)
    checkpoint = read_checkpoint(path)
    assert translate_mesh(checkpoint, "a", {}).config == config
    overruled = translate_mesh(checkpoint, "a", {"heatmaps": "softargmax", "mean_camshape": False})
    assert overruled.config == replace(config, heatmaps="softargmax", mean_camshape=False)


def test_what_nobody_says_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = replace(SMALL, heatmaps="attention")
    path = saved(tmp_path / "a.ckpt", lightning(weights_of(maps), {}), monkeypatch)
    with pytest.raises(ConfigError, match=r"a\.ckpt: 24 maps .*softargmax or attention"):
        translate_mesh(read_checkpoint(path), str(path), {})
    told = replace(SMALL, iterative=True, pose_inputs=("feats", "self_pose"))
    path = saved(tmp_path / "b.ckpt", lightning(weights_of(told), {}), monkeypatch)
    with pytest.raises(ConfigError, match=r"b\.ckpt: regressors take 14 and 253 numbers, but 199"):
        translate_mesh(read_checkpoint(path), str(path), {})
    settings = {"pose_inputs": ("feats", "self_pose")}
    assert translate_mesh(read_checkpoint(path), "b", settings).config == told


def mean_params() -> MeanParams:
    random = np.random.default_rng(0)
    pose, shape, cam = (random.normal(size=n).astype(np.float32) for n in (144, 10, 3))
    return MeanParams(pose, shape, cam)


@pytest.mark.parametrize("name", ["conv", "hmr"])
def test_early_checkpoints_lack_mean_parameters(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, mean = NETWORKS[name], mean_params()
    state = {k: v for k, v in weights_of(config).items() if "head.init_" not in k}
    path = saved(tmp_path / "a.ckpt", lightning(state, {}), monkeypatch)
    write_mean_params(tmp_path / "mean.npz", mean)
    out = tmp_path / "a.safetensors"
    options = [str(path), "--out", str(out)]
    # PARE has them in its buffers without use; HMR starts from them.
    assert main(options) == (2 if name == "hmr" else 0)
    assert main([*options, "--mean-params", str(tmp_path / "mean.npz")]) == 0
    weights = load_mesh(out)[0].state_dict()
    assert torch.equal(weights["head.init_cam"][0], torch.from_numpy(mean.cam))


def test_command_writes_a_regressor_that_answers_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    model = build_mesh(replace(SMALL, mean_camshape=True)).eval()
    path = saved(tmp_path / "p.ckpt", lightning(dict(model.state_dict()), {}), monkeypatch)
    settings = {"PARE": {"USE_MEAN_CAMSHAPE": True}, "DATASET": {"USE_HEATMAPS": "part_segm"}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    out = tmp_path / "p.safetensors"
    options = [str(path), "--out", str(out), "--settings", str(tmp_path / "c.yaml")]
    assert main([*options, "--size", "64x64"]) == 0
    text = capsys.readouterr().out
    assert "pare hrnet_conv 64x64" in text and f"left out     {len(SMPL):>6}" in text
    loaded, notes = load_mesh(out)
    assert notes["translated_from"] == "p.ckpt" and notes["mesh"]["mean_camshape"]
    assert not any("smpl." in key for key in loaded.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for got, expected in zip(loaded(images), model(images), strict=True):
            assert (got is None and expected is None) or torch.equal(got, expected)


@pytest.mark.parametrize(
    "change, kind",
    [
        (lambda s: s.pop("head.cam_mlp.bias"), "missing: head.cam_mlp.bias"),
        (lambda s: s.update({"head.pos_enc": torch.zeros(2)}), "unexpected: head.pos_enc"),
        (
            lambda s: s.update({"backbone.bn1.bias": torch.zeros(3)}),
            "wrong shape: backbone.bn1.bias (3,), expected (4,)",
        ),
    ],
)
def test_any_leftover_refuses(
    change: Any,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = weights_of(SMALL)
    change(state)
    path = saved(tmp_path / "a.ckpt", lightning(state, {}), monkeypatch)
    assert main([str(path), "--out", str(tmp_path / "a.safetensors")]) == 1
    captured = capsys.readouterr()
    assert kind in captured.out and "keys do not fit pare" in captured.err
    assert not (tmp_path / "a.safetensors").exists()


def test_network_that_cannot_be_sized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = weights_of(SMALL)
    del state["head.smpl_final_layer.weight"]
    path = saved(tmp_path / "a.ckpt", lightning(state, {}), monkeypatch)
    with pytest.raises(DataError, match=r"a\.ckpt: .* without a usable 'head\.smpl_final_layer"):
        translate_mesh(read_checkpoint(path), str(path), {})


def test_options_of_the_wrong_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "a.ckpt", lightning(weights_of(SMALL), {}), monkeypatch)
    for wrong in (["--joint-set", "mpii_16"], ["--size", "64x96"], ["--size", "100x100"]):
        assert main([str(path), "--out", str(tmp_path / "a.safetensors"), *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "record, reason",
    [
        ({"PARE": {"KEYPOINT_ATTENTION_ACT": "sigmoid"}}, "KEYPOINT_ATTENTION_ACT = 'sigmoid'"),
        ({"PARE": {"USE_FINAL_NONLOCAL": "gaussian"}}, "USE_FINAL_NONLOCAL = 'gaussian'"),
        ({"DATASET": {"USE_HEATMAPS": "hm"}}, "USE_HEATMAPS = 'hm': has no counterpart"),
        ({"DATASET": {"USE_HEATMAPS": ""}, "PARE": {"USE_KEYPOINT_ATTENTION": True}}, "without"),
        ({"PARE": 3}, "PARE: expected settings by name"),
    ],
)
def test_options_without_counterpart_are_named(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=f"^here: .*{reason}"):
        pare_settings(record, "here")


@pytest.mark.parametrize(
    "text", ["a: [", "!!python/object/apply:os.mkdir ['{folder}']", "- 1", "\xff"]
)
def test_settings_that_are_no_plain_yaml(text: str, tmp_path: Path) -> None:
    path, folder = tmp_path / "c.yaml", tmp_path / "owned"
    path.write_bytes(text.format(folder=folder).encode("latin-1"))
    with pytest.raises(DataError, match=r"c\.yaml: (not plain YAML|expected settings)") as error:
        read_pare_settings(path)
    assert "\n" not in str(error.value) and not folder.exists()
    with pytest.raises(DataError, match=r"none\.yaml: cannot be read"):
        read_pare_settings(tmp_path / "none.yaml")


class Hostile:
    """Makes a folder when it is unpickled by a loader that calls what it is told to."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_hostile_settings_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = lightning(weights_of(SMALL), {"PARE": {"NOTE": Hostile(tmp_path / "owned")}})
    path = saved(tmp_path / "a.ckpt", content, monkeypatch)
    with pytest.raises(DataError, match=r"a\.ckpt: not a checkpoint of plain tensors .*mkdir"):
        read_checkpoint(path)
    assert not (tmp_path / "owned").exists()

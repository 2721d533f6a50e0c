"""Published lifters' files: wrapped as their training scripts leave them, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gsam.checkpoints.beside import Hints
from gsam.checkpoints.importing import import_checkpoint
from gsam.checkpoints.lifters import holds_lifter, translate_lifter
from gsam.checkpoints.read import read_checkpoint
from gsam.errors import DataError
from gsam.lifters import LifterConfig, build_lifter

CONFIGS = {
    "poseformer": LifterConfig(name="poseformer", frames=9, width=8, depth=2),
    "poseformer_plain": LifterConfig(name="poseformer", frames=3, width=8, depth=1, qkv_bias=False),
    "videopose3d": LifterConfig(name="videopose3d", frames=15, strides=(3, 5), channels=16),
    "videopose3d_scores": LifterConfig(
        name="videopose3d", frames=9, strides=(3, 3), channels=16, features=3
    ),
    "strided": LifterConfig(name="strided", frames=9, channels=16, hidden=32, layers=2),
    "mixste": LifterConfig(name="mixste", frames=9, channels=16, depth=2, head="sequence"),
    "motionbert": LifterConfig(
        name="motionbert",
        frames=27,
        features=3,
        channels=16,
        depth=2,
        head="sequence",
        adaptive_fusion=False,
        representation=24,
        units="picture",
    ),
}


def state_of(config: LifterConfig, prefix: str = "") -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {f"{prefix}{key}": value for key, value in build_lifter(config).state_dict().items()}


def saved(path: Path, content: Any, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("case", CONFIGS)
def test_a_training_scripts_file_becomes_the_same_lifter(
    tmp_path: Path, case: str, legacy: bool
) -> None:
    config = CONFIGS[case]
    content = {
        "epoch": 4,
        "lr": 0.001,
        "random_state": np.random.RandomState(1),
        "optimizer": {"state": {}, "param_groups": []},
        "model_pos": state_of(config, "module."),
        "model_traj": {"shrink.bias": torch.zeros(3)},
    }
    checkpoint = read_checkpoint(saved(tmp_path / "epoch_4.bin", content, legacy=legacy))
    assert holds_lifter(checkpoint)
    found = translate_lifter(checkpoint, "epoch_4.bin")
    assert found.config == config
    assert found.report.complete
    assert found.left_out == ("model_traj",)
    loaded = build_lifter(found.config)
    loaded.load_state_dict(found.weights, strict=True)
    for key, value in state_of(config).items():
        assert torch.equal(loaded.state_dict()[key], value)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"post_refine.0.weight": torch.zeros(4, 4)}, "refine"),
        ({"encoder.fc_1.weight": torch.zeros(4, 4)}, "P-STMO"),
        ({"expand_conv.weight": torch.zeros(4, 34, 3)}, "shrink.weight"),
        ({"expand_conv.weight": torch.zeros(4), "shrink.weight": torch.zeros(51)}, "sized"),
        ({"Spatial_blocks.0.norm1.weight": torch.zeros(8)}, "Spatial_pos_embed"),
        ({"Spatial_blocks.0.norm1.weight": torch.zeros(1, 10**15, 0)}, "holds nothing"),
    ],
)
def test_what_is_no_lifter_is_refused_by_name(
    tmp_path: Path, state: dict[str, Tensor], words: str
) -> None:
    checkpoint = read_checkpoint(saved(tmp_path / "weights.pth", state))
    assert holds_lifter(checkpoint)
    with pytest.raises(DataError, match=words) as caught:
        translate_lifter(checkpoint, "weights.pth")
    assert "\n" not in str(caught.value)


def test_the_importer_knows_lifters_and_says_what_is_assumed(tmp_path: Path) -> None:
    content = {"model_pos": state_of(CONFIGS["strided"], "module."), "model_traj": {}}
    found = import_checkpoint(saved(tmp_path / "no_refine_1.pth", content), Hints())
    assert (found.kind, found.config) == ("lifter", CONFIGS["strided"])
    assert "assumed: strides 3x3" in found.text()
    assert found.problem == ""
    other = import_checkpoint(saved(tmp_path / "mb.bin", state_of(CONFIGS["motionbert"])), Hints())
    assert "assumed: answers in the picture's units" in other.text()
    other.demand_all("mb.bin")


def test_missing_and_unexpected_keys_are_reported(tmp_path: Path) -> None:
    state = state_of(CONFIGS["mixste"])
    del state["head.1.bias"]
    state["another.weight"] = torch.zeros(2)
    checkpoint = read_checkpoint(saved(tmp_path / "weights.pth", state))
    report = translate_lifter(checkpoint, "weights.pth").report
    assert not report.complete
    assert report.missing == ("head.1.bias",)
    assert report.unexpected == ("another.weight",)


def test_lifters_that_cannot_be_scored_say_why(tmp_path: Path) -> None:
    path = saved(tmp_path / "pretrained_h36m_detectron_coco.bin", state_of(CONFIGS["videopose3d"]))
    checkpoint = read_checkpoint(path)
    assert "COCO" in translate_lifter(checkpoint, str(path)).problem
    assert translate_lifter(checkpoint, "pretrained_h36m_cpn.bin").problem == ""

"""Published checkpoints become ours strictly, and never run code."""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gsam.checkpoints.beside import Hints
from gsam.checkpoints.importing import Imported, import_checkpoint
from gsam.checkpoints.key_report import compare_keys
from gsam.checkpoints.translate import main
from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.errors import ConfigError, DataError
from gsam.weights import load_detector

SMALL = {
    "hrnet": DetectorConfig(
        name="hrnet",
        joint_set="coco_17",
        channels=8,
        stem=16,
        bottlenecks=1,
        modules=(1, 2, 1),
        blocks=1,
        sigma=2.0,
    ),
    "cpn": DetectorConfig(name="cpn", joint_set="coco_17", depth=50, base=4, features=8),
    "hourglass": DetectorConfig(
        name="hourglass", joint_set="mpii_16", width=256, stacks=2, features=8, stem=4, increase=2
    ),
    "simplebaseline": DetectorConfig(
        name="simplebaseline", joint_set="coco_17", depth=14, base=4, features=8, sigma=2.0
    ),
}


def translate(
    path: Path, joint_set: str | None = None, size: tuple[int, int] | None = None
) -> Imported:
    return import_checkpoint(path, Hints(joint_set=joint_set, size=size))


def state_of(family: str) -> "OrderedDict[str, Tensor]":
    torch.manual_seed(1)
    return build_detector(SMALL[family]).state_dict()


def prefixed(state: dict[str, Tensor], prefix: str) -> "OrderedDict[str, Tensor]":
    return OrderedDict((prefix + key, value) for key, value in state.items())


def forms(state: dict[str, Tensor]) -> dict[str, Any]:
    """The shapes that the references leave behind."""
    random = np.random.RandomState(3)
    return {
        "bare": state,
        "data parallel": {"epoch": 3, "state_dict": prefixed(state, "module."), "optimizer": {}},
        "trainer": {"state_dict": prefixed(state, "model.module."), "epoch": 1},
        "with numpy": {
            "perf": np.float64(0.7),
            "random_state": random,
            "model": "pose_hrnet",
            "state_dict": state,
        },
        "best": {"model": "pose_hrnet", "best_state_dict": state},
    }


@pytest.mark.parametrize("family", SMALL)
def test_every_form_of_every_family(family: str, tmp_path: Path) -> None:
    state = state_of(family)
    for name, content in forms(state).items():
        path = tmp_path / f"{name}.pth"
        torch.save(content, path, _use_new_zipfile_serialization=name != "data parallel")
        found = translate(path)
        assert found.config == SMALL[family], name
        assert found.report.complete and not found.report.filled
        model = build_detector(found.config)
        model.load_state_dict(found.weights, strict=True)
        for key, value in model.state_dict().items():
            assert torch.equal(value, state[key])


def test_command_writes_a_detector_that_loads(tmp_path: Path, capsys: Any) -> None:
    state = state_of("hrnet")
    torch.save(state, tmp_path / "pose.pth")
    out = tmp_path / "pose.safetensors"
    assert main([str(tmp_path / "pose.pth"), "--out", str(out), "--size", "128x96"]) == 0
    model, notes = load_detector(out)
    assert (notes["detector"]["height"], notes["translated_from"]) == (128, "pose.pth")
    assert torch.equal(model.state_dict()["conv1.weight"], state["conv1.weight"])
    assert f"matched      {len(state):>6}" in capsys.readouterr().out


def test_counters_that_old_torch_did_not_write_start_at_0(tmp_path: Path) -> None:
    state = {k: v for k, v in state_of("cpn").items() if "num_batches" not in k}
    torch.save(state, tmp_path / "old.pth")
    found = translate(tmp_path / "old.pth")
    assert found.report.complete and found.report.filled
    build_detector(found.config).load_state_dict(found.weights, strict=True)


@pytest.mark.parametrize(
    "change, kind",
    [
        (lambda state: state.pop("bn1.bias"), "missing: bn1.bias"),
        (lambda state: state.update(extra=torch.zeros(2)), "unexpected: extra"),
        (
            lambda state: state.update({"bn1.bias": torch.zeros(3)}),
            "wrong shape: bn1.bias (3,), expected (16,)",
        ),
    ],
)
def test_any_leftover_refuses(change: Any, kind: str, tmp_path: Path, capsys: Any) -> None:
    state = state_of("hrnet")
    change(state)
    torch.save(state, tmp_path / "a.pth")
    out = tmp_path / "a.safetensors"
    assert main([str(tmp_path / "a.pth"), "--out", str(out)]) == 1
    captured = capsys.readouterr()
    assert kind in captured.out and "keys do not fit hrnet" in captured.err
    assert not out.exists()


def test_half_precision_and_values_that_are_not_finite(tmp_path: Path, capsys: Any) -> None:
    state = state_of("hrnet")
    state["bn1.bias"] = state["bn1.bias"].half()
    torch.save(state, tmp_path / "a.pth")
    assert translate(tmp_path / "a.pth").weights["bn1.bias"].dtype == torch.float32
    state["bn1.bias"][0] = float("nan")
    torch.save(state, tmp_path / "a.pth")
    assert main([str(tmp_path / "a.pth"), "--out", str(tmp_path / "a.safetensors")]) == 1
    assert "bn1.bias" in capsys.readouterr().err


class Hostile:
    """Writes a file when it is unpickled by a loader that calls what it is told to."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_hostile_pickle_runs_nothing(tmp_path: Path, zipped: bool) -> None:
    target = tmp_path / "owned"
    content = {"state_dict": state_of("cpn"), "config": Hostile(target)}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"a\.pth: not a checkpoint of plain tensors .*mkdir"):
        translate(tmp_path / "a.pth")
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x80\x02}q\x00.", b"hello", b"\x80"])
def test_broken_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.pth"):
        translate(path)


def test_truncated_and_absent_files(tmp_path: Path) -> None:
    torch.save(state_of("cpn"), tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    for size in (100, len(whole) // 2, len(whole) - 10):
        (tmp_path / "a.pth").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.pth"):
            translate(tmp_path / "a.pth")
    with pytest.raises(DataError, match="No such file"):
        translate(tmp_path / "none.pth")


def test_other_networks_are_named_by_their_keys(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"no known network \(fc\.weight\)"):
        translate(tmp_path / "a.pth")
    torch.save({"epoch": 3}, tmp_path / "b.pth")
    with pytest.raises(DataError, match="holds no state dict"):
        translate(tmp_path / "b.pth")


def test_backbone_without_heat_maps(tmp_path: Path) -> None:
    state = state_of("hrnet")
    torch.save({k: v for k, v in state.items() if "final" not in k}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"hrnet without a usable 'final_layer\.weight'"):
        translate(tmp_path / "a.pth")


def test_joint_set_and_size_must_fit(tmp_path: Path, capsys: Any) -> None:
    torch.save(state_of("hrnet"), tmp_path / "a.pth")
    assert translate(tmp_path / "a.pth", "human36m_17").config.joint_set == "human36m_17"
    for options in ((("mpii_16"), None), (("nonsense"), None), (None, (100, 100))):
        with pytest.raises(ConfigError, match=r"a\.pth"):
            translate(tmp_path / "a.pth", *options)
    assert main([str(tmp_path / "a.pth"), "--out", "a.pth"]) == 2
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "a.pth"), "--out", "a.safetensors", "--size", "256"])


def test_long_lists_are_cut_in_the_table() -> None:
    state = {f"key{i:02}": torch.zeros(1) for i in range(30)}
    report = compare_keys(state, {})
    assert "unexpected: and 20 more" in report.table() and not report.complete
    assert report.counts().endswith("30 unexpected, 0 wrong shape")

"""Any checkpoint becomes ours: its kind is found, and what weights do not tell beside the file."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gsam.checkpoints.beside import Hints, hints_beside, names_beside
from gsam.checkpoints.importing import import_checkpoint
from gsam.checkpoints.published import PUBLISHED, published
from gsam.detectors.build import build_detector
from gsam.errors import ConfigError, DataError, LicensedDataMissing
from gsam.lifters import LifterConfig, build_lifter
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.weights import save_network
from stages.raw_weights import checked
from tests.unit.test_translate import SMALL

ROOT = Path(__file__).resolve().parents[2]
LIFTER = LifterConfig(frames=9, width=8, depth=1, heads=2)
MESH = MeshConfig(channels=4, stem=4, bottlenecks=1, modules=(1, 1, 1), blocks=1, deconv_filters=8)
OWN: dict[str, tuple[Any, Any]] = {
    "lifter": (LIFTER, build_lifter),
    "detector": (SMALL["hrnet"], build_detector),
    "mesh": (MESH, build_mesh),
}


@pytest.mark.parametrize("kind", OWN)
def test_our_own_files_of_every_kind(tmp_path: Path, kind: str) -> None:
    config, build = OWN[kind]
    model: nn.Module = build(config)
    save_network(tmp_path / "a.safetensors", model.state_dict(), config, {"run": "main"})
    found = import_checkpoint(tmp_path / "a.safetensors", Hints())
    assert (found.kind, found.config) == (kind, config) and found.report.complete
    build(config).load_state_dict(found.weights, strict=True)
    assert found.text().startswith(f"{kind} {config.name} ")
    short = dict(list(model.state_dict().items())[1:])
    save_network(tmp_path / "b.safetensors", short, config, {})
    with pytest.raises(DataError, match=r"b: keys do not fit .* 1 missing"):
        import_checkpoint(tmp_path / "b.safetensors", Hints()).demand_all("b")


def test_a_picture_classifier_is_told_from_a_detector(tmp_path: Path) -> None:
    state = build_detector(SMALL["hrnet"]).state_dict()
    state = {key: value for key, value in state.items() if "final_layer" not in key}
    torch.save(state | {"classifier.weight": torch.zeros(2, 2)}, tmp_path / "a.pth")
    with pytest.raises(DataError, match=r"finds no joints: .*mesh\.backbone"):
        import_checkpoint(tmp_path / "a.pth", Hints())


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("pose_hrnet_w32_384x288.pth", (384, 288)),
        ("CPN50_256x192.pth.tar", (256, 192)),
        ("pose_hrnet_w32.pth", None),
        ("best_12345x192.pth", None),
    ],
)
def test_sizes_in_names(tmp_path: Path, name: str, size: tuple[int, int] | None) -> None:
    assert hints_beside(tmp_path / name).size == size


def test_settings_beside_a_detector_overrule_its_name(tmp_path: Path) -> None:
    path = tmp_path / "hrnet_256x192.pth"
    torch.save(build_detector(SMALL["hrnet"]).state_dict(), path)
    settings = tmp_path / "hrnet_256x192.yaml"
    settings.write_text("{joint_set: human36m_17, size: 128x96}")
    found = import_checkpoint(path, hints_beside(path))
    assert found.title() == "detector hrnet 128x96 human36m_17"
    assert "size: 128x96, of hrnet_256x192.yaml" in found.text()
    for wrong, said in (
        ("{joint_set: coco_17, sise: 1x1}", "unknown key 'sise'; did you mean 'size'"),
        ("{size: large}", "expected HEIGHTxWIDTH"),
        ("{joint_set: 3}", "expected a name"),
        ("[1", "not plain YAML"),
    ):
        settings.write_text(wrong)
        with pytest.raises(DataError, match=said):
            hints_beside(path)


def test_settings_beside_pare(tmp_path: Path) -> None:
    path = tmp_path / "pare_w_3dpw_checkpoint.ckpt"
    torch.save({"state_dict": build_mesh(MESH).state_dict()}, path)
    (tmp_path / "pare_w_3dpw_config.yaml").write_text("DATASET: {IMG_RES: 64}")
    found = import_checkpoint(path, hints_beside(path))
    assert found.title() == "mesh pare hrnet_conv 64x64"
    assert found.sources == ("settings: pare_w_3dpw_config.yaml",)
    assert set(names_beside("a.ckpt")) == {"a.yaml", "smpl_mean_params.npz"}


def test_every_published_file_is_in_the_folders_readme() -> None:
    text = (ROOT / "data/raw/weights/README.md").read_text()
    for one in PUBLISHED:
        assert one.source in text and one.network in text
    assert published("pare_w_3dpw_checkpoint.ckpt").licensed
    assert published("own.safetensors") is None


def test_files_that_are_not_there(tmp_path: Path) -> None:
    def fails(name: str, error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            checked(tmp_path / name, f"data/raw/weights/{name}", "checkpoint")

    fails("own.pth", ConfigError, "checkpoint: data/raw/weights/own.pth does not exist; no check")
    (tmp_path / "owm.pth").write_bytes(b"")
    fails("own.pth", ConfigError, r"did you mean 'owm\.pth'")
    fails("pose_hrnet_w48_384x288.pth", ConfigError, "HRNet's file is published at github")
    fails("pare_checkpoint.ckpt", LicensedDataMissing, "published at pare")


def test_metadata_of_a_hostile_file(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    for text, said in (("{", "not JSON"), ("[1]", "values by name"), ('{"lifter": 3}', "lifter")):
        save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", {"gsam": text})
        with pytest.raises(DataError, match=said):
            import_checkpoint(tmp_path / "a.safetensors", Hints())
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", {"gsam": json.dumps({"run": 1})})
    with pytest.raises(DataError, match="metadata holds run, expected one of lifter"):
        import_checkpoint(tmp_path / "a.safetensors", Hints())

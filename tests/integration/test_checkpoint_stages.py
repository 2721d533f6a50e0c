"""import_checkpoint, evaluate_checkpoint and backbone in workspaces of a few clips or pictures."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gsam.detectors import DetectorConfig, build_detector
from gsam.errors import ConfigError, DataError, LicensedDataMissing
from gsam.lifters import LifterConfig, build_lifter
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.storage import write_json
from gsam.weights import save_network
from stages import backbone, baselines, evaluate_checkpoint, import_checkpoint
from tests.labelled_bodies import small_bodies, write_body_data
from tests.synthetic_images import write_images
from tests.workspaces import make_workspace

RESULTS = Path("results/checkpoint")
DETECTOR = DetectorConfig(
    name="hrnet", joint_set="coco_17", height=64, width=64, channels=4, stem=8, bottlenecks=1,
    modules=(1, 1, 1), blocks=1,
)  # fmt: skip
MESH = MeshConfig(
    size=32, channels=4, stem=8, bottlenecks=1, modules=(1, 1, 1), blocks=1, deconv_filters=8,
    shape_features=4,
)  # fmt: skip


def plan(folder: Path, checkpoint: str | None) -> None:
    """Name a checkpoint of raw weights."""
    location = None if checkpoint is None else f"data/raw/weights/{checkpoint}"
    write_json(folder / "data/plan/import_checkpoint.json", {"checkpoint": location})
    write_json(folder / "data/plan/backbone.json", {"backbone": location})
    write_json(folder / "data/plan/scoring.json", {"displaced": "keep"})
    write_json(
        folder / "data/plan/evaluate_checkpoint.json",
        {
            "scale": "smoke", "keypoints": "gt", "truth": "neutral", "workers": 0,
            "detect": {
                "boxes": "truth", "flip_test": True, "quarter_offset": True, "batch_size": 4,
            },
        },
    )  # fmt: skip
    (folder / "data/raw/weights").mkdir(parents=True, exist_ok=True)


def weights(folder: Path, name: str, model: nn.Module) -> None:
    """What a training script leaves."""
    path = folder / "data/raw/weights" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"epoch": 1, "state_dict": model.state_dict()}, path)


def run(folder: Path) -> tuple[str, dict[str, Any], dict[str, Any], str]:
    """Both stages in this process: the last line, scores.json, metrics.json, keys.txt."""
    with chdir(folder):
        import_checkpoint.main([])
        line = evaluate_checkpoint.main([])
        scores, metrics = (json.loads((RESULTS / f"{n}.json").read_text()) for n in RESULT_FILES)
        return line, scores, metrics, (RESULTS / "keys.txt").read_text()


RESULT_FILES = ("scores", "metrics")


def test_none_named(tmp_path: Path) -> None:
    plan(tmp_path, None)
    line, scores, metrics, keys = run(tmp_path)
    assert line == "no checkpoint named" and keys == f"{line}\n"
    assert scores == metrics == {"status": line}
    with chdir(tmp_path):
        assert backbone.main([]) == "no backbone named"


def test_a_lifter_is_scored_as_a_run_is(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    plan(folder, "own.safetensors")
    config = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence")
    path = folder / "data/raw/weights/own.safetensors"
    save_network(path, build_lifter(config).state_dict(), config, {})
    with chdir(folder):
        baselines.main(["archived"])
    line, scores, metrics, keys = run(folder)
    assert line.startswith("own.safetensors  ok  MPJPE ") and "lifter gsam 9 frames" in keys
    assert scores["kind"] == "lifter" and scores["protocol"]["flip_test"] is True
    assert metrics["mpjpe_mm"] == pytest.approx(scores["action_mean"]["mpjpe_mm"], abs=1e-4)
    first = (folder / RESULTS / "scores.json").read_bytes()
    run(folder)
    assert (folder / RESULTS / "scores.json").read_bytes() == first


def test_a_detector_is_scored_on_the_pictures_of_its_joints(tmp_path: Path) -> None:
    plan(tmp_path, "pose_64x64.pth")
    weights(tmp_path, "pose_64x64.pth", build_detector(DETECTOR))
    with pytest.raises(DataError, match="data/images/coco"):
        run(tmp_path)
    write_json(tmp_path / "data/images/coco/missing.json", {"reason": "no COCO"})
    with pytest.raises(LicensedDataMissing, match="no COCO"):
        run(tmp_path)
    (tmp_path / "data/images/coco/missing.json").unlink()
    write_images(tmp_path / "data/images/coco", "val", joint_set="coco_17", people_each=2)
    line, scores, metrics, keys = run(tmp_path)
    assert scores["kind"] == "detector" and scores["protocol"]["input"] == "64 x 64 px"
    assert "ap" in metrics and "drawn_coco_17" in line and "of the file's name" in keys


def test_a_mesh_regressor_is_scored_on_3dpw(tmp_path: Path) -> None:
    write_body_data(tmp_path, small_bodies())
    plan(tmp_path, "pare_checkpoint.ckpt")
    weights(tmp_path, "pare_checkpoint.ckpt", build_mesh(MESH))
    (tmp_path / "data/raw/weights/pare_config.yaml").write_text("DATASET: {IMG_RES: 32}")
    _, scores, metrics, keys = run(tmp_path)
    assert scores["kind"] == "mesh" and "mesh pare hrnet_conv 32x32" in keys
    assert metrics["test_mpjpe_mm"] == scores["figures"]["test_mpjpe_mm"] > 0


def test_leftover_keys_are_reported_and_stop(tmp_path: Path) -> None:
    plan(tmp_path, "pose_64x64.pth")
    model = build_detector(DETECTOR)
    model.register_buffer("extra", torch.zeros(1))
    weights(tmp_path, "pose_64x64.pth", model)
    with pytest.raises(DataError, match=r"keys do not fit hrnet: .* 1 unexpected"):
        run(tmp_path)
    assert "unexpected: extra" in (tmp_path / RESULTS / "keys.txt").read_text()
    assert not (tmp_path / "models/checkpoint").exists()


def test_a_backbone_is_taken_out_of_the_folder(tmp_path: Path) -> None:
    plan(tmp_path, "hrnet.pth")
    with chdir(tmp_path), pytest.raises(ConfigError, match=r"mesh\.backbone: .* does not exist"):
        backbone.main([])
    assert not (tmp_path / "data/backbone").exists()
    weights(tmp_path, "hrnet.pth", build_detector(DETECTOR))
    with chdir(tmp_path):
        assert backbone.main([]).startswith("hrnet.pth  ")
    found = tmp_path / "data/backbone/hrnet.pth"
    assert found.read_bytes() == (tmp_path / "data/raw/weights/hrnet.pth").read_bytes()

"""evaluate_detector as a command: figures per dataset, missing pictures, divergence, bad files."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.detectors import DetectorConfig, build_detector
from gsam.errors import ConfigError, DataError, GsamError
from gsam.storage import digest
from gsam.weights import save_network
from stages import evaluate_detector
from tests.synthetic_images import write_images
from tests.workspaces import run_stage

DETECTOR: dict[str, Any] = {
    "name": "hrnet", "height": 64, "width": 64, "channels": 4, "stem": 8, "bottlenecks": 1,
    "modules": [1, 1, 1], "blocks": 1,
}  # fmt: skip
JOINTS = {"human36m": "human36m_17", "coco": "coco_17", "mpii": "mpii_16"}
SPLITS = {"human36m": "test", "coco": "val", "mpii": "valid"}


def workspace(folder: Path, images: str, seeds: int = 1, **detect: Any) -> Path:
    """A planned, trained detector called tiny (random weights) and pictures to score it on."""
    write_images(
        folder / "data/images" / images, SPLITS[images], joint_set=JOINTS[images], people_each=2
    )
    detector = {**DETECTOR, "joint_set": JOINTS[images]}
    write(
        folder / "data/plan/detectors/tiny.json",
        {
            "name": "tiny", "data": "twin", "scale": "smoke", "images": images,
            "detector": detector, "full_detector": {**detector, "channels": 8},
            "train": {"lr": 0.1}, "augment": {"flip": 0.5}, "samples": {},
            "detect": {
                "boxes": "truth", "flip_test": True, "quarter_offset": True, "batch_size": 4,
                **detect,
            },
            "seeds": list(range(seeds)), "workers": 0,
        },
    )  # fmt: skip
    records = {}
    for seed in range(seeds):
        config = DetectorConfig(**detector)
        torch.manual_seed(seed)
        weights = build_detector(config).state_dict()
        path = folder / f"models/detector/tiny/seed{seed}.safetensors"
        save_network(path, weights, config, {})
        records[str(seed)] = {
            "status": "ok", "diverged_epoch": None, "weights_hash": digest(path), "epochs": 3,
        }  # fmt: skip
    write(folder / "results/detectors/tiny/train.json", {"detector": "tiny", "seeds": records})
    return folder


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def evaluated(folder: Path) -> tuple[str, dict, dict]:
    """The stage in this process: its line, scores.json, metrics.json."""
    with chdir(folder):
        line = evaluate_detector.main(["tiny"])
    texts = [folder / f"results/detectors/tiny/{n}.json" for n in ("scores", "metrics")]
    scores, metrics = (json.loads(path.read_text()) for path in texts)
    return line, scores, metrics


@pytest.mark.parametrize(
    ("images", "own"),
    [
        ("human36m", {"pck", "mean_image_px"}),
        ("coco", {"ap", "ap50", "ap75", "ar", "ar50", "ar75"}),
        ("mpii", {"pckh", "pckh01", "pckh_head", "pckh_wrist", "pckh_ankle"}),
    ],
)
def test_figures_of_each_dataset(tmp_path, images, own) -> None:
    folder = workspace(tmp_path, images, seeds=2)
    printed, scores, metrics = evaluated(folder)
    assert scores["dataset"] == f"drawn_{JOINTS[images]}" and scores["images"] == images
    assert scores["status"] == metrics["status"] == "ok" and "drawn" in printed
    assert scores["parameters"]["full"] > scores["parameters"]["trained"] > 0
    assert scores["protocol"]["boxes"] == "truth" and scores["protocol"]["flip_test"] is True
    # The recipe as it was, not only what the run says differently.
    assert scores["recipe"]["lr"] == 0.1 and scores["recipe"]["mosaic"] == 0.0
    assert set(scores["seeds"]) == {"0", "1"}
    for seed, record in scores["seeds"].items():
        weights = folder / f"models/detector/tiny/seed{seed}.safetensors"
        assert record["weights_hash"] == digest(weights)
        figures = record["figures"]
        assert own | {"mean_px", "median_px", "median_px_visible"} <= set(figures)
        assert 10 < figures["mean_px"] < 300
    assert metrics.items() >= {k: scores["seeds"]["0"]["figures"][k] for k in ("mean_px",)}.items()
    first = (folder / "results/detectors/tiny/scores.json").read_bytes()
    evaluated(folder)
    assert (folder / "results/detectors/tiny/scores.json").read_bytes() == first


def test_missing_pictures_are_passed_on(tmp_path) -> None:
    reason = {"status": "missing", "reason": "COCO is not in data/raw/coco"}
    folder = workspace(tmp_path, "coco")
    write(folder / "results/detectors/tiny/train.json", reason)
    printed, scores, metrics = evaluated(folder)
    assert metrics == reason and scores == {**reason, "detector": "tiny"}
    assert "not scored: COCO is not in data/raw/coco" in printed


def test_a_divergence_is_said(tmp_path) -> None:
    folder = workspace(tmp_path, "mpii")
    path = folder / "results/detectors/tiny/train.json"
    trained = json.loads(path.read_text())
    trained["seeds"]["0"] |= {"status": "diverged", "diverged_epoch": 2}
    write(path, trained)
    printed, scores, metrics = evaluated(folder)
    assert metrics["status"] == scores["status"] == "diverged at epoch 2"
    assert scores["seeds"]["0"]["diverged_epoch"] == 2 and "diverged at epoch 2" in printed


def test_boxes_of_a_file_count_for_ap_alone(tmp_path) -> None:
    boxes = tmp_path / "boxes.json"
    write(boxes, [])
    folder = workspace(tmp_path, "coco", boxes=str(boxes))
    _, scores, metrics = evaluated(folder)
    assert metrics["ap"] == 0.0 and metrics["mean_px"] > 0
    assert scores["protocol"]["boxes"] == str(boxes)


def fails(folder: Path, error: type[GsamError], *texts: str) -> None:
    with chdir(folder), pytest.raises(error) as raised:
        evaluate_detector.main(["tiny"])
    for text in texts:
        assert text in str(raised.value)
    assert not (folder / "results/detectors/tiny/scores.json").exists()


def test_answers_that_are_no_numbers_are_refused(tmp_path) -> None:
    folder = workspace(tmp_path, "coco")
    config = DetectorConfig(**DETECTOR, joint_set="coco_17")
    # Weights of the largest numbers there are: the heat maps overflow.
    weights = {
        name: torch.full_like(w, 3e38) if w.is_floating_point() else w
        for name, w in build_detector(config).state_dict().items()
    }
    save_network(folder / "models/detector/tiny/seed0.safetensors", weights, config, {})
    fails(folder, DataError, "val-00000.tar", "answer is not finite")


def test_damaged_inputs_are_named(tmp_path) -> None:
    folder = workspace(tmp_path, "coco")
    shard = folder / "data/images/coco/val-00000.tar"
    content = bytearray(shard.read_bytes())
    content[512:516] = b"junk"
    shard.write_bytes(bytes(content))
    fails(folder, DataError, "val/0000", "not a JPEG")
    (folder / "models/detector/tiny/seed0.safetensors").unlink()
    fails(folder, DataError, "seed0.safetensors: no such file, expected a trained detector")
    (folder / "data/plan/detectors/tiny.json").rename(folder / "data/plan/detectors/other.json")
    fails(folder, ConfigError, "data/plan/detectors/tiny.json does not exist", "other")


def test_as_a_command(tmp_path) -> None:
    folder = workspace(tmp_path, "coco")
    done = run_stage(folder, "evaluate_detector", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith("evaluate_detector@tiny  ok  drawn_coco_17  ap ")

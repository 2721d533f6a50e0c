"""evaluate_mesh and mesh_baseline as commands: figures, subsets, missing data, damaged files."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch

from gsam.errors import ConfigError, DataError, GsamError, LicensedDataMissing
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.storage import digest
from gsam.weights import save_network
from stages import evaluate_mesh, mesh_baseline
from tests.labelled_bodies import SEQUENCES, small_bodies, write_body_data
from tests.workspaces import run_stage

MESH: dict[str, Any] = {
    "name": "pare", "size": 32, "channels": 4, "stem": 8, "bottlenecks": 1, "modules": [1, 1, 1],
    "blocks": 1, "deconv_filters": 8, "shape_features": 4,
}  # fmt: skip
METRICS = ("mpjpe_mm", "pa_mpjpe_mm", "pve_mm", "joint_angle_deg")


def workspace(folder: Path, seeds: int = 1, truth: str = "neutral") -> Path:
    """A planned, trained regressor called pare (random weights) and people to score it on."""
    write_body_data(folder, small_bodies())
    write(
        folder / "data/plan/meshes/pare.json",
        {
            "name": "pare", "data": "twin", "scale": "smoke", "mesh": MESH,
            "full_mesh": {**MESH, "channels": 8}, "train": {"lr": 0.1}, "augment": {"flip": 0.5},
            "samples": {}, "losses": {"pose": 2.0}, "truth": truth, "backbone": None,
            "seeds": list(range(seeds)), "workers": 0,
        },
    )  # fmt: skip
    records = {}
    for seed in range(seeds):
        torch.manual_seed(seed)
        weights = build_mesh(MeshConfig(**MESH)).state_dict()
        path = folder / f"models/mesh/pare/seed{seed}.safetensors"
        save_network(path, weights, MeshConfig(**MESH), {})
        records[str(seed)] = {
            "status": "ok", "diverged_epoch": None, "weights_hash": digest(path), "epochs": 3,
        }  # fmt: skip
    write(folder / "results/meshes/pare/train.json", {"mesh": "pare", "seeds": records})
    return folder


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def evaluated(folder: Path) -> tuple[str, dict, dict]:
    """The stage in this process: its line, scores.json, metrics.json."""
    with chdir(folder):
        line = evaluate_mesh.main(["pare"])
    return line, *(read(folder / f"results/meshes/pare/{n}.json") for n in ("scores", "metrics"))


def test_figures_of_every_seed(tmp_path) -> None:
    folder = workspace(tmp_path, seeds=2)
    printed, scores, metrics = evaluated(folder)
    assert scores["status"] == metrics["status"] == "ok" and "MPJPE" in printed
    assert scores["dataset"] == "drawn_spin_24" and scores["images"] == "threedpw"
    assert scores["body"] == "test body neutral" and scores["truth"] == "neutral"
    assert scores["parameters"]["full"] > scores["parameters"]["trained"] > 0
    # The recipe as it was, not only what the run says differently.
    recipe = scores["recipe"]
    assert recipe["lr"] == 0.1 and recipe["occlusion"] == 0.5 and "threedpw" in recipe["mix"]
    assert recipe["losses"]["pose"] == 2.0 and recipe["losses"]["keypoints"] == 5.0
    assert all(isinstance(text, str) for text in scores["protocol"].values())
    assert set(scores["seeds"]) == {"0", "1"}
    for seed, record in scores["seeds"].items():
        weights = folder / f"models/mesh/pare/seed{seed}.safetensors"
        assert record["weights_hash"] == digest(weights)
        figures = record["figures"]
        assert set(figures) == {
            f"{split}_{subset}{metric}"
            for split in ("test", "validation")
            for subset in ("", "occluded_", "unoccluded_")
            for metric in METRICS
        }
        assert figures["test_pa_mpjpe_mm"] < figures["test_mpjpe_mm"]
        assert set(record["per_sequence"]) == set(SEQUENCES)
        counts = record["person_frames"]
        assert (counts["test"], counts["test_occluded"], counts["validation"]) == (6, 4, 6)
        means = [record["per_sequence"][name] for name in SEQUENCES]
        pooled = sum(m["mpjpe_mm"] * m["person_frames"] for m in means) / 6
        assert figures["test_mpjpe_mm"] == pytest.approx(pooled, abs=0.01)
    assert metrics["test_pve_mm"] == scores["seeds"]["0"]["figures"]["test_pve_mm"]
    first = (folder / "results/meshes/pare/scores.json").read_bytes()
    evaluated(folder)
    assert (folder / "results/meshes/pare/scores.json").read_bytes() == first


def test_the_baseline_is_scored_on_the_same_people(tmp_path) -> None:
    folder = workspace(tmp_path)
    _, scores, _ = evaluated(folder)
    with chdir(folder):
        line = mesh_baseline.main([])
    baseline = read(folder / "results/meshes/mean_parameters/scores.json")
    assert baseline["mesh"] == "mean_parameters" and "MPJPE" in line
    for key in ("dataset", "images", "scale", "data_hash", "body", "truth", "protocol", "status"):
        assert baseline[key] == scores[key]
    own, network = baseline["seeds"]["0"], scores["seeds"]["0"]
    assert own["person_frames"] == network["person_frames"]
    assert set(own["figures"]) == set(network["figures"])
    # Upright people against the mean, which is upright, too.
    assert own["figures"]["test_mpjpe_mm"] < network["figures"]["test_mpjpe_mm"]


def test_missing_data_is_passed_on(tmp_path) -> None:
    reason = "3DPW is not in data/raw/threedpw"
    folder = workspace(tmp_path)
    trained = folder / "results/meshes/pare/train.json"
    write(trained, {"mesh": "pare", "status": "missing", "reason": reason})
    printed, scores, metrics = evaluated(folder)
    assert metrics == {"status": "missing", "reason": reason}
    assert scores == {"mesh": "pare", **metrics} and f"not scored: {reason}" in printed
    write(folder / "data/bodies/missing.json", {"reason": reason})
    with chdir(folder):
        assert mesh_baseline.main([]) == f"not scored: {reason}"
    baseline = read(folder / "results/meshes/mean_parameters/scores.json")
    assert baseline == {"mesh": "mean_parameters", **metrics}


def test_a_divergence_is_said(tmp_path) -> None:
    folder = workspace(tmp_path)
    path = folder / "results/meshes/pare/train.json"
    trained = read(path)
    trained["seeds"]["0"] |= {"status": "diverged", "diverged_epoch": 2}
    write(path, trained)
    printed, scores, metrics = evaluated(folder)
    assert metrics["status"] == scores["status"] == "diverged at epoch 2"
    assert "diverged at epoch 2" in printed


def fails(folder: Path, error: type[GsamError], *texts: str) -> None:
    with chdir(folder), pytest.raises(error) as raised:
        evaluate_mesh.main(["pare"])
    for text in texts:
        assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (folder / "results/meshes/pare/scores.json").exists()


def test_damaged_inputs_are_named(tmp_path) -> None:
    folder = workspace(tmp_path, truth="gendered")
    fails(folder, LicensedDataMissing, "no female SMPL model")
    plan = folder / "data/plan/meshes/pare.json"
    write(plan, {**read(plan), "truth": "male"})
    fails(folder, ConfigError, "truth = 'male'")
    write(plan, {**read(plan), "truth": "neutral"})
    shard = folder / "data/images/threedpw/test-00000.tar"
    content = bytearray(shard.read_bytes())
    content[512:516] = b"junk"
    shard.write_bytes(bytes(content))
    fails(folder, DataError, "test/0000", "not a JPEG")
    labels = folder / "data/bodies/test.parquet"
    labels.rename(labels.with_name("validation.parquet"))
    fails(folder, DataError, "test.parquet")
    (folder / "models/mesh/pare/seed0.safetensors").unlink()
    write(labels.with_name("missing.json"), {"reason": "no 3DPW"})
    fails(folder, LicensedDataMissing, "no 3DPW")
    plan.rename(plan.with_name("other.json"))
    fails(folder, ConfigError, "data/plan/meshes/pare.json does not exist", "other")
    with pytest.raises(ConfigError, match="expected no argument"):
        mesh_baseline.main(["pare"])


def test_answers_that_are_no_numbers_are_refused(tmp_path) -> None:
    folder = workspace(tmp_path)
    config = MeshConfig(**MESH)
    # Weights of the largest numbers there are: the features overflow.
    weights = {
        name: torch.full_like(w, 3e38) if w.is_floating_point() else w
        for name, w in build_mesh(config).state_dict().items()
    }
    save_network(folder / "models/mesh/pare/seed0.safetensors", weights, config, {})
    fails(folder, DataError, "an answer is not finite")


def test_as_commands(tmp_path) -> None:
    folder = workspace(tmp_path)
    done = run_stage(folder, "evaluate_mesh", "pare")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("evaluate_mesh@pare  ok  drawn_spin_24  MPJPE ")
    done = run_stage(folder, "mesh_baseline")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mesh_baseline  drawn_spin_24  MPJPE ")
    assert len(done.stdout.splitlines()) == 1

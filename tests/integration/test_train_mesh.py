"""train_mesh as a command, and mesh regressors on Ray: files, one line, the same bits again."""

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsam.configs import build
from gsam.meshes.augment import MeshAugment
from gsam.meshes.config import MeshConfig
from gsam.meshes.samples import MeshSampler, open_sampler
from gsam.meshes.sources import MeshSamples, MeshSources
from gsam.storage import digest, write_json
from gsam.training.feed import ThreadFeed
from gsam.training.identity import identity
from gsam.training.loop import Outcome
from gsam.weights import load_mesh
from pipelines.ingest import RayFeed
from pipelines.object_store import delete_tree
from pipelines.run_storage import RunStorage
from pipelines.runtime import quiet_ray
from pipelines.train_mesh import MeshData, train_mesh
from stages.train_mesh import hash_of, mesh_data
from tests.integration.test_ray_lifters import train_workers
from tests.mesh_workspaces import RUN, make_workspace, with_training, write_run
from tests.workspaces import run_stage

OUTS = (
    "models/mesh/tiny/seed0.safetensors",
    "models/mesh/tiny/run.json",
    "results/meshes/tiny/curve.csv",
    "results/meshes/tiny/train.json",
)
MIXED = ("mpii", "threedpw")


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_a_regressor_is_trained_and_again_to_the_same_files(tmp_path: Path) -> None:
    folders = [make_workspace(tmp_path / name, {**RUN, "seeds": [0, 1]}) for name in "ab"]
    for folder in folders:
        done = run_stage(folder, "train_mesh", "tiny")
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 1
        expected = "train_mesh@tiny  pare 32 px  6 people of mpii and 14 people of threedpw  seed 0"
        assert done.stdout.startswith(expected)
    outs = [[digest(folder / name) for name in OUTS] for folder in folders]
    assert outs[0] == outs[1]
    rows = list(csv.DictReader((folder / OUTS[2]).open()))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "01" for e in "123"]
    assert all(float(row["val_mpjpe_mm"]) > float(row["val_pa_mpjpe_mm"]) > 0 for row in rows)
    trained = read(folder / OUTS[3])
    assert trained["status"] == "ok" and trained["seeds"]["1"]["samples"] == 3 * 20
    assert (trained["body"], trained["truth"]) == ("free body", "neutral")
    model, notes = load_mesh(folder / OUTS[0])
    assert digest(folder / OUTS[0]) == trained["seeds"]["0"]["weights_hash"]
    assert notes["mesh"] == trained["config"]
    assert sum(p.numel() for p in model.parameters()) == trained["parameters"]
    assert not any((folder / ".gsam/runs").iterdir())


@pytest.mark.parametrize("lost", ["bodies", "images/threedpw", "images/mpii"])
def test_what_is_missing_is_said_to_be_missing(tmp_path: Path, lost: str) -> None:
    write_run(tmp_path, RUN)
    write_json(tmp_path / "data" / lost / "missing.json", {"reason": "none in raw"})
    done = run_stage(tmp_path, "train_mesh", "tiny")
    assert done.returncode == 0 and "not trained: none in raw" in done.stdout
    trained = read(tmp_path / OUTS[3])
    assert trained == {"mesh": "tiny", "status": "missing", "reason": "none in raw"}
    assert read(tmp_path / "models/mesh/tiny/missing.json") == {"reason": "none in raw"}
    header = "seed,epoch,lr,train_loss,val_loss,val_mpjpe_mm,val_pa_mpjpe_mm\n"
    assert (tmp_path / OUTS[2]).read_text() == header


def test_a_diverging_training_is_a_result_and_damaged_files_are_not(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, with_training(optimizer="sgd", lr=1e12))
    done = run_stage(folder, "train_mesh", "tiny")
    assert done.returncode == 0 and "diverged at epoch 1" in done.stdout
    assert read(folder / OUTS[3])["status"] == "diverged at epoch 1"
    assert (folder / OUTS[2]).read_text().splitlines()[1].endswith(",,,")
    write_run(folder, {**RUN, "backbone": "data/raw/none.pth"})
    wrong = run_stage(folder, "train_mesh", "tiny")
    assert wrong.returncode == 1 and len(wrong.stderr.splitlines()) == 1
    assert "data/raw/none.pth" in wrong.stderr
    write_run(folder, RUN)
    shard = next((folder / "data/images/threedpw").glob("train*.tar"))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd9", b"xx"))
    damaged = run_stage(folder, "train_mesh", "tiny")
    assert damaged.returncode == 1 and len(damaged.stderr.splitlines()) == 1
    assert "truncated JPEG" in damaged.stderr and shard.name in damaged.stderr


def test_a_backbone_starts_from_a_file_and_says_so(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path)
    assert run_stage(folder, "train_mesh", "tiny").returncode == 0
    first = folder / "first.safetensors"
    first.write_bytes((folder / OUTS[0]).read_bytes())
    write_run(folder, {**with_training(epochs=1, lr=1e-9), "backbone": str(first)})
    done = run_stage(folder, "train_mesh", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert "backbone from first.safetensors" in done.stdout
    assert "first.safetensors" in read(folder / OUTS[3])["backbone"]
    (before, _), (after, _) = load_mesh(first), load_mesh(folder / OUTS[0])
    assert torch.allclose(before.backbone.conv1.weight, after.backbone.conv1.weight, atol=1e-6)
    assert not torch.allclose(before.head.pose_mlp.weight, after.head.pose_mlp.weight, atol=1e-3)


def test_a_regressor_is_named_by_what_decides_its_weights(tmp_path: Path) -> None:
    backbone = tmp_path / "weights.pth"
    names = set()
    for content in (b"a", b"b"):
        backbone.write_bytes(content)
        for change in ({}, {"losses": {}}, {"samples": {}}, {"augment": {}}, {"truth": "gendered"}):
            run = {**RUN, "backbone": str(backbone), **change}
            names.add(identity(run, seed=0, data_hash="x", device="cpu"))
    assert len(names) == 10
    other = identity({**RUN, "name": "b", "seeds": [1]}, seed=0, data_hash="x", device="cpu")
    assert other == identity(RUN, seed=0, data_hash="x", device="cpu") and other not in names


@pytest.fixture(scope="module")
def ray_running() -> Iterator[None]:
    with quiet_ray(num_cpus=5):
        yield


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshData:
    folder = make_workspace(tmp_path / "workspace")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GSAM_RUN_STORAGE", str(tmp_path / "runs"))
    return mesh_data(MIXED)


def train(run: dict[str, Any], data: MeshData) -> Outcome:
    sources = MeshSources.open(data.training)
    storage = RunStorage(run, 0, hash_of(data, sources, None))
    return train_mesh(run, data, sources, 0, storage, lambda row: None)


def test_ray_data_makes_the_batches_that_threads_make(
    ray_running: None, workspace: MeshData
) -> None:
    size = build(MeshConfig, RUN["mesh"], "mesh").size
    sources = MeshSources.open(workspace.training)
    order = sources.order(build(MeshSamples, RUN["samples"], "samples"), 3, 7)
    sampler = MeshSampler(sources, size, build(MeshAugment, RUN["augment"], "augment"), 3)
    opened = partial(open_sampler, workspace.training, size, RUN["augment"], 3)
    with ThreadFeed(sampler) as threads, RayFeed(opened, epochs=2, actors=1) as feed:
        for epoch in (0, 1):
            for whole, found in zip(threads(order, epoch), feed(order, epoch), strict=True):
                assert whole.arrays.keys() == found.arrays.keys()
                for name, array in whole.arrays.items():
                    np.testing.assert_array_equal(array, found.arrays[name])


@pytest.mark.slow
def test_one_ray_worker_trains_like_this_process(ray_running: None, workspace: MeshData) -> None:
    on_ray, here = (train({**RUN, "workers": workers}, workspace) for workers in (1, 0))
    assert on_ray.seen == here.seen
    for row, expected in zip(on_ray.curve, here.curve, strict=True):
        assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-3)
    again = train({**RUN, "workers": 1}, workspace)  # finished: read, not trained again
    assert again.curve == on_ray.curve


@pytest.mark.slow
def test_a_killed_worker_of_two_costs_time_and_nothing_else(
    ray_running: None, workspace: MeshData, tmp_path: Path
) -> None:
    run = {**with_training(epochs=30), "workers": 2}
    killed: list[int] = []

    def kill_one() -> None:
        for _ in range(12000):
            if list((tmp_path / "runs").glob("*/checkpoint_*")) and (workers := train_workers()):
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    disturbed = train(run, workspace)
    killer.join()
    assert killed
    sources = MeshSources.open(workspace.training)
    delete_tree(RunStorage(run, 0, hash_of(workspace, sources, None)).location)
    undisturbed = train(run, workspace)
    assert disturbed.curve == undisturbed.curve
    for name, value in undisturbed.weights.items():
        assert torch.equal(disturbed.weights[name], value)


def test_without_validation_people_the_curve_has_none(workspace: MeshData) -> None:
    samples = {**RUN["samples"], "validation_samples": 0}
    row = train({**with_training(epochs=1), "samples": samples}, workspace).curve[0]
    assert row["train_loss"] > 0 and row["val_loss"] is None and row["val_mpjpe_mm"] is None

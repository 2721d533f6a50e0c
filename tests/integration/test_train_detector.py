"""train_detector as a command, and detectors on Ray: files, one line, the same batches and bits."""

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
from gsam.detectors import DetectorConfig
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.feed import Cropper, open_cropper
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.storage import digest, write_json
from gsam.training.feed import ThreadFeed
from gsam.training.loop import Outcome
from gsam.training.sampling import SampleOrder
from gsam.weights import load_detector
from pipelines import ingest
from pipelines.ingest import RayFeed
from pipelines.run_storage import RunStorage
from pipelines.runtime import quiet_ray
from pipelines.train_detector import train_detector
from tests.detector_workspaces import RUN, make_workspace, with_training, write_run
from tests.integration.test_ray_lifters import train_workers
from tests.synthetic_images import write_images
from tests.workspaces import run_stage

OUTS = (
    "models/detector/tiny/seed0.safetensors",
    "models/detector/tiny/run.json",
    "results/detectors/tiny/curve.csv",
    "results/detectors/tiny/train.json",
)


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_a_detector_is_trained_and_again_to_the_same_files(tmp_path: Path) -> None:
    folders = [make_workspace(tmp_path / name, {**RUN, "seeds": [0, 1]}) for name in "ab"]
    for folder in folders:
        done = run_stage(folder, "train_detector", "tiny")
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 1
        assert done.stdout.startswith("train_detector@tiny  hrnet 64x64  24 images of 24 people")
    outs = [[digest(folder / name) for name in OUTS] for folder in folders]
    assert outs[0] == outs[1]
    rows = list(csv.DictReader((folder / OUTS[2]).open()))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "01" for e in "123"]
    assert all(float(row["val_mean_px"]) > 0 for row in rows)
    trained = read(folder / OUTS[3])
    assert trained["status"] == "ok" and trained["seeds"]["1"]["samples"] == 3 * 16
    model, notes = load_detector(folder / OUTS[0])
    assert digest(folder / OUTS[0]) == trained["seeds"]["0"]["weights_hash"]
    assert notes["detector"] == trained["config"]
    assert sum(p.numel() for p in model.parameters()) == trained["parameters"]
    assert not any((folder / ".gsam/runs").iterdir())


def test_missing_images_are_said_to_be_missing(tmp_path: Path) -> None:
    write_run(tmp_path, RUN)
    write_json(tmp_path / "data/images/human36m/missing.json", {"reason": "no pictures in raw"})
    done = run_stage(tmp_path, "train_detector", "tiny")
    assert done.returncode == 0 and "not trained: no pictures in raw" in done.stdout
    trained = read(tmp_path / OUTS[3])
    assert (trained["status"], trained["reason"]) == ("missing", "no pictures in raw")
    assert read(tmp_path / "models/detector/tiny/missing.json") == {"reason": "no pictures in raw"}
    assert (tmp_path / OUTS[2]).read_text() == "seed,epoch,lr,train_loss,val_loss,val_mean_px\n"


def test_a_diverging_training_is_a_result_and_wrong_plans_are_not(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, with_training(optimizer="sgd", lr=1e12))
    done = run_stage(folder, "train_detector", "tiny")
    assert done.returncode == 0 and "diverged at epoch 1" in done.stdout
    assert read(folder / OUTS[3])["status"] == "diverged at epoch 1"
    write_run(folder, {**RUN, "detector": {**RUN["detector"], "joint_set": "coco_17"}})
    wrong = run_stage(folder, "train_detector", "tiny")
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1
    assert "joint_set = 'coco_17'" in wrong.stderr and "'human36m_17'" in wrong.stderr
    shard = next((folder / "data/images/human36m").glob("*.tar"))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd9", b"xx"))
    write_run(folder, RUN)
    damaged = run_stage(folder, "train_detector", "tiny")
    assert damaged.returncode == 1 and len(damaged.stderr.splitlines()) == 1
    assert "truncated JPEG" in damaged.stderr and shard.name in damaged.stderr


DETECTOR = build(DetectorConfig, RUN["detector"], "detector")
AUGMENT = build(AugmentConfig, RUN["augment"], "augment")


@pytest.fixture(scope="module")
def ray_running() -> Iterator[None]:
    with quiet_ray(num_cpus=5):
        yield


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_images(tmp_path_factory.mktemp("images"), count=24, dots=True)


@pytest.fixture
def storage_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GSAM_RUN_STORAGE", str(tmp_path))
    return tmp_path


def feed_of(images: ImageSet, epochs: int, actors: int = 1, ranks: int = 1) -> RayFeed:
    detector, augment = RUN["detector"], RUN["augment"]
    return RayFeed(
        partial(open_cropper, images.folder, "train", detector, augment, 3),
        epochs,
        actors,
        ranks=ranks,
    )


def order_of(people: int, batch_size: int) -> SampleOrder:
    return SampleOrder((np.arange(people),), (1.0,), 3, batch_size)


def test_ray_data_makes_the_batches_that_threads_make(
    ray_running: None, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "STEPS_AT_ONCE", 7)  # so that a second pipeline follows
    order = order_of(24, 7)
    ranks = [order.for_rank(rank, 2) for rank in range(2)]
    with (
        ThreadFeed(Cropper(images, DETECTOR, AUGMENT, 3)) as threads,
        feed_of(images, 4, actors=2, ranks=2) as feed,
    ):
        for epoch in (1, 2, 3):
            # Both of one process, in turn.
            parts = zip(*(feed(rank, epoch) for rank in ranks), strict=True)
            for whole, (one, two) in zip(threads(order, epoch), parts, strict=True):
                assert list(one.arrays) == list(two.arrays) == ["image", "points", "weight"]
                for name, expected in whole.arrays.items():
                    np.testing.assert_array_equal(expected[::2], one.arrays[name])
                    np.testing.assert_array_equal(expected[1::2], two.arrays[name])


def test_a_damaged_image_is_named_through_ray(ray_running: None, tmp_path: Path) -> None:
    images = write_images(tmp_path, count=4)
    shard = next(tmp_path.glob("*.tar"))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd9", b"xx"))
    with feed_of(images, 1) as feed, pytest.raises(DataError, match="truncated JPEG"):
        next(feed(order_of(4, 2), 0))


def train(run: dict[str, Any], images: ImageSet) -> Outcome:
    storage = RunStorage(run, 0, images.data_hash)
    return train_detector(run, images.folder, images, 0, storage, lambda row: None)


def test_one_ray_worker_trains_like_this_process(
    ray_running: None, storage_root: Path, images: ImageSet
) -> None:
    on_ray, here = (train({**RUN, "workers": workers}, images) for workers in (1, 0))
    assert on_ray.seen == here.seen
    for row, expected in zip(on_ray.curve, here.curve, strict=True):
        assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-3)
    again = train({**RUN, "workers": 1}, images)  # finished: read, not trained again
    assert again.curve == on_ray.curve


def test_small_networks_do_not_depend_on_the_number_of_threads(
    storage_root: Path, images: ImageSet
) -> None:
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(train({**RUN, "name": str(number)}, images))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert found[0].curve == found[1].curve
    for name, value in found[0].weights.items():
        assert torch.equal(found[1].weights[name], value)


@pytest.mark.slow
def test_a_killed_worker_of_two_costs_time_and_nothing_else(
    ray_running: None, storage_root: Path, images: ImageSet
) -> None:
    run = {**with_training(epochs=40), "workers": 2}
    killed: list[int] = []

    def kill_one() -> None:
        for _ in range(12000):
            if list(storage_root.glob("*/checkpoint_*")) and (workers := train_workers()):
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    disturbed = train(run, images)
    killer.join()
    assert killed
    RunStorage(run, 0, images.data_hash).clear()
    undisturbed = train(run, images)
    assert disturbed.curve == undisturbed.curve
    for name, value in undisturbed.weights.items():
        assert torch.equal(disturbed.weights[name], value)

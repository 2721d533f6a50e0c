"""Training a 2D detector on images: crops from threads and the network in this process, or crops
from Ray Data and the network on Ray Train.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gsam.configs import build
from gsam.detectors import DetectorConfig, build_detector
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.feed import Cropper, open_cropper
from gsam.detectors.task import DetectionTask
from gsam.images import ImageSet
from gsam.training.checkpoint import Keeper
from gsam.training.config import SampleConfig, TrainConfig
from gsam.training.feed import Feed, ThreadFeed
from gsam.training.initial import fresh
from gsam.training.loop import Outcome, fit
from gsam.training.task import CurveRow
from gsam.training.threads import few_threads
from pipelines.node_files import Shipped
from pipelines.ray_train import RayKeeper, fit_on_ray, warn
from pipelines.run_storage import RunStorage

__all__ = ["SPLIT", "train_detector"]

SPLIT = "train"

Run = Mapping[str, Any]
Report = Callable[[CurveRow], None]


def train_detector(
    run: Run, folder: Path, images: ImageSet, seed: int, storage: RunStorage, report: Report
) -> Outcome:
    """Train one seed of a resolved run, going on from its newest checkpoint if there is one.

    Args:
        run: as `stages.plan` resolves it: `detector`, `train`, `augment`, `samples`, `workers`.
        folder: the images' folder, which Ray workers read again.
        images: its training images.
        report: called with each epoch's row of the curve (in this process only).

    Raises:
        DataError: an image is damaged, or the training failed on Ray, after its retries.
    """
    if run["workers"] == 0:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keeper = storage.keeper(warn)
        detector = build(DetectorConfig, run["detector"], "detector")
        augment = build(AugmentConfig, run["augment"], "augment")
        with ThreadFeed(Cropper(images, detector, augment, seed)) as feed:
            return _fit(run, images, seed, keeper, report, device, feed)
    folder = folder.resolve()
    return fit_on_ray(
        _ray_worker,
        {"run": dict(run), "seed": seed, "folder": str(folder)},
        reads=[folder],
        workers=run["workers"],
        name=storage.name,
        root=storage.root,
    )


def _ray_worker(settings: dict[str, Any]) -> None:
    """What every Ray worker runs: its crops come from actors of its own."""
    from ray.train.torch import get_device

    from pipelines.ingest import worker_feed

    run, folder, files = settings["run"], settings["folder"], settings["files"]
    images = ImageSet.load(files.path(folder), SPLIT)
    opened = partial(
        _open_cropper, files, folder, run["detector"], run["augment"], settings["seed"]
    )
    with worker_feed(opened, run["train"]["epochs"], run["workers"]) as feed:
        _fit(run, images, settings["seed"], RayKeeper(), None, get_device(), feed)


def _open_cropper(
    files: Shipped, folder: str, detector: dict[str, Any], augment: dict[str, Any], seed: int
) -> Cropper:
    """What an actor makes crops with, wherever it runs."""
    return open_cropper(files.path(folder), SPLIT, detector, augment, seed)


def _fit(
    run: Run,
    images: ImageSet,
    seed: int,
    keeper: Keeper,
    report: Report | None,
    device: torch.device,
    feed: Feed,
) -> Outcome:
    """Build the detector with the seed's own initial weights and train it."""
    detector = build(DetectorConfig, run["detector"], "detector")
    samples = build(SampleConfig, run["samples"], "samples")
    config = build(TrainConfig, run["train"], "train")
    task = DetectionTask(images, detector, samples, feed, device)
    model = fresh(lambda: build_detector(detector), seed)
    with few_threads(model):
        workers = run["workers"] or None
        return fit(model, task, config, seed=seed, workers=workers, keeper=keeper, report=report)

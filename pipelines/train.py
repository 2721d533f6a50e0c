"""A run's training, of a lifter or a detector: in this process, or by Ray Train."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import torch
from torch import nn

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.errors import ConfigError
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import CheckpointFolder, Keeper
from gsam.training.config import SampleConfig, TrainConfig, WindowConfig
from gsam.training.identity import identity
from gsam.training.lifting import LiftingTask
from gsam.training.loop import Outcome, fit
from gsam.training.order import Head, stream
from gsam.training.task import CurveRow
from pipelines.ray_train import RayKeeper, fit_on_ray, logical_cpus, warn

if TYPE_CHECKING:  # lifters start without what images need
    from gsam.detectors.feed import Feed, ThreadFeed
    from gsam.detectors.task import DetectionTask
    from gsam.images import ImageSet
    from pipelines.ingest import RayFeed

__all__ = ["SPLIT", "RunStorage", "logical_cpus", "train_seed"]

Data = Union[ClipSet, "ImageSet"]
Run = Mapping[str, Any]
Report = Callable[[CurveRow], None]

STORAGE_VARIABLE = "GSAM_RUN_STORAGE"
SPLIT = "train"
"""Of clips and images alike."""
SMALL = 1_000_000
"""Parameters below which a second thread gains a convolutional network next to nothing, and costs
it many times its time where the core is not free: 500 images/s by one thread, 500 or 10 by two."""


class RunStorage:
    """Where a training keeps its checkpoints: outside every out, named by what it is made of."""

    def __init__(self, run: Run, seed: int, data_hash: str) -> None:
        """The folder is $GSAM_RUN_STORAGE (may be s3:// with Ray workers), or .gsam/runs."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        key = identity(run, seed=seed, data_hash=data_hash, device=device)
        root = os.environ.get(STORAGE_VARIABLE) or ".gsam/runs"
        self.name = f"{run['name']}-seed{seed}-{key}"
        self.remote = "://" in root
        self.root = root.rstrip("/") if self.remote else str(Path(root).resolve())

    @property
    def folder(self) -> Path:
        """The local folder.

        Raises:
            ConfigError: the storage is not local.
        """
        if self.remote:
            raise ConfigError(
                f"{STORAGE_VARIABLE} = {self.root}: expected a local folder when workers is 0"
            )
        return Path(self.root) / self.name

    def clear(self) -> None:
        """Remove the training's checkpoints."""
        if self.remote:
            from pyarrow import fs

            system, root = fs.FileSystem.from_uri(self.root)
            path = f"{root}/{self.name}"
            if system.get_file_info(path).type != fs.FileType.NotFound:
                system.delete_dir(path)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def train_seed(
    run: Run, folder: Path, data: Data, seed: int, storage: RunStorage, report: Report
) -> Outcome:
    """Train one seed of a resolved run, going on from its newest checkpoint if there is one.

    Args:
        run: as `stages.plan` resolves it: a lifter's has `lifter`, `train`, `windows` and
            `workers`; a detector's `detector`, `train`, `augment`, `samples` and `workers`.
        folder: the clips' or images' folder, which Ray workers read again.
        data: its training clips, on the device to train on, or its training images.
        report: called with each epoch's row of the curve (in this process only).

    Raises:
        DataError: an image is damaged, or the training failed on Ray, after its retries.
    """
    workers = run["workers"]
    if workers == 0:
        keeper = CheckpointFolder(storage.folder, warn)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return _fit(run, data, seed, keeper, report, device)
    settings = {"run": dict(run), "seed": seed, "folder": str(folder.resolve())}
    helpers = 0
    if "detector" in run:
        from pipelines.ingest import actors_for

        settings["actors"] = actors_for(workers)
        helpers = workers * settings["actors"]
    return fit_on_ray(
        _ray_worker,
        settings,
        workers=workers,
        helpers=helpers,
        name=storage.name,
        root=storage.root,
    )


def _ray_worker(settings: dict[str, Any]) -> None:
    """What every Ray worker runs."""
    from ray.train.torch import get_device

    device, run, folder = get_device(), settings["run"], settings["folder"]
    data: Data
    if "detector" in run:
        from gsam.images import ImageSet

        data = ImageSet.load(folder, SPLIT)
    else:
        data = ClipSet.load(folder, SPLIT, device, hashed=False)
    _fit(run, data, settings["seed"], RayKeeper(), None, device, settings)


def _fit(
    run: Run,
    data: Data,
    seed: int,
    keeper: Keeper,
    report: Report | None,
    device: torch.device,
    settings: Mapping[str, Any] | None = None,
) -> Outcome:
    """Build the model with the seed's own initial weights and train it; `settings` are those of a
    Ray worker."""
    config = build(TrainConfig, run["train"], "train")
    if isinstance(data, ClipSet):
        model, lifting = _lifting(run, data, seed)
        return fit(model, lifting, config, seed=seed, keeper=keeper, report=report)
    with _feed(run, data, seed, settings) as feed:
        model, detection = _detection(run, data, seed, feed, device)
        with _threads(model):
            return fit(model, detection, config, seed=seed, keeper=keeper, report=report)


def _lifting(run: Run, clips: ClipSet, seed: int) -> tuple[nn.Module, LiftingTask]:
    lifter = build(LifterConfig, run["lifter"], "lifter")
    windows = build(WindowConfig, run["windows"], "windows")
    head: Head = "sequence" if lifter.head == "sequence" else "centre"
    task = LiftingTask(clips, windows, frames=lifter.frames, head=head)
    return _fresh(lambda: build_lifter(lifter), seed), task


def _detection(
    run: Run, images: "ImageSet", seed: int, feed: "Feed", device: torch.device
) -> tuple[nn.Module, "DetectionTask"]:
    from gsam.detectors import DetectorConfig, build_detector
    from gsam.detectors.task import DetectionTask

    detector = build(DetectorConfig, run["detector"], "detector")
    samples = build(SampleConfig, run["samples"], "samples")
    task = DetectionTask(images, detector, samples, feed, device)
    return _fresh(lambda: build_detector(detector), seed), task


def _feed(
    run: Run, images: "ImageSet", seed: int, settings: Mapping[str, Any] | None
) -> "ThreadFeed | RayFeed":
    """Threads of this process, or on Ray the worker's own actors."""
    if settings is not None:
        from pipelines.ingest import RayFeed

        source = {"folder": settings["folder"], "split": SPLIT}
        source |= {key: run[key] for key in ("detector", "augment")}
        return RayFeed(source, epochs=run["train"]["epochs"], actors=settings["actors"])
    from gsam.detectors import DetectorConfig
    from gsam.detectors.augment import AugmentConfig
    from gsam.detectors.feed import Cropper, ThreadFeed

    detector = build(DetectorConfig, run["detector"], "detector")
    augment = build(AugmentConfig, run["augment"], "augment")
    return ThreadFeed(Cropper(images, detector, augment, seed))


@contextmanager
def _threads(model: nn.Module) -> Iterator[None]:
    """One thread of torch for a small network; the crops' threads have the other cores."""
    threads = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    try:
        torch.set_num_threads(1 if small else threads)
        yield
    finally:
        torch.set_num_threads(threads)


def _fresh(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The model with the seed's own initial weights, whatever else was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream("weights", seed))
        return make()

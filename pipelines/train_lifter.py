"""Training a lifter on clips: in this process, or by Ray Train."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import Keeper
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.initial import fresh
from gsam.training.lifting import LiftingTask
from gsam.training.loop import Outcome, fit
from gsam.training.order import Head
from gsam.training.task import CurveRow
from gsam.training.threads import few_threads
from pipelines.ray_train import RayKeeper, fit_on_ray, warn
from pipelines.run_storage import RunStorage

__all__ = ["train_lifter"]

Run = Mapping[str, Any]
Report = Callable[[CurveRow], None]


def train_lifter(
    run: Run, folder: Path, clips: ClipSet, seed: int, storage: RunStorage, report: Report
) -> Outcome:
    """Train one seed of a resolved run, going on from its newest checkpoint if there is one.

    Args:
        run: as `stages.plan` resolves it: `lifter`, `train`, `windows` and `workers`.
        folder: the clips' folder, which Ray workers read again.
        clips: its training clips, on the device to train on.
        report: called with each epoch's row of the curve (in this process only).

    Raises:
        DataError: the training failed on Ray, after its retries.
    """
    if run["workers"] == 0:
        return _fit(run, clips, seed, storage.keeper(warn), report)
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
    """What every Ray worker runs."""
    from ray.train.torch import get_device

    folder = settings["files"].path(settings["folder"])
    scores = build(LifterConfig, settings["run"]["lifter"], "lifter").reads_scores
    clips = ClipSet.load(folder, "train", get_device(), hashed=False, scores=scores)
    _fit(settings["run"], clips, settings["seed"], RayKeeper(), None)


def _fit(run: Run, clips: ClipSet, seed: int, keeper: Keeper, report: Report | None) -> Outcome:
    """Build the lifter with the seed's own initial weights and train it."""
    lifter = build(LifterConfig, run["lifter"], "lifter")
    windows = build(WindowConfig, run["windows"], "windows")
    config = build(TrainConfig, run["train"], "train")
    head: Head = "sequence" if lifter.head == "sequence" else "centre"
    task = LiftingTask(clips, windows, frames=lifter.frames, head=head)
    model = fresh(lambda: build_lifter(lifter), seed)
    with few_threads(model):
        workers = run["workers"] or None
        return fit(model, task, config, seed=seed, workers=workers, keeper=keeper, report=report)

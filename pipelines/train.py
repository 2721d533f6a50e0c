"""A run's training: in this process or on Ray Train; checkpoints survive workers and drivers."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import CheckpointFolder, Keeper, State, decode, encode
from gsam.training.config import TrainConfig
from gsam.training.identity import identity
from gsam.training.loop import CurveRow, Outcome, fit
from gsam.training.order import stream
from pipelines.runtime import quiet_ray

__all__ = ["RunStorage", "logical_cpus", "train_seed"]

Run = Mapping[str, Any]
Report = Callable[[CurveRow], None]

STORAGE_VARIABLE = "GSAM_RUN_STORAGE"
_CHECKPOINT = "state.ckpt"
_RETRIES = 3


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
    run: Run, folder: Path, clips: ClipSet, seed: int, storage: RunStorage, report: Report
) -> Outcome:
    """Train one seed of a resolved run, going on from its newest checkpoint if there is one.

    Args:
        run: as `stages.plan` resolves it: `lifter`, `train`, `workers`.
        folder: the clips' folder, which Ray workers read again.
        clips: its training clips.
        report: called with each epoch's row of the curve (in this process only).

    Raises:
        DataError: the training failed on Ray, after its retries.
    """
    if run["workers"] == 0:
        keeper = CheckpointFolder(storage.folder, _warn)
        return _fit(run, clips, seed, keeper, report)
    return _train_on_ray(run, folder, seed, storage)


def _fit(run: Run, clips: ClipSet, seed: int, keeper: Keeper, report: Report | None) -> Outcome:
    """Build the lifter with the seed's own initial weights and train it."""
    lifter = build(LifterConfig, run["lifter"], "lifter")
    config = build(TrainConfig, run["train"], "train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream("weights", seed))
        model = build_lifter(lifter)
    return fit(
        model,
        clips,
        config,
        frames=lifter.frames,
        head="sequence" if lifter.head == "sequence" else "centre",
        seed=seed,
        keeper=keeper,
        report=report,
    )


def _warn(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


class _RayKeeper:
    """Checkpoints handed to Ray Train: the first worker's, reported by all of them."""

    def load(self) -> State | None:
        """The newest checkpoint; a damaged one means starting afresh, to end with the same bits."""
        from ray import train

        checkpoint = train.get_checkpoint()
        if checkpoint is None:
            return None
        state = _read(checkpoint)
        if state is None:
            _warn("damaged checkpoint, starting afresh")
        return state

    def save(self, epoch: int, state: State) -> None:
        """Report the state to Ray Train, which copies it to the run storage."""
        from ray import train

        if train.get_context().get_world_rank() != 0:
            train.report({"epoch": epoch})
            return
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / _CHECKPOINT).write_bytes(encode(state))
            train.report({"epoch": epoch}, checkpoint=train.Checkpoint.from_directory(folder))


def _read(checkpoint: Any) -> State | None:
    with checkpoint.as_directory() as folder:
        return decode((Path(folder) / _CHECKPOINT).read_bytes())


def _ray_worker(settings: dict[str, Any]) -> None:
    """What every Ray worker runs."""
    from ray.train.torch import get_device

    device = get_device()
    clips = ClipSet.load(settings["folder"], "train", device, hashed=False)
    _fit(settings["run"], clips, settings["seed"], _RayKeeper(), None)


def logical_cpus(workers: int) -> int:
    """Size of a local Ray: its workers must fit even where they outnumber the cores, or they wait
    for ever; one more is for Ray's own tasks."""
    return max(os.cpu_count() or 1, workers + 1)


def _train_on_ray(run: Run, folder: Path, seed: int, storage: RunStorage) -> Outcome:
    with quiet_ray(logical_cpus(run["workers"])):
        import ray
        from ray.train import (
            CheckpointConfig,
            FailureConfig,
            LoggingConfig,
            RunConfig,
            ScalingConfig,
            TrainingFailedError,
        )
        from ray.train.torch import TorchTrainer

        workers = run["workers"]
        on_gpu = ray.cluster_resources().get("GPU", 0) >= workers
        trainer = TorchTrainer(
            _ray_worker,
            train_loop_config={"run": dict(run), "seed": seed, "folder": str(folder.resolve())},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpu),
            run_config=RunConfig(  # type: ignore[call-arg]
                name=storage.name,
                storage_path=storage.root,
                failure_config=FailureConfig(max_failures=_RETRIES),
                checkpoint_config=CheckpointConfig(num_to_keep=2),
                logging_config=LoggingConfig(log_level="ERROR"),
            ),
        )
        try:
            result = trainer.fit()
        except TrainingFailedError as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise DataError(f"{storage.name}: training on Ray failed: {first}") from error
        state = _read(result.checkpoint) if result.checkpoint else None
    if state is None:
        raise DataError(f"{storage.root}/{storage.name}: Ray Train left no whole checkpoint")
    return Outcome.from_state(state)

"""Ray Train: workers started and restarted, checkpoints kept in the run's storage."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gsam.errors import DataError
from gsam.training.checkpoint import State, decode, encode
from gsam.training.loop import Outcome
from pipelines.runtime import logical_cpus, quiet_ray

__all__ = ["RayKeeper", "fit_on_ray", "warn"]

_CHECKPOINT = "state.ckpt"
_RETRIES = 3


def warn(message: str) -> None:
    """Say at once that something was wrong and is dealt with."""
    print(message, file=sys.stderr, flush=True)


class RayKeeper:
    """Checkpoints handed to Ray Train: the first worker's, reported by all of them."""

    def load(self) -> State | None:
        """The newest checkpoint; a damaged one means starting afresh, to end with the same bits."""
        from ray import train

        checkpoint = train.get_checkpoint()
        if checkpoint is None:
            return None
        state = _read(checkpoint)
        if state is None:
            warn("damaged checkpoint, starting afresh")
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


def fit_on_ray(
    worker: Callable[[dict[str, Any]], None],
    settings: dict[str, Any],
    *,
    workers: int,
    helpers: int,
    name: str,
    root: str,
) -> Outcome:
    """Run `worker(settings)` on every Ray worker and read the result from its last checkpoint.

    Args:
        worker: trains with a `RayKeeper`.
        workers: processes that train together.
        helpers: further processes of one CPU each that all workers together start.
        name, root: of the run's storage.

    Raises:
        DataError: the training failed, after its retries, or left no checkpoint.
    """
    with quiet_ray(logical_cpus(workers + helpers)):
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

        on_gpu = ray.cluster_resources().get("GPU", 0) >= workers
        trainer = TorchTrainer(
            worker,
            train_loop_config=settings,
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=on_gpu),
            run_config=RunConfig(  # type: ignore[call-arg]
                name=name,
                storage_path=root,
                failure_config=FailureConfig(max_failures=_RETRIES),
                checkpoint_config=CheckpointConfig(num_to_keep=2),
                logging_config=LoggingConfig(log_level="ERROR"),
            ),
        )
        try:
            result = trainer.fit()
        except TrainingFailedError as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise DataError(f"{name}: training on Ray failed: {first}") from error
        state = _read(result.checkpoint) if result.checkpoint else None
    if state is None:
        raise DataError(f"{root}/{name}: Ray Train left no whole checkpoint")
    return Outcome.from_state(state)

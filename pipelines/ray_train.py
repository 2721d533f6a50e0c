"""Ray Train: workers started and restarted, checkpoints kept in the run's storage."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gsam.errors import ConfigError, DataError
from gsam.training.checkpoint import State, decode, encode
from gsam.training.loop import Outcome
from pipelines.node_files import Shipped
from pipelines.object_store import filesystem, is_remote, store_errors, under
from pipelines.runtime import logical_cpus, on_cluster, quiet_ray
from pipelines.shared_storage import SharedStorage

__all__ = ["WAIT_VARIABLE", "RayKeeper", "fit_on_ray", "training_device", "warn"]

WAIT_VARIABLE = "GSAM_NODE_WAIT"
WAIT_S = 600.0
"""How long a training waits for a node when the cluster has none with room for a worker; long
enough for a cloud to give another one."""
RESIZE_S = 30.0
"""How often a running training looks whether it could have more of its workers."""

_CHECKPOINT = "state.ckpt"


def warn(message: str) -> None:
    """Say at once that something was wrong and is dealt with."""
    print(message, file=sys.stderr, flush=True)


class RayKeeper:
    """Checkpoints handed to Ray Train: the first worker's, reported by all of them."""

    def load(self) -> State | None:
        """The newest checkpoint; a damaged one means starting afresh, to end with the same bits.

        Raises:
            DataError, ConfigError: the storage fails.
        """
        from ray import train

        checkpoint = train.get_checkpoint()
        if checkpoint is None:
            return None
        with store_errors(checkpoint.path):
            state = _read(checkpoint)
        if state is None:
            warn("damaged checkpoint, starting afresh")
        return state

    def save(self, epoch: int, state: State) -> None:
        """Report the state to Ray Train, which copies it to the run storage.

        Raises:
            DataError, ConfigError: the storage fails.
        """
        from ray import train

        context = train.get_context()
        if context.get_world_rank() != 0:
            train.report({"epoch": epoch})
            return
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / _CHECKPOINT).write_bytes(encode(state))
            with store_errors(f"checkpoint of epoch {epoch} of {context.get_experiment_name()}"):
                train.report({"epoch": epoch}, checkpoint=train.Checkpoint.from_directory(folder))


def _read(checkpoint: Any) -> State | None:
    with checkpoint.as_directory() as folder:
        return decode((Path(folder) / _CHECKPOINT).read_bytes())


@contextmanager
def training_device(workers: int) -> Iterator[str]:
    """`cuda` or `cpu`: what the workers of a training have, who may be on other machines.

    Where there are workers, their Ray runs inside the block.
    """
    if workers == 0:
        yield "cuda" if torch.cuda.is_available() else "cpu"
        return
    with quiet_ray(logical_cpus(workers)):
        yield "cuda" if _gpus() else "cpu"


def _gpus() -> int:
    import ray

    return int(ray.cluster_resources().get("GPU", 0))


def fit_on_ray(
    worker: Callable[[dict[str, Any]], None],
    settings: dict[str, Any],
    *,
    reads: Sequence[Path],
    workers: int,
    name: str,
    root: str,
) -> Outcome:
    """Run `worker(settings)` on every Ray worker and read the result from its last checkpoint.

    On a cluster that others started the training goes on with the workers for which there is room,
    from one up to all; on a Ray of its own it has all of them, or as many as there are GPUs.

    Args:
        worker: trains with a `RayKeeper`; its settings have `files` besides, by which it finds what
            it reads on its node.
        reads: folders and files (absolute).
        workers: processes that train together, at most.
        name, root: of the run's storage.

    Raises:
        DataError: the storage is not shared by all nodes, the training failed again and again, no
            node has had room for a worker for a while, or no checkpoint is left.
        GsamError: what a worker raised.
    """
    with quiet_ray(logical_cpus(workers)), SharedStorage(root) as storage:
        from ray.train.v2.api.exceptions import TrainingFailedError

        from pipelines.ray_watch import expected_error, first_line, restore_record

        if not is_remote(root):
            restore_record(Path(root, name))
        settings = {**settings, "files": Shipped.of(*reads)}
        trainer = _trainer(_Worker(worker, storage), settings, workers, name, root)
        try:
            result = trainer.fit()
        except TrainingFailedError as error:
            expected = expected_error(error)
            if expected is None:
                expected = DataError(f"training on Ray failed: {first_line(error)}")
            raise type(expected)(f"{name}: {expected}") from error
        with store_errors(under(root, name)):
            state = _read(result.checkpoint) if result.checkpoint else None
    if state is None:
        raise DataError(f"{under(root, name)}: Ray Train left no whole checkpoint")
    return Outcome.from_state(state)


class _Worker:
    """What a Ray worker runs: also on a node that came late, nothing without the storage."""

    def __init__(self, train: Callable[[dict[str, Any]], None], storage: SharedStorage) -> None:
        self.train, self.storage = train, storage

    def __call__(self, settings: dict[str, Any]) -> None:
        import ray

        self.storage.look(ray.util.get_node_ip_address())
        self.train(settings)


def _trainer(
    worker: Callable[[dict[str, Any]], None],
    settings: dict[str, Any],
    workers: int,
    name: str,
    root: str,
) -> Any:
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.config import (
        CheckpointConfig,
        FailureConfig,
        LoggingConfig,
        RunConfig,
        ScalingConfig,
    )

    from pipelines.ray_network import NodesNetwork
    from pipelines.ray_watch import Watch

    gpus = _gpus()
    needs = {"CPU": 1.0, "GPU": 1.0} if gpus else {"CPU": 1.0}
    fixed = min(workers, gpus) if gpus else workers
    system, path = filesystem(root)
    watch = Watch(needs, _patience(), None if is_remote(root) else Path(root, name))
    return TorchTrainer(
        worker,
        train_loop_config=settings,
        torch_config=NodesNetwork() if on_cluster() else None,
        scaling_config=ScalingConfig(
            num_workers=(1, workers) if on_cluster() and workers > 1 else fixed,
            use_gpu=gpus > 0,
            resources_per_worker=needs,
            elastic_resize_monitor_interval_s=RESIZE_S,
        ),
        run_config=RunConfig(  # type: ignore[arg-type]
            name=name,
            storage_path=path,
            storage_filesystem=system,
            # Lost nodes are no failures to count: the watch says when to give up.
            failure_config=FailureConfig(max_failures=-1, controller_failure_limit=-1),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            logging_config=LoggingConfig(log_level="ERROR"),
            callbacks=[watch],  # type: ignore[list-item]
        ),
    )


def _patience() -> float:
    given = os.environ.get(WAIT_VARIABLE, "")
    try:
        return float(given) if given else WAIT_S
    except ValueError:
        raise ConfigError(f"{WAIT_VARIABLE} = {given!r}: expected seconds") from None

"""A quiet Ray: join the cluster that RAY_ADDRESS names, or start a local one for a while."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Ray reads these when it is imported or started. Two lines of start-up noise and a two-second poll
# go away; usage reports leave the machine only where a user asks for them.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # A placement that a lost node was part of never comes: ask again soon, for what there is.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "10",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def on_cluster() -> bool:
    """Whether Ray is one that others started (RAY_ADDRESS), whose nodes may come and go."""
    return bool(os.environ.get("RAY_ADDRESS"))


@contextmanager
def quiet_ray(num_cpus: int | None = None) -> Iterator[None]:
    """Have Ray running inside the `with` block, without its banners, progress bars and worker logs.

    Args:
        num_cpus: size of a local cluster (default: all cores); ignored when RAY_ADDRESS is set.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    # Workers import the project from where the driver runs, wherever they were started.
    paths = [os.getcwd(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    import ray
    from ray.data import DataContext

    # The locked Ray has it, and its successor is not there yet. Ray turns its warnings on.
    warnings.filterwarnings("ignore", message="`ray_remote_args_fn` is deprecated")
    joined = ray.is_initialized()
    if not joined:
        remote = os.environ.get("RAY_ADDRESS")
        if remote is None:
            # A cluster of this process alone, on loopback, needs no token.
            os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        ray.init(
            # Without RAY_ADDRESS never one that somebody else runs on this machine.
            address=None if remote else "local",
            num_cpus=None if remote else num_cpus,
            include_dashboard=None if remote else False,
            logging_level=logging.WARNING,
            log_to_driver=False,
        )
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        if not joined:
            ray.shutdown()
        sys.stderr.flush()


@contextmanager
def held_stderr() -> Iterator[None]:
    """Keep back what is written to standard error, and show it only if the block fails: Ray's C++
    core warns there about every pool of actors that may be restarted."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def logical_cpus(workers: int) -> int:
    """Size of a local Ray: its workers must fit even where they outnumber the cores, or they wait
    for ever; one more is for Ray's own tasks."""
    return max(os.cpu_count() or 1, workers + 1)

"""What each of several rows that train at once gets of the machine: GPUs, cores, a shared Ray."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["gpus", "slots"]


@contextmanager
def slots(jobs: int, workers: int) -> Iterator[list[dict[str, str]]]:
    """The environment of each slot, variables on top of this process's own.

    A row that trains in its stage's process (`workers` 0) gets its share of the GPUs. It has as
    many threads as alone, so that its bits are the same, but they give the core up when they wait:
    two rows of two spinning threads each did 1 step/s on two cores, two of waiting ones 21. Rows
    that train on Ray's workers share one Ray, which hands out GPUs: the one that RAY_ADDRESS names,
    or one that lives as long as the `with` block; there are no more slots then than rows whose
    workers have a GPU each.
    """
    threads = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    found = gpus()
    if not workers:
        yield [{**threads, **_gpus_of(slot, jobs, found)} for slot in range(jobs)]
        return
    if os.environ.get("RAY_ADDRESS"):
        yield [threads] * jobs
        return
    if found:
        jobs = max(1, min(jobs, len(found) // workers))
    with _shared_ray(jobs, workers) as address:
        yield [{**threads, "RAY_ADDRESS": address}] * jobs


def gpus() -> list[str]:
    """This machine's GPUs as CUDA_VISIBLE_DEVICES names them, without loading torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    done = subprocess.run(
        [program, "--query-gpu=index", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split() if done.returncode == 0 else []


def _gpus_of(slot: int, jobs: int, found: list[str]) -> dict[str, str]:
    """A slot's GPUs; where there are fewer than slots, several slots share one."""
    if len(found) < 2:
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(found[slot::jobs] or [found[slot % len(found)]])}


@contextmanager
def _shared_ray(jobs: int, workers: int) -> Iterator[str]:
    """A Ray on this machine for all rows, as large as their own would be together; its address."""
    from pipelines.runtime import logical_cpus, quiet_ray

    with quiet_ray(jobs * logical_cpus(workers)):
        import ray

        yield ray.get_runtime_context().gcs_address

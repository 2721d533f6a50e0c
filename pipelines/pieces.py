"""Independent pieces of work on Ray Data: any number of processes, the same files.

A piece writes its own files into the workspace, so it runs on the driver's node or another one that
sees the workspace. It reports how many pictures it made. What goes wrong in it for a
reason that a user can mend travels as data, not in Ray's traceback.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gsam.errors import DataError, GsamError
from pipelines.placement import Placed, nodes_that_see
from pipelines.runtime import on_cluster

__all__ = ["Progress", "attempt", "pieces_done", "succeeded"]

Progress = Callable[[Iterable[dict[str, Any]], int], Iterable[dict[str, Any]]]
"""Wraps the iteration over finished pieces, given their number."""


def pieces_done(
    items: list[dict[str, Any]],
    do: Callable[[dict[str, Any]], dict[str, Any]],
    per_task: int,
) -> Iterable[dict[str, Any]]:
    """What `do` makes of each item, in any order, `per_task` items to a task of the running Ray."""
    import ray

    blocks = max(1, len(items) // per_task)
    rows: Iterable[dict[str, Any]] = (
        ray.data.from_items(items, override_num_blocks=blocks).map(do, **_here()).iter_rows()
    )
    return rows


def _here() -> dict[str, Any]:
    """Ray's options for tasks that write into the workspace: any node of this machine's own Ray; of
    a cluster those that see it, which takes no CPU of a head that has none to give."""
    if not on_cluster():
        return {}
    nodes = nodes_that_see(Path.cwd())
    busy = any(node["Resources"].get("CPU") for node in nodes)
    # Ray's head is often told to have no CPUs, so that nothing runs there but drivers.
    nodes = [node for node in nodes if node["Resources"].get("CPU")] if busy else nodes
    placed = Placed([node["NodeID"] for node in nodes], soft=False)
    cores = {"num_cpus": 1} if busy else {"num_cpus": 0, "concurrency": os.cpu_count() or 1}
    return {"ray_remote_args_fn": placed, **cores}


def attempt(name: str, work: Callable[[], int]) -> dict[str, Any]:
    """Do one piece: its number of pictures, and its error in one line, empty if there is none."""
    import torch

    # The batches are too small to share between threads, and the cores are taken.
    torch.set_num_threads(1)
    try:
        return {"pictures": work(), "error": ""}
    except GsamError as error:
        return {"pictures": 0, "error": f"{name}: {error}"}


def succeeded(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The finished pieces, one after another.

    Raises:
        DataError: one of them failed.
    """
    for row in rows:
        if row["error"]:
            raise DataError(row["error"])
        yield row

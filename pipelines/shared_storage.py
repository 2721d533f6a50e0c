"""Whether every node of the cluster reaches the storage of a run: asked before anything is lost."""

from __future__ import annotations

import secrets
from typing import Any

from gsam.errors import ConfigError, DataError, GsamError
from pipelines.object_store import (
    NotThere,
    delete_tree,
    exists,
    read_bytes,
    under,
    write_bytes,
)
from pipelines.runtime import on_cluster

__all__ = ["SharedStorage"]

ANSWER_S = 60.0
"""A node that is alive and has not answered by then is one that does not reach the storage."""

_TOKEN = "token"
_CURE = "set GSAM_STORE to s3://bucket/prefix or to a folder that all nodes see"


class SharedStorage:
    """A token in the storage, written by the driver: who does not read it sees another disk."""

    def __init__(self, root: str) -> None:
        """`root` is a folder or s3://bucket/prefix."""
        self.root = root
        self.probe = under(root, f".probe-{secrets.token_hex(6)}")

    def __enter__(self) -> SharedStorage:
        """Write the token and have every node that is there read it and write beside it.

        Raises:
            DataError: a node does not see the storage, or may not write to it.
            ConfigError: it has no credentials, or the wrong ones.
        """
        write_bytes(under(self.probe, _TOKEN), self.probe.encode())
        try:
            if on_cluster():
                self._ask_everyone()
        except BaseException:
            delete_tree(self.probe)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the token, unless the storage has failed (then that is what a user is told)."""
        try:
            delete_tree(self.probe)
        except GsamError:
            if error[0] is None:
                raise

    def look(self, node: str) -> None:
        """Read the token, on the node of that address.

        Raises:
            DataError, ConfigError: as on entering.
        """
        try:
            seen = read_bytes(under(self.probe, _TOKEN)) == self.probe.encode()
        except NotThere:
            seen = False
        except GsamError as error:
            raise type(error)(f"run storage on node {node}: {error}") from error
        if not seen:
            raise DataError(self._not_shared(node, "does not see it"))

    def touch(self, node: str) -> None:
        """Write beside the token; otherwise as `look`."""
        try:
            write_bytes(under(self.probe, node), b"")
        except GsamError as error:
            raise type(error)(f"run storage on node {node}: {error}") from error

    def _not_shared(self, node: str, why: str) -> str:
        return f"run storage {self.root} is not shared: node {node} {why}; {_CURE}"

    def _ask_everyone(self) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = ray.get_runtime_context().get_node_id()
        others = {
            node["NodeID"]: node["NodeManagerAddress"]
            for node in ray.nodes()
            if node["Alive"] and node["NodeID"] != here
        }
        asked: dict[Any, str] = {}
        for node in others:
            pinned = NodeAffinitySchedulingStrategy(node, soft=False)
            task = ray.remote(_check).options(num_cpus=0, max_retries=0, scheduling_strategy=pinned)
            asked[task.remote(self, others[node])] = node
        if asked:
            ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S)
        for answer, node in asked.items():
            self._hear(answer, node, others[node])

    def _hear(self, answer: Any, node: str, address: str) -> None:
        """Judge one node's answer; one that has died meanwhile is none of the cluster's."""
        import ray

        try:
            error = ray.get(answer, timeout=0)
        except (ray.exceptions.RayError, TimeoutError) as failure:
            if not any(one["NodeID"] == node and one["Alive"] for one in ray.nodes()):
                return
            reason = str(getattr(failure, "cause", None) or failure).strip().splitlines()[-1]
            if isinstance(failure, TimeoutError):
                reason = f"no answer in {ANSWER_S:.0f} s"
            raise DataError(f"run storage {self.root} on node {address}: {reason}") from failure
        if error is not None:
            raise error
        if not exists(under(self.probe, address)):
            raise DataError(self._not_shared(address, "writes elsewhere"))


def _check(storage: SharedStorage, node: str) -> DataError | ConfigError | None:
    """What is wrong on this node; it travels as data, not in Ray's traceback."""
    try:
        storage.look(node)
        storage.touch(node)
    except (DataError, ConfigError) as error:
        return error
    return None

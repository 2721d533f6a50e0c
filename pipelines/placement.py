"""Where Ray is asked to run something: on one node after another, on those that see a folder."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

__all__ = ["Placed", "nodes_that_see"]

ANSWER_S = 30.0
"""A node that is busier than that is left alone."""


class Placed:
    """Ray's options for one task or actor after another, each on the next of some nodes."""

    def __init__(self, nodes: Sequence[str], *, soft: bool) -> None:
        """`soft`: elsewhere, once the node is gone."""
        self.nodes, self.soft = cycle(nodes), soft

    def __call__(self) -> dict[str, Any]:
        """The options of the next one."""
        return {"scheduling_strategy": _on(next(self.nodes), self.soft)}


def _on(node: str, soft: bool) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=soft)


def nodes_that_see(folder: Path) -> list[dict[str, Any]]:
    """The nodes of the running Ray that see what the driver writes to a folder; its own always."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    nodes = [node for node in ray.nodes() if node["Alive"]]
    token = folder / f".gsam-probe-{secrets.token_hex(6)}"
    token.touch()
    try:
        asked = {
            ray.remote(_sees)
            .options(num_cpus=0, max_retries=0, scheduling_strategy=_on(node["NodeID"], False))
            .remote(str(token)): node["NodeID"]
            for node in nodes
            if node["NodeID"] != here
        }
        if asked:
            ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S)
        seen = {here} | {node for answer, node in asked.items() if _yes(answer)}
    finally:
        token.unlink()
    return [node for node in nodes if node["NodeID"] in seen]


def _sees(path: str) -> bool:
    return Path(path).exists()


def _yes(answer: Any) -> bool:
    import ray

    try:
        return bool(ray.get(answer, timeout=0))
    except (ray.exceptions.RayError, TimeoutError):
        return False

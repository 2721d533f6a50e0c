"""Which network card the workers of a training talk through; imported where Ray is.

Left alone, gloo takes the address that the machine's own name leads to, which on many machines is
loopback (127.0.1.1 in /etc/hosts): workers on two of them then never find each other.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

__all__ = ["NodesNetwork", "card_of", "choose_card"]

VARIABLES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
_GET_ADDRESS = 0x8915  # SIOCGIFADDR of Linux


class NodesNetwork(TorchConfig):
    """torch's process group over the network by which Ray knows the nodes."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """Ray's, after every worker has chosen its card."""
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        worker_group.execute(choose_card)
        super().on_start(worker_group, backend_config)


def choose_card() -> None:
    """Name this node's card to gloo and NCCL, unless a person has."""
    import ray

    card = card_of(ray.util.get_node_ip_address())
    for variable in VARIABLES if card else ():
        os.environ.setdefault(variable, card)


def card_of(address: str) -> str:
    """The network card that has an IPv4 address; empty where that cannot be told."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(asking.fileno(), _GET_ADDRESS, request)
            except OSError:  # a card without an address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return ""

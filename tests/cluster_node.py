"""One machine of the test rig: its namespaces, its processes, its power and its cable."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# The first process of a node. Tmpfs goes over what belongs to others; Python stays visible, should
# it lie there. The address comes once the rig has put the cable in.
BOOT = """
set -e
mount -t tmpfs -o size=400m tmpfs /dev/shm
mkdir -p "$OWN/prefix"
mount --bind "$PREFIX" "$OWN/prefix"
for folder in $HIDDEN; do mount -t tmpfs -o size=64m tmpfs "$folder"; done
if [ ! -d "$PREFIX" ]; then mkdir -p "$PREFIX"; mount --bind "$OWN/prefix" "$PREFIX"; fi
ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip address add "$ADDRESS/24" dev eth0
ip link set eth0 up
"$@" &
wait $!
"""


class RigError(Exception):
    """A node did not come up, or a job command failed."""


class Node:
    """One machine: its address, its folder and its tree of processes."""

    def __init__(
        self, name: str, address: str, folder: Path, process: subprocess.Popen[bytes], cable: str
    ) -> None:
        """`cable` is the rig's end of the network cable; empty on loopback."""
        self.name, self.address, self.folder = name, address, folder
        self.process, self.cable = process, cable

    @property
    def log(self) -> Path:
        """What `ray start` said."""
        return self.folder / "start.log"

    def processes(self, title: str = "") -> list[int]:
        """Process ids, as seen from outside, of the node's processes whose title starts so."""
        found = []
        for pid in descendants(self.process.pid):
            try:
                named = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if named.startswith(title.encode()):
                found.append(pid)
        return found

    def lose(self, silently: bool = True) -> None:
        """A power cut, or with `silently=False` a crash whose closed connections others notice."""
        if self.cable and silently:
            ip("link", "set", self.cable, "down")
        # A namespace's processes all die with its first; on loopback each is killed by its id.
        for pid in [self.process.pid, *([] if self.cable else descendants(self.process.pid))]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        if self.cable:
            subprocess.run(["ip", "link", "delete", self.cable], capture_output=True, check=False)


def wait_until(
    ready: Callable[[], bool],
    seconds: float,
    what: str,
    context: Callable[[], str] = lambda: "",
) -> float:
    """Wait for something; returns the seconds that took.

    Raises:
        RigError: it did not come.
    """
    start = time.monotonic()
    while not ready():
        if time.monotonic() - start > seconds:
            raise RigError(f"no {what} within {seconds:.0f} s\n{context()}")
        time.sleep(0.05)
    return time.monotonic() - start


def descendants(pid: int) -> list[int]:
    """Ids of all processes that a process has started, and they, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RigError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def free_network() -> str:
    """The first three numbers of an unused private network."""
    used = subprocess.run(["ip", "-4", "address"], capture_output=True, text=True, check=True)
    while True:
        network = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
        if f" {network}." not in used.stdout:
            return network


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def forbidden() -> str:
    """Why nodes cannot have namespaces here; empty where they can."""
    if os.environ.get("GSAM_TEST_RIG") == "loopback":
        return "GSAM_TEST_RIG=loopback"
    if missing := [tool for tool in ("ip", "unshare", "mount") if not shutil.which(tool)]:
        return f"no {missing[0]} command"
    probe = f"rigprobe{secrets.token_hex(2)}"
    tries = (
        ["unshare", "--net", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        ["ip", "link", "add", probe, "type", "bridge"],
        ["ip", "link", "delete", probe],
    )
    for command in tries:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return " ".join((done.stderr.strip() or f"{command[0]} failed").split())
    return ""

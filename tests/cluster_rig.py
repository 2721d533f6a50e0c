"""A Ray cluster of several machines on one: each node has its own network, processes and disk.

A node is a set of Linux namespaces with an IP address on a bridge of the rig's own, a process tree
that dies with it, its own /dev/shm, and tmpfs over the folders of the others, so that disks are NOT
shared. `Node.lose` is a power cut: the link goes dead, then everything on the node gets SIGKILL; no
connection is closed politely. Where namespaces are not permitted, nodes are raylets of this machine
with one network and one disk, and `Rig.kind` says so.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster_node import (
    BOOT,
    Node,
    forbidden,
    free_network,
    free_port,
    ip,
    wait_until,
)
from tests.workspaces import REPOSITORY

STORE_BYTES = 100 * 2**20
START_SECONDS = 60.0
HEALTH = {"RAY_health_check_timeout_ms": "3000", "RAY_health_check_failure_threshold": "4"}
"""Of the head: it notices a silent loss after 24 s, measured; Ray's defaults take 65 s."""
RAY_NOTES = Path("/tmp/ray")

_BIN = str(Path(sys.executable).parent)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Rig:
    """Nodes on one bridge; a context manager that leaves nothing behind.

    `shared` is a folder that every node sees, as one on a file server; `work` is the head's alone.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            hidden: folders that only the head sees, besides its own: a workspace, the checkout.
            environment: variables of every node, as those of an object store.
        """
        self.id = secrets.token_hex(2)
        self.base = Path(tempfile.mkdtemp(prefix="rig", dir="/tmp"))
        self.shared = self.base / "shared"
        self.work = self.base / "work"
        self.shared.mkdir()
        self.work.mkdir()
        self.hidden = list(hidden)
        self.environment = HEALTH | dict(environment or {})
        self.nodes: dict[str, Node] = {}
        self.started = 0
        self.reason = forbidden()
        self.network = "127.0.0"
        self.port, self.dashboard_port = free_port(), free_port()
        if not self.reason:
            self.network = free_network()
            ip("link", "add", self._bridge, "type", "bridge")
            ip("address", "add", f"{self.outside}/24", "dev", self._bridge)
            ip("link", "set", self._bridge, "up")

    @property
    def _bridge(self) -> str:
        return f"rig{self.id}"

    @property
    def kind(self) -> str:
        """What the nodes are, for the tests' output."""
        if self.reason:
            return f"raylets on loopback, one disk (namespaces are not permitted: {self.reason})"
        return f"network namespaces on {self.network}.0/24, disks not shared"

    @property
    def isolated(self) -> bool:
        """Whether nodes have networks and disks of their own."""
        return not self.reason

    @property
    def outside(self) -> str:
        """This process's own address, which nodes reach: the place for an object store."""
        return "127.0.0.1" if self.reason else f"{self.network}.254"

    @property
    def head(self) -> Node:
        """The head node."""
        return self.nodes["head"]

    @property
    def dashboard(self) -> str:
        """Where jobs are submitted."""
        return f"http://{self.network}.1:{self.dashboard_port}"

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *error: object) -> None:
        for node in self.nodes.values():
            if node.process.poll() is None:
                node.lose(silently=False)
        if self.isolated:
            ip("link", "delete", self._bridge)
        shutil.rmtree(self.base, ignore_errors=True)

    def start_head(self, cpus: int = 1, wait: bool = True) -> Node:
        """Start the head, or start it afresh: a new one knows nothing of the last."""
        node = self._start(
            "head",
            1,
            ["--head", f"--port={self.port}", "--dashboard-host=0.0.0.0", f"--num-cpus={cpus}",
             f"--dashboard-port={self.dashboard_port}", "--include-dashboard=true"],
        )  # fmt: skip
        if wait:
            self.await_nodes(1)
            wait_until(self._takes_jobs, START_SECONDS, "head that takes jobs", self.logs)
        return node

    def start_node(self, name: str = "second", cpus: int = 1, wait: bool = True) -> Node:
        """Start another node, or the same one again, with the same address."""
        old = self.nodes.get(name)
        number = int(old.address.rsplit(".", 1)[1]) if old else len(self.nodes) + 1
        before = self.alive() if wait else 0
        node = self._start(
            name, number, [f"--address={self.network}.1:{self.port}", f"--num-cpus={cpus}"]
        )
        if wait:
            self.await_nodes(before + 1)
        return node

    def _start(self, name: str, number: int, options: list[str]) -> Node:
        self.started += 1
        address = f"{self.network}.{number}"
        folder = self.base / f"{name}{self.started}"
        folder.mkdir()
        own = {folder, self.shared, *([self.work] if name == "head" else [])}
        hidden = [path for path in self.base.iterdir() if path not in own]
        hidden += self.hidden if name != "head" else []
        # There Ray notes the newest cluster of a machine, for whoever starts without an address.
        hidden.append(RAY_NOTES)
        RAY_NOTES.mkdir(exist_ok=True)
        start = [
            f"{_BIN}/ray", "start", *options, f"--node-ip-address={address}",
            f"--temp-dir={folder}", f"--object-store-memory={STORE_BYTES}",
            f"--dashboard-agent-listen-port={free_port()}", "--disable-usage-stats", "--block",
        ]  # fmt: skip
        variables = clean_environment()
        variables |= self.environment | {"TMPDIR": str(folder)}
        apart = []
        if self.isolated:
            variables |= {
                "OWN": str(folder), "PREFIX": sys.prefix, "ADDRESS": address,
                "HIDDEN": " ".join(str(path) for path in hidden),
            }  # fmt: skip
            apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
            apart += ["--mount-proc", "bash", "-c", BOOT, "boot"]
        with (folder / "start.log").open("wb") as log:
            process = subprocess.Popen(
                [*apart, *start], env=variables, cwd="/", stdout=log, stderr=log
            )
        cable = f"r{self.id}{self.started}" if self.isolated else ""
        if cable:
            self._plug_in(cable, process)
        node = Node(name, address, folder, process, cable)
        self.nodes[name] = node
        return node

    def _plug_in(self, cable: str, process: subprocess.Popen[bytes]) -> None:
        """A cable from the bridge into the node's network, as soon as that is there."""
        mine = os.readlink("/proc/self/ns/net")
        wait_until(
            lambda: os.readlink(f"/proc/{process.pid}/ns/net") != mine, 5, "a network namespace"
        )
        ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
        ip("link", "set", cable, "master", self._bridge)
        ip("link", "set", cable, "up")

    def _takes_jobs(self) -> bool:
        """Whether the head's agent is up, which comes seconds after the head, by an empty job."""
        request = urllib.request.Request(
            f"{self.dashboard}/api/jobs/",
            json.dumps({"entrypoint": "true"}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with _DIRECT.open(request, timeout=30):
                return True
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
            return False

    def alive(self) -> int:
        """Nodes that Ray holds to be alive; 0 while the head does not answer."""
        try:
            answer = _DIRECT.open(f"{self.dashboard}/api/v0/nodes", timeout=5).read()
            rows = json.loads(answer)["data"]["result"]["result"]
        except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError):
            return 0
        return sum(row["state"] == "ALIVE" for row in rows)

    def await_nodes(self, count: int, seconds: float = START_SECONDS) -> float:
        """Wait until Ray counts so many nodes; returns the seconds that took."""
        return wait_until(lambda: self.alive() == count, seconds, f"{count} nodes", self.logs)

    def submit(
        self, command: Sequence[str], code: Path, folder: Path, **variables: str
    ) -> subprocess.Popen[str]:
        """`ray job submit` of a command.

        Args:
            code: goes to every node, as the job's working directory.
            folder: of the head, where the command runs.
            variables: of the job's environment.

        Returns:
            the client, whose standard output is the job's.
        """
        inside = 'export PYTHONPATH=$PWD && cd "$0" && exec "$@"'
        return subprocess.Popen(
            [f"{_BIN}/ray", "job", "submit", "--address", self.dashboard,
             "--working-dir", str(code), "--runtime-env-json", json.dumps({"env_vars": variables}),
             "--", "bash", "-c", inside, str(folder), *command],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def logs(self, lines: int = 15) -> str:
        """The ends of the nodes' logs, for a test that failed."""
        parts = []
        for path in sorted(self.base.glob("*/start.log")):
            parts += [f"--- {path}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(parts)


def packed_code(folder: Path) -> Path:
    """A copy of the project's packages alone, as a job's working directory."""
    for package in ("gsam", "pipelines", "stages"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / package, folder / package, ignore=ignored)
    return folder


def clean_environment() -> dict[str, str]:
    """Variables of a machine that knows nothing of this checkout: one thread, loopback security."""
    dropped = ("GSAM_", "RAY_", "AWS_", "PYTEST_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        "DVC_NO_ANALYTICS": "1",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }

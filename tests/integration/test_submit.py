"""`python -m cluster.submit` against a real head: results, exit codes, Ctrl-C, a head that dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.finished import read_lock
from tests.s3_server import free_port, new_store
from tests.submit_project import clone, dvc, git, make_project
from tests.workspaces import REPOSITORY

pytestmark = pytest.mark.slow

START_SECONDS = 90


class LocalHead:
    """A Ray head of our own on loopback; whatever it starts ends with it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port, dashboard, *others = (free_port() for _ in range(5))
        self.address = f"http://127.0.0.1:{dashboard}"
        words = [
            "ray", "start", "--head", "--block", "--disable-usage-stats", "--num-cpus", "2",
            "--node-ip-address", "127.0.0.1", "--port", str(self.port),
            "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard),
            "--dashboard-agent-listen-port", str(others[0]),
            "--dashboard-agent-grpc-port", str(others[1]),
            "--metrics-export-port", str(others[2]), "--object-store-memory", "100000000",
            "--min-worker-port", "0", "--max-worker-port", "0", "--temp-dir", str(folder),
        ]  # fmt: skip
        words[0] = str(Path(sys.executable).with_name("ray"))
        self.folder = folder
        self.process = subprocess.Popen(
            words, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.address}/api/version", timeout=5).close()
                return
            except OSError:
                time.sleep(0.2)
        self.kill()
        pytest.fail(f"no head in {START_SECONDS} s")

    def kill(self) -> None:
        """All at once, as when the machine loses its power."""
        import psutil

        family = [self.process.pid]
        family += [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]
        for process in psutil.process_iter(["cmdline"]):
            # The head's servers leave its family; their folder gives them away.
            if str(self.folder) in " ".join(process.info["cmdline"] or ()):
                family.append(process.pid)
        for pid in set(family):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


class Site:
    """A head, a store, and the environment in which commands are typed."""

    def __init__(self, folder: Path, short: Path, store: str, more: dict[str, str]) -> None:
        self.folder, self.short = folder, short
        self.marks = folder / "marks"
        self.marks.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GSAM_", "RAY_"))}
        self.cluster = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            # The toy project has none of our packages.
            "PYTHONPATH": str(REPOSITORY),
            "RAY_AUTH_MODE": "disabled",
            "TMPDIR": str(folder),
            "MARKS": str(self.marks),
        }
        self.typed = {**self.cluster, "GSAM_STORE": store, **more}
        self.project = make_project(folder / "project")
        self.head = LocalHead(short, self.cluster)

    def start(self, checkout: Path, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.submit", "--address", self.head.address, *arguments],
            cwd=checkout, env=self.typed, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def submit(self, checkout: Path, *arguments: str, code: int = 0) -> str:
        started = self.start(checkout, *arguments)
        output = started.communicate(timeout=240)[0]
        assert started.returncode == code, output
        assert "Traceback" not in output, output
        return output

    def clone(self, name: str) -> Path:
        return clone(self.project, self.folder / name)

    def trained(self, name: str) -> int:
        """How often."""
        path = self.marks / name
        return path.read_text().count("x") if path.exists() else 0

    def wait_for(self, stage: str, times: int) -> None:
        end = time.monotonic() + 120
        while self.trained(stage) < times:
            assert time.monotonic() < end, f"{stage} never started"
            time.sleep(0.1)


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    short = Path(f"/tmp/gs{os.getpid()}{time.time_ns() % 10**6}")
    made = Site(tmp_path, short, str(tmp_path / "store"), {})
    yield made
    made.head.kill()
    shutil.rmtree(short, ignore_errors=True)


def test_results_come_home_and_nothing_is_computed_twice(site: Site) -> None:
    first = site.clone("first")
    output = site.submit(first, "--id", "one")
    assert "job         one: done" in output and "4 run, 0 taken over" in output
    assert "trained two with lr: 1" in (first / "table.txt").read_text()
    assert not (first / "models").exists()
    dvc(first, "pull")
    assert "up to date" in dvc(first, "repro")
    # From the same commit, whose dvc.lock knows nothing.
    second = site.clone("second")
    assert "0 run, 4 taken over" in site.submit(second, "--jobs", "2")
    # DVC itself is free in which order it notes the stages of a lock file that was empty.
    assert read_lock(second) == read_lock(first)
    assert (site.trained("one"), site.trained("two")) == (1, 1)
    output = site.submit(second, "--", "dvc", "exp", "run", "-n", "fast", "-S", "lr=5")
    assert "experiments fast" in output and "fast" in dvc(second, "exp", "show", "--csv")
    assert "lr: 5" in (second / "table.txt").read_text()
    assert not list(site.folder.glob("gsam-job-*"))


def test_a_stage_that_fails_gives_its_exit_code_and_keeps_what_is_finished(site: Site) -> None:
    (site.marks / "fail.two").touch()
    first = site.clone("first")
    output = site.submit(first, "--id", "bad", code=3)
    assert "bad: failed, exit code 3" in output and "exited with 3" in output
    assert (first / "results/one.json").exists() and not (first / "table.txt").exists()
    (site.marks / "fail.two").unlink()
    site.submit(site.clone("second"))
    assert site.trained("one") == 1
    output = site.submit(first, "--attach", "bad", code=3)
    assert "prepare" in output


def test_ctrl_c_stops_the_job_and_brings_home_what_it_finished(site: Site) -> None:
    (site.marks / "slow.two").touch()
    first = site.clone("first")
    running = site.start(first, "--id", "long")
    site.wait_for("two", 1)
    running.send_signal(signal.SIGINT)
    output = running.communicate(timeout=120)[0]
    assert running.returncode == 130 and "long: stopped" in output, output
    assert "train@one" in (first / "dvc.lock").read_text()
    (site.marks / "slow.two").unlink()
    site.submit(site.clone("second"))
    assert (site.trained("one"), site.trained("two")) == (1, 2)


def test_a_head_that_dies_is_said_and_the_next_submission_goes_on(site: Site) -> None:
    (site.marks / "slow.two").touch()
    first = site.clone("first")
    running = site.start(first, "--id", "lost")
    site.wait_for("two", 1)
    saved = site.folder / "store/jobs/lost/result.tar.gz"
    end = time.monotonic() + 60
    while not saved.exists() and time.monotonic() < end:
        time.sleep(0.5)
    site.head.kill()
    output = running.communicate(timeout=90)[0]
    assert running.returncode == 1 and "has not answered for 30 s" in output, output
    assert "submit the same command again" in output and "Traceback" not in output
    (site.marks / "slow.two").unlink()
    site.head = LocalHead(site.short, site.cluster)
    assert "trained two" not in site.submit(first, "--fetch", "lost", code=1)
    git(first, "checkout", "-q", ".")
    site.submit(site.clone("second"))
    assert (site.trained("one"), site.trained("two")) == (1, 2)


def test_over_s3_with_the_credentials_sent_along(
    tmp_path: Path, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(s3_server, f"bucket-{os.urandom(6).hex()}")
    short = Path(f"/tmp/gs{os.getpid()}{time.time_ns() % 10**6}")
    site = Site(tmp_path, short, store.uri, {**store.env, "AWS_EC2_METADATA_DISABLED": "true"})
    try:
        first = site.clone("first")
        output = site.submit(first, "--send-credentials")
        assert "4 run" in output and "tester-secret" not in output
        assert "tester-secret" not in (first / ".dvc/config.local").read_text()
        assert "0 run, 4 taken over" in site.submit(site.clone("second"), "--send-credentials")
    finally:
        site.head.kill()
        shutil.rmtree(short, ignore_errors=True)

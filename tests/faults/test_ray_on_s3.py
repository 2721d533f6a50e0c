"""Ray Train's checkpoints in a bucket, over a network with bad days: the bits of a local run."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gsam.storage import digest
from pipelines import object_store as store
from tests.faulty_proxy import FaultyProxy
from tests.s3_server import KEYS, Store
from tests.workspaces import command, environment, make_workspace, run_stage, with_training

pytestmark = pytest.mark.slow

RUN = {**with_training(epochs=8), "workers": 1}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """Trained with its checkpoints in the workspace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GSAM_STORE", raising=False)
        folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), RUN)
        done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    return folder


def result(folder: Path) -> str:
    return digest(folder / "models/lifter/tiny/seed0.safetensors")


def checkpoints(s3_store: Store) -> list[str]:
    names = [entry.name for entry in store.listed(store.under(s3_store.uri, "runs"))]
    return [name for name in names if name.endswith(".ckpt")]


def test_short_troubles_are_not_noticed(
    tmp_path: Path, undisturbed: Path, s3_store: Store, s3_proxy: FaultyProxy
) -> None:
    rules = [
        s3_proxy.rule(method="PUT|POST", path="ckpt", times=2, status=503),
        s3_proxy.rule(method="PUT", path="ckpt", times=1, drop_after=1000),
    ]
    folder = make_workspace(tmp_path, RUN)
    done = run_stage(folder, "train_lifter", "tiny")
    assert (done.returncode, done.stderr) == (0, "")
    assert [rule.hits for rule in rules] == [2, 1]
    assert result(folder) == result(undisturbed)
    assert not (folder / ".gsam").exists() and checkpoints(s3_store) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"method": "PUT|POST|DELETE", "status": 403}, "may not write"),
        ({"method": "PUT|POST", "status": 507}, "the store is full"),
        ({"drop_after": 0}, "cannot be reached"),
    ],
    ids=["read-only", "full", "unreachable"],
)
def test_a_store_that_fails_in_the_middle_is_one_line(
    tmp_path: Path, undisturbed: Path, s3_store: Store, s3_proxy: FaultyProxy, rule, text
) -> None:
    folder = make_workspace(tmp_path, RUN)
    with training(folder) as process:
        wait_until(lambda: len(kept(s3_proxy)) >= 4, process)
        s3_proxy.rule(**rule)
        out, error = process.communicate(timeout=180)
    assert process.returncode == 1 and out == "", error
    assert text in error and error.count("\n") == 1, error
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in error
    s3_proxy.clear()
    assert len(checkpoints(s3_store)) >= 2, "nothing is left to go on from"
    s3_proxy.calls.clear()
    again = run_stage(folder, "train_lifter", "tiny")
    assert again.returncode == 0, again.stderr
    assert result(folder) == result(undisturbed)
    assert len(kept(s3_proxy)) <= 6, "epochs that were kept have been trained again"


def test_wrong_credentials_before_training(tmp_path: Path, s3_store, s3_proxy) -> None:
    s3_proxy.rule(status=403, code="SignatureDoesNotMatch")
    done = run_stage(make_workspace(tmp_path, RUN), "train_lifter", "tiny")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "wrong credentials, expected AWS_ACCESS_KEY_ID" in done.stderr


@contextmanager
def training(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("train_lifter", "tiny"),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def kept(proxy: FaultyProxy) -> set[str]:
    """The checkpoints that were sent."""
    return {
        path.split("?")[0] for method, path in proxy.calls if method == "PUT" and ".ckpt" in path
    }


def wait_until(ready, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < end and process.poll() is None, "the training did not get there"
        time.sleep(0.01)

"""A real S3 server over HTTP on loopback (moto), in its own environment and process.

Fixtures: `s3_server` (one for the session, its URL), `s3_store` (a new bucket with the environment
that names it), `s3_proxy` (the same, reached through a `FaultyProxy`). They skip where moto's
environment is absent: `make test` makes it, or $GSAM_MOTO_PYTHON names its interpreter.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faulty_proxy import FaultyProxy

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "tester-secret"}
_VENV = Path(__file__).resolve().parents[1] / ".venv/s3/bin/python"
_START_SECONDS = 60


def moto_python() -> str | None:
    """The interpreter that has moto, or None."""
    given = os.environ.get("GSAM_MOTO_PYTHON")
    return given or (str(_VENV) if _VENV.exists() else None)


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_s3(
    host: str = "127.0.0.1", port: int | None = None, env: dict[str, str] | None = None
) -> Iterator[str]:
    """A server of one's own; yields its URL. `env` adds moto's settings."""
    python = moto_python()
    if python is None:
        pytest.skip("moto's environment is absent: `make .venv/s3/ready` makes it")
    port = port or free_port(host)
    url = f"http://{host}:{port}"
    process = subprocess.Popen(
        [python, "-m", "moto.server", "-H", host, "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )
    try:
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"moto did not start at {url} in {_START_SECONDS} s")


@dataclass(frozen=True)
class Store:
    """A new bucket: the value for GSAM_STORE, the server's URL, the environment to reach it."""

    uri: str
    url: str
    env: dict[str, str]


def new_store(url: str, name: str) -> Store:
    """Make a bucket on the server and say how it is reached."""
    import boto3

    direct = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    direct.create_bucket(Bucket=name)
    uri = f"s3://{name}/gsam"
    env = {**KEYS, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", "GSAM_STORE": uri}
    return Store(uri, url, env)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with running_s3() as url:
        yield url


_ELSEWHERE = (
    *("AWS_REGION", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN", "GSAM_RUN_STORAGE"),
    *("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION", "AWS_RETRY_MODE"),
)


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children reach the store."""
    for name in _ELSEWHERE:
        # Set first, so that what a test sets itself is gone afterwards.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    # No test asks a machine's metadata service or a home folder for credentials.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3_store(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = new_store(s3_server, f"bucket-{os.urandom(6).hex()}")
    use(store, monkeypatch)
    return store


@pytest.fixture
def s3_proxy(s3_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3_store.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy

"""The client's side of a cluster that is not there, is another's, or goes away."""

import asyncio
import http.server
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster import head as head_module
from cluster import submit
from cluster.head import Head
from cluster.running import Command
from gsam.errors import ConfigError, DataError
from tests.s3_server import free_port
from tests.submit_project import make_project


@pytest.fixture
def not_ray() -> Iterator[str]:
    """Something that answers, and is no Ray."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def a_head(monkeypatch: pytest.MonkeyPatch, client: object) -> Head:
    """A head that speaks through `client`."""
    monkeypatch.setattr(head_module, "_POLL_SECONDS", 0.01)
    made = Head.__new__(Head)
    made.address, made._client = "http://head:8265", client
    return made


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no Ray head answers at http://127"):
        Head(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ConfigError, match="expected http://host:8265"):
        Head("127.0.0.1:8265")


def test_somebody_else_at_the_address(not_ray: str) -> None:
    with pytest.raises(ConfigError, match="not a Ray head"):
        Head(not_ray)


def test_a_head_that_goes_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "GONE_SECONDS", 0.1)
    gone = a_head(monkeypatch, object())
    monkeypatch.setattr(gone, "_listens", lambda: False)
    with pytest.raises(DataError, match="http://head:8265 has not answered for"):
        gone.wait("job")


def test_a_new_head_does_not_know_the_old_ones_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    def info(_job: str) -> None:
        raise RuntimeError("Request failed with status code 404: Job job does not exist")

    new = a_head(monkeypatch, SimpleNamespace(get_job_info=info))
    monkeypatch.setattr(new, "_listens", lambda: True)
    with pytest.raises(DataError, match="knows no job job"):
        new.wait("job")


def test_output_goes_on_where_a_connection_broke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ["Running entrypoint for job x: exec\n", "one\n", "two\n", "three\n"]
    calls = []

    async def tail(_job: str) -> AsyncIterator[str]:
        calls.append(1)
        for line in log[: 2 + len(calls)]:
            yield line
        if len(calls) == 1:
            raise RuntimeError("WebSocket connection closed unexpectedly")

    asyncio.run(a_head(monkeypatch, SimpleNamespace(tail_job_logs=tail))._tail("job"))
    assert capsys.readouterr().out == "one\ntwo\nthree\n" and len(calls) == 2


def test_usage_is_said_before_a_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    monkeypatch.delenv("GSAM_STORE", raising=False)
    with pytest.raises(ConfigError, match="GSAM_STORE is not set: expected s3://bucket/prefix"):
        submit.main([])
    monkeypatch.setenv("GSAM_STORE", str(tmp_path / "store"))
    with pytest.raises(ConfigError, match="expected dvc repro … or dvc exp run …"):
        submit.main(["--", "python", "-c", "1"])
    with pytest.raises(ConfigError, match="job 'a/b': expected letters"):
        submit.main(["--id", "a/b"])
    with pytest.raises(ConfigError, match="there is no job ghost"):
        submit.main(["--attach", "ghost"])
    with pytest.raises(ConfigError, match="there is no job ghost"):
        submit.main(["--fetch", "ghost"])


ROWS = """
print('train@one: Running stage')
print()
print('stage      outcome        seconds')
print('train@one  ran                1.0')
print('train@two  reused             1.0')
print('table      failed (3)         0.1')
print('7 more up to date')
raise SystemExit(3)
"""


def test_rows_are_counted_by_their_closing_table() -> None:
    rows = Command([sys.executable, "-c", ROWS], {})
    assert rows.wait(30) == 3
    assert (rows.ran, rows.reused) == (2, 8)


def test_a_command_that_is_stopped_ends() -> None:
    sleeping = Command([sys.executable, "-c", "import time; time.sleep(60)"], {})
    assert sleeping.wait(0.2) is None
    sleeping.stop()
    assert sleeping.wait(30) and sleeping.stopped

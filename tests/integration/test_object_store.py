"""The shared store on a real S3 server, on good days and bad ones."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gsam.errors import ConfigError, DataError
from pipelines import object_store as store
from pipelines import store_access
from tests.faulty_proxy import FaultyProxy
from tests.s3_server import KEYS, Store, free_port, new_store, running_s3, use

BIG = os.urandom(9 << 20)
"""More than boto3 sends in one piece."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_access, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(store_access, "READ_SECONDS", 1)


def test_objects_come_and_go(s3_store: Store, tmp_path: Path) -> None:
    place = store.under(s3_store.uri, "a", "b.bin")
    assert store.listed(s3_store.uri) == [] and not store.exists(place)
    with pytest.raises(store.NotThere, match=f"{place}: not there"):
        store.read_bytes(place)
    with pytest.raises(store.NotThere):
        store.get_file(place, tmp_path / "x")
    store.write_bytes(place, BIG)
    store.get_file(place, tmp_path / "x")
    assert store.read_bytes(place) == BIG == (tmp_path / "x").read_bytes()
    store.put_file(tmp_path / "x", store.under(s3_store.uri, "c"))
    (first, second) = store.listed(s3_store.uri)
    assert (first.name, first.size, second.name) == ("a/b.bin", len(BIG), "c")
    store.delete(place)
    store.delete(place)
    assert not store.exists(place)
    store.write_bytes(place, b"")
    store.get_file(place, tmp_path / "x")
    assert store.exists(place) and store.read_bytes(place) == b"" == (tmp_path / "x").read_bytes()
    store.delete_tree(s3_store.uri)
    assert store.listed(s3_store.uri) == []


def test_a_neighbour_of_the_same_beginning_is_left_alone(s3_store: Store) -> None:
    store.write_bytes(s3_store.uri + "-other/x", b"x")
    store.delete_tree(s3_store.uri)
    assert store.listed(s3_store.uri) == [] and store.exists(s3_store.uri + "-other/x")


def test_refusals_that_pass_are_not_noticed(s3_store: Store, s3_proxy: FaultyProxy) -> None:
    rule = s3_proxy.rule(method="PUT", times=2, status=503)
    place = store.under(s3_store.uri, "x")
    store.write_bytes(place, b"content")
    assert rule.hits == 2
    s3_proxy.rule(method="GET", times=1, status=500)
    assert store.read_bytes(place) == b"content"


def test_a_broken_upload_is_begun_again(s3_store: Store, s3_proxy: FaultyProxy) -> None:
    small, large = store.under(s3_store.uri, "s"), store.under(s3_store.uri, "l")
    rules = [s3_proxy.rule(method="PUT", path="/s$", times=1, drop_after=5000)]
    rules.append(s3_proxy.rule(method="PUT", path="/l.*partNumber=1", times=1, drop_after=100_000))
    store.write_bytes(small, BIG[:10_000])
    store.write_bytes(large, BIG)
    assert [rule.hits for rule in rules] == [1, 1]
    assert store.read_bytes(small) == BIG[:10_000] and store.read_bytes(large) == BIG


def test_a_broken_download_is_begun_again(s3_store: Store, s3_proxy: FaultyProxy, tmp_path) -> None:
    place = store.under(s3_store.uri, "x")
    store.write_bytes(place, BIG)
    rule = s3_proxy.rule(method="GET", path="/x", times=1, cut_after=1000)
    assert store.read_bytes(place) == BIG and rule.hits == 1
    s3_proxy.rule(method="GET", path="/x", cut_after=1000)
    with pytest.raises(DataError, match="cannot be reached"):
        store.get_file(place, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rule", "kind", "text"),
    [
        ({"status": 503}, DataError, "out of order or overloaded"),
        ({"status": 507}, DataError, "the store is full"),
        ({"status": 403, "code": "QuotaExceeded"}, DataError, "the store is full"),
        ({"status": 403}, DataError, "read-only: these credentials may not write here"),
        ({"status": 403, "code": "InvalidAccessKeyId"}, ConfigError, "wrong credentials"),
        ({"status": 400, "code": "ExpiredToken"}, ConfigError, "expired"),
        ({"wait": 1.3}, DataError, "did not answer in time"),
        ({"drop_after": 100}, DataError, "cannot be reached"),
    ],
    ids=str,
)
def test_a_store_that_stays_bad_ends_in_one_line_and_loses_nothing(
    s3_store: Store, s3_proxy: FaultyProxy, monkeypatch, rule, kind, text
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    place = store.under(s3_store.uri, "x")
    store.write_bytes(place, b"before")
    s3_proxy.rule(method="PUT", **rule)
    with pytest.raises(kind) as caught:
        store.write_bytes(place, b"x" * 1000)
    message = str(caught.value)
    assert message.startswith(f"{place}: ") and text in message and "\n" not in message
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in message
    s3_proxy.clear()
    assert store.read_bytes(place) in (b"before", b"x" * 1000 if "wait" in rule else b"")
    store.write_bytes(place, b"after")
    assert store.read_bytes(place) == b"after"


def test_places_that_are_not(s3_store: Store, monkeypatch, tmp_path: Path) -> None:
    for call in (
        lambda place: store.read_bytes(place),
        lambda place: store.exists(place),
        lambda place: store.listed(place),
        lambda place: store.write_bytes(place, b"x"),
        lambda place: store.get_file(place, tmp_path / "x"),
    ):
        with pytest.raises(ConfigError, match="s3://no-such-bucket/x: no such bucket"):
            call("s3://no-such-bucket/x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DataError, match=r"s3://b-1/x: the store cannot be reached.*AWS_ENDPOINT"):
        store.exists("s3://b-1/x")


def test_wrong_and_absent_credentials(monkeypatch, tmp_path: Path) -> None:
    with running_s3(env={"INITIAL_NO_AUTH_ACTION_COUNT": "1"}) as url:
        place = new_store(url, "guarded")
        use(place, monkeypatch)
        for call in (store.listed, store.read_bytes, store.exists):
            with pytest.raises(ConfigError, match="guarded/gsam: wrong credentials, expected AWS_"):
                call(place.uri)
        with pytest.raises(ConfigError, match="wrong credentials"):
            store.write_bytes(place.uri, b"x")
        for name in KEYS:
            monkeypatch.delenv(name)
        with pytest.raises(ConfigError, match="no credentials, expected AWS_ACCESS_KEY_ID"):
            store.write_bytes(place.uri, b"x")


def write(system, path: str, content: bytes) -> None:
    with system.open_output_stream(path) as stream:
        stream.write(content)


def test_pyarrow_reaches_the_same_store(s3_store: Store, s3_proxy: FaultyProxy) -> None:
    there = store.filesystem(store.under(s3_store.uri, "runs"))
    packed = pickle.dumps(there)
    assert not any(value.encode() in packed for value in KEYS.values())
    system, path = pickle.loads(packed)
    refused = s3_proxy.rule(method="PUT", times=1, status=503)
    broken = s3_proxy.rule(method="PUT", times=1, drop_after=2000)
    write(system, f"{path}/x", BIG)
    assert (refused.hits, broken.hits) == (1, 1)
    assert store.read_bytes(store.under(s3_store.uri, "runs", "x")) == BIG
    with system.open_input_stream(f"{path}/x") as stream:
        assert stream.read() == BIG


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"status": 503}, "out of order or overloaded"),
        ({"status": 507}, "the store is full"),
        ({"status": 403}, "may not write here"),
        ({"drop_after": 100}, "cannot be reached"),
    ],
    ids=str,
)
def test_what_pyarrow_raises_is_one_line_too(s3_store, s3_proxy, monkeypatch, rule, text) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    system, path = store.filesystem(s3_store.uri)
    s3_proxy.rule(method="PUT|POST", **rule)
    with pytest.raises(DataError, match=re.escape(text)) as caught, store.store_errors("s3://x"):
        write(system, f"{path}/x", b"x")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_dvc_pushes_and_pulls(
    s3_store: Store, s3_proxy: FaultyProxy, tmp_path: Path, monkeypatch
) -> None:
    def dvc(*arguments: str) -> None:
        command = [sys.executable, "-m", "dvc", *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr

    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    env = {**os.environ, **store.environment(), "DVC_NO_ANALYTICS": "1"}
    env |= {"DVC_SITE_CACHE_DIR": str(tmp_path / "s"), "DVC_GLOBAL_CONFIG_DIR": str(tmp_path / "g")}
    dvc("init", "-q", "--no-scm")
    options = [f"    {name} = {value}" for name, value in store.dvc_remote(s3_store.uri).items()]
    config = tmp_path / ".dvc/config.local"
    config.write_text("\n".join(["[core]", "    remote = s", "['remote \"s\"']", *options, ""]))
    (tmp_path / "x").write_bytes(BIG)
    dvc("add", "-q", "x")
    refused = s3_proxy.rule(method="PUT|POST", times=2, status=503)
    broken = s3_proxy.rule(method="PUT|POST", times=1, drop_after=1000)
    dvc("push", "-q")
    assert (refused.hits, broken.hits) == (2, 1)
    s3_proxy.rule(method="GET", times=2, status=503)
    (tmp_path / "x").unlink()
    subprocess.run(["rm", "-rf", tmp_path / ".dvc/cache"], check=True)
    dvc("pull", "-q")
    assert (tmp_path / "x").read_bytes() == BIG
    names = [entry.name for entry in store.listed(store.under(s3_store.uri, "dvc"))]
    assert len(names) == 1 and names[0].startswith("files/md5/")
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in (tmp_path / ".dvc/config.local").read_text()

"""Raw data at s3:// comes whole and once, over a network and a disk that fail."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig

from gsam.errors import ConfigError, DataError, GsamError, LicensedDataMissing
from pipelines import raw_fetch, raw_object
from pipelines.object_store import Entry, client, listed, split
from pipelines.raw_fetch import local_file, local_folder
from tests.faulty_proxy import FaultyProxy
from tests.s3_server import Store

MEGABYTE = 1 << 20
OBJECT = "/raw/.*npz"


@pytest.fixture
def raw(s3_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A location with three objects, and a workspace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(raw_fetch.CACHE_VARIABLE, raising=False)
    location = f"s3://{split(s3_store.uri)[0]}/raw"
    for name, content in CONTENT.items():
        put(location, name, content)
    return location


CONTENT = {"poses.npz": b"p" * 1000, "S1/Videos/a.mp4": b"video", "empty.txt": b""}


def put(location: str, name: str, content: bytes) -> None:
    bucket, key = split(f"{location}/{name}")
    client().put_object(Bucket=bucket, Key=key, Body=content)


def remove(location: str, name: str) -> None:
    bucket, key = split(f"{location}/{name}")
    client().delete_object(Bucket=bucket, Key=key)


def contents(location: str, *wanted: str) -> dict[str, bytes]:
    with local_folder(location, *wanted) as folder:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def gets(proxy: FaultyProxy) -> list[str]:
    """The objects that were read through the proxy."""
    return [path for method, path in proxy.calls if method == "GET" and "list-type" not in path]


def test_a_local_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    with local_folder(str(tmp_path / "none")) as folder, local_file("boxes.json") as file:
        assert (folder, file) == (tmp_path / "none", Path("boxes.json"))
    with pytest.raises(DataError, match=f"{tmp_path}: bad"), local_folder(str(tmp_path)):
        raise DataError(f"{tmp_path}: bad")


def test_what_was_fetched_is_not_asked_for_again(raw: str, s3_proxy: FaultyProxy) -> None:
    assert contents(f"{raw}/") == CONTENT
    assert len(gets(s3_proxy)) == 2  # nothing to ask for of an empty one
    assert contents(raw) == CONTENT
    assert len(gets(s3_proxy)) == 2


def test_changes_come_and_what_is_gone_goes(raw: str, s3_proxy: FaultyProxy) -> None:
    contents(raw)
    put(raw, "poses.npz", b"q" * 1000)
    remove(raw, "S1/Videos/a.mp4")
    s3_proxy.calls.clear()
    with local_folder(raw) as folder:
        assert (folder / "poses.npz").read_bytes() == b"q" * 1000
        assert not (folder / "S1").exists()
    assert len(gets(s3_proxy)) == 1


def test_a_copy_that_somebody_edited_is_fetched_again(raw: str) -> None:
    with local_folder(raw) as folder:
        (folder / "poses.npz").write_bytes(b"r" * 1000)
    assert contents(raw) == CONTENT


def test_only_what_is_wanted_is_fetched(raw: str) -> None:
    put(raw, "rawer/x.npz", b"")
    assert set(contents(raw, "*.npz", "S*/[Vv]ideos/*")) == {*CONTENT, "rawer/x.npz"} - {
        "empty.txt"
    }
    assert set(contents(raw)) == {*CONTENT, "rawer/x.npz"}


def test_a_file_comes_with_those_of_its_name(raw: str) -> None:
    for name in ("yolo[3].cfg", "yolo[3].weights", "yolo3.cfg"):
        put(raw, name, name.encode())
    with local_file(f"{raw}/yolo[3].cfg") as file:
        assert sorted(path.name for path in file.parent.iterdir()) == [
            "yolo[3].cfg",
            "yolo[3].weights",
        ]
        assert file.read_bytes() == b"yolo[3].cfg"


def test_an_absent_prefix_is_an_absent_folder(raw: str) -> None:
    missing = pytest.raises(LicensedDataMissing, match=f"^put it into {raw}x$")
    with missing, local_folder(f"{raw}x") as folder:
        assert not folder.exists()
        raise LicensedDataMissing(f"put it into {folder}")


def test_errors_name_the_location_not_the_copy(raw: str) -> None:
    with pytest.raises(DataError) as caught, local_folder(raw) as folder:
        path = folder / "poses.npz"
        raise DataError(f"{path}: not an archive ({path.resolve()})")
    assert str(caught.value) == f"{raw}/poses.npz: not an archive ({raw}/poses.npz)"


def test_a_connection_that_breaks_off_goes_on_where_it_was(raw: str, s3_proxy: FaultyProxy) -> None:
    content = os.urandom(5 * MEGABYTE)
    put(raw, "big.npz", content)
    # Without ranges it would never come to its end.
    rule = s3_proxy.rule(method="GET", path=OBJECT, cut_after=2 * MEGABYTE)
    assert contents(raw, "big.npz")["big.npz"] == content
    assert rule.hits == 3


def test_broken_off_for_good_is_one_line_and_the_next_time_goes_on(
    raw: str, s3_proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_object, "FRUITLESS", 2)
    content = os.urandom(3 * MEGABYTE)
    put(raw, "big.npz", content)
    s3_proxy.rule(method="GET", path=OBJECT, cut_after=2 * MEGABYTE, times=1)
    s3_proxy.rule(method="GET", path=OBJECT, cut_after=1000)
    with pytest.raises(DataError, match=f"^{raw}/big.npz: the connection broke off again and"):
        contents(raw)
    s3_proxy.clear()
    # What came before is not asked for again.
    s3_proxy.rule(method="GET", path="/raw/big.npz", cut_after=MEGABYTE + 300_000)
    assert contents(raw) == CONTENT | {"big.npz": content}


def test_a_busy_store_is_asked_again(raw: str, s3_proxy: FaultyProxy) -> None:
    rule = s3_proxy.rule(method="GET", status=503, times=2)
    assert contents(raw) == CONTENT
    assert rule.hits == 2


@pytest.mark.parametrize(
    ("status", "code", "error", "text"),
    [
        (403, "InvalidAccessKeyId", ConfigError, "wrong credentials"),
        (403, "AccessDenied", DataError, "may not read here"),
        (404, "NoSuchBucket", ConfigError, "no such bucket"),
    ],
)
def test_what_the_store_refuses_is_one_line(
    raw: str, s3_proxy: FaultyProxy, status: int, code: str, error: type[GsamError], text: str
) -> None:
    s3_proxy.rule(method="GET", status=status, code=code)
    with pytest.raises(error, match=f"^{raw}: .*{text}"):
        contents(raw)


def test_one_refused_object_ends_the_others(raw: str, s3_proxy: FaultyProxy) -> None:
    s3_proxy.rule(method="GET", path=OBJECT, status=403)
    with pytest.raises(DataError, match=f"^{raw}/poses.npz: these credentials may not read here"):
        contents(raw)


@contextmanager
def whole_part(raw: str, name: str, content: bytes) -> Iterator[None]:
    """What an earlier attempt has left, as long as the object but perhaps not the same."""
    copy = raw_fetch._Copy(raw)
    entry = next(entry for entry in listed(raw) if entry.name == name)
    copy.parts.mkdir(parents=True)
    copy._part(entry).write_bytes(content)
    yield
    assert not list(copy.parts.iterdir())


def test_what_a_killed_process_had_fetched_is_used(raw: str, s3_proxy: FaultyProxy) -> None:
    with whole_part(raw, "poses.npz", CONTENT["poses.npz"]):
        assert contents(raw) == CONTENT
    assert len(gets(s3_proxy)) == 1


@pytest.mark.parametrize("content", [b"z" * 1000, b"z" * 2000], ids=["damaged", "too long"])
def test_damaged_parts_are_fetched_again(raw: str, content: bytes) -> None:
    with whole_part(raw, "poses.npz", content):
        assert contents(raw) == CONTENT


def test_parts_of_an_older_object_are_dropped(raw: str) -> None:
    with whole_part(raw, "poses.npz", b"p" * 500):
        put(raw, "poses.npz", b"q" * 900)
        assert contents(raw)["poses.npz"] == b"q" * 900


def test_objects_stored_in_parts_are_held_to_their_parts(raw: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(os.urandom(12 * MEGABYTE))
    bucket, key = split(f"{raw}/parts.npz")
    cut = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * MEGABYTE)
    client().upload_file(str(whole), bucket, key, Config=cut)
    damaged = bytearray(whole.read_bytes())
    damaged[7 * MEGABYTE] ^= 1
    with whole_part(raw, "parts.npz", bytes(damaged)):
        assert contents(raw, "parts.npz")["parts.npz"] == whole.read_bytes()
    assert next(entry.etag for entry in listed(raw) if entry.name == "parts.npz").endswith("-3")


def test_a_checksum_that_never_fits_is_one_line(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_object, "_md5_of", lambda *_: "0" * 32)
    with pytest.raises(DataError, match=f"^{raw}/.*: came twice with another checksum"):
        contents(raw)
    assert not contents(raw, "no such")


def test_an_etag_that_is_no_checksum_leaves_the_size(
    raw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, key = split(f"{raw}/secret.npz")
    client().put_object(Bucket=bucket, Key=key, Body=b"s", ServerSideEncryption="aws:kms")
    monkeypatch.setattr(raw_object, "_md5_of", lambda *_: "0" * 32)
    assert contents(raw, "secret.npz") == {"secret.npz": b"s"}


def test_an_object_that_changes_meanwhile_is_one_line(
    raw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_fetch, "listed", lambda _: [Entry("poses.npz", 1000, "0" * 32)])
    with pytest.raises(DataError, match=f"^{raw}/poses.npz: changed or went away"):
        contents(raw)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["../out"], r"'\.\./out', expected names of files"),
        (["a//b"], "'a//b', expected names of files"),
        (["a", "a/b"], "'a' is an object and a folder"),
    ],
)
def test_names_that_no_file_can_have_are_refused(
    raw: str, monkeypatch: pytest.MonkeyPatch, names: list[str], text: str
) -> None:
    monkeypatch.setattr(raw_fetch, "listed", lambda _: [Entry(name, 1, "") for name in names])
    with pytest.raises(DataError, match=f"^{raw}: .*{text}"):
        contents(raw)


def test_too_small_a_disk_is_said_before(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil._ntuple_diskusage(1000, 1000, 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(DataError, match=rf"^{raw}: 1 kB to fetch, 3 B free in .*GSAM_RAW_CACHE"):
        contents(raw)


def test_the_cache_may_lie_elsewhere(
    raw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(raw_fetch.CACHE_VARIABLE, str(tmp_path / "cache"))
    assert contents(raw) == CONTENT
    assert (tmp_path / "cache").is_dir() and not (tmp_path / ".gsam").exists()
    monkeypatch.setenv(raw_fetch.CACHE_VARIABLE, os.devnull)
    with pytest.raises(ConfigError, match=f"^{os.devnull}/.*: not a folder"):
        contents(raw)


def test_a_torn_record_costs_one_file(raw: str, s3_proxy: FaultyProxy) -> None:
    contents(raw)
    record = next(Path(".gsam/raw").glob("*/fetched.jsonl"))
    record.write_text(record.read_text()[:-10])
    before = len(gets(s3_proxy))
    assert contents(raw) == CONTENT
    after = len(gets(s3_proxy))
    assert after <= before + 1
    assert contents(raw) == CONTENT
    assert len(gets(s3_proxy)) == after


def test_two_at_once_fetch_everything_once(raw: str, s3_proxy: FaultyProxy) -> None:
    s3_proxy.rule(method="GET", path=OBJECT, wait=0.3)
    found: list[dict[str, bytes]] = []
    both = [threading.Thread(target=lambda: found.append(contents(raw))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert found == [CONTENT, CONTENT]
    assert len(gets(s3_proxy)) == 2

"""The shared store where it is a folder, the variables that name it, and errors in one line."""

import errno
from pathlib import Path

import pytest
from pyarrow import fs

from gsam.errors import ConfigError, DataError
from pipelines import object_store as store
from pipelines.store_errors import store_problem


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", None),
        ("s3://my-bucket", "s3://my-bucket"),
        ("s3://my-bucket/a/b/", "s3://my-bucket/a/b"),
        ("/mnt/shared/gsam/", "/mnt/shared/gsam"),
    ],
)
def test_the_store_is_named_by_one_variable(monkeypatch, given, expected) -> None:
    monkeypatch.setenv("GSAM_STORE", given)
    assert store.store_root() == expected


@pytest.mark.parametrize("given", ["shared/gsam", "gs://bucket/x", "s3://", "s3://Bad_Bucket/x"])
def test_a_store_that_cannot_be_is_refused(monkeypatch, given) -> None:
    monkeypatch.setenv("GSAM_STORE", given)
    with pytest.raises(ConfigError, match=r"expected s3://bucket/prefix"):
        store.store_root()


def test_an_endpoint_without_a_scheme_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL = localhost:9000: expected http"):
        store.client()


def test_places_and_their_parts() -> None:
    assert store.under("s3://b-1/p/", "runs", "x") == "s3://b-1/p/runs/x"
    assert store.under("/mnt/x", "dvc") == "/mnt/x/dvc"
    assert store.split("s3://b-1/p/q/") == ("b-1", "p/q")
    assert store.split("s3://b-1") == ("b-1", "")
    assert store.is_remote("s3://b-1") and not store.is_remote(Path("/mnt/x"))


def test_a_folder_does_what_a_bucket_does(tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    place = store.under(root, "a", "b.bin")
    assert store.listed(root) == [] and not store.exists(place)
    with pytest.raises(store.NotThere, match=f"{place}: not there"):
        store.read_bytes(place)
    store.write_bytes(place, b"one")
    store.write_bytes(place, b"three")
    store.put_file(place, store.under(root, "c"))
    store.get_file(store.under(root, "c"), tmp_path / "back")
    assert store.read_bytes(place) == b"three" == (tmp_path / "back").read_bytes()
    assert store.listed(root) == [store.Entry("a/b.bin", 5, ""), store.Entry("c", 5, "")]
    store.delete(place)
    store.delete(place)
    assert [entry.name for entry in store.listed(root)] == ["c"]
    store.delete_tree(root)
    store.delete_tree(root)
    assert not Path(root).exists()


def test_a_folder_where_a_file_stands_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    place = str(tmp_path / "file" / "x")
    with pytest.raises(DataError, match=f"{place}: ") as caught:
        store.write_bytes(place, b"x")
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch) -> None:
    place = str(tmp_path / "x")
    store.write_bytes(place, b"before")

    def full(path: Path, data: bytes) -> int:
        path.open("wb").write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=f"{place}: the disk is full"):
        store.write_bytes(place, b"afterwards")
    assert store.read_bytes(place) == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.EROFS, "read-only file system"),
        (errno.EACCES, "permission denied"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disks_complaints(code: int, text: str) -> None:
    problem = store_problem(OSError(code, "Input/output error"), "/mnt/x")
    assert isinstance(problem, DataError) and text in str(problem)


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ("AWS Error ACCESS_DENIED during PutObject operation: no", DataError, "may not write here"),
        ("AWS Error ACCESS_DENIED during GetObject operation: no", DataError, "may not read here"),
        ("AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation", ConfigError, "no such bucket"),
        ("AWS Error INVALID_ACCESS_KEY_ID during X operation", ConfigError, "wrong credentials"),
        ("AWS Error NETWORK_CONNECTION during PutObject operation: 7", DataError, "be reached"),
        (
            "AWS Error NETWORK_CONNECTION during PutObject operation: Timeout was reached",
            DataError,
            "did not answer in time",
        ),
        ("AWS Error UNKNOWN (HTTP status 507) during UploadPart operation", DataError, "is full"),
        ("AWS Error UNKNOWN (HTTP status 503) during UploadPart operation", DataError, "overload"),
    ],
)
def test_what_pyarrow_says_of_a_store(said: str, kind: type[Exception], text: str) -> None:
    problem = store_problem(OSError(f"When doing things with 'k': {said}"), "s3://b-1/k")
    assert type(problem) is kind and text in str(problem)


def test_other_errors_pass() -> None:
    assert store_problem(RuntimeError("shapes differ"), "s3://b-1") is None
    with pytest.raises(KeyError), store.store_errors("s3://b-1"):
        raise KeyError("weights")


def test_dvc_remote_of_a_folder() -> None:
    assert store.dvc_remote("/mnt/x") == {"url": "/mnt/x/dvc"}


def test_the_file_system_of_a_folder(tmp_path: Path) -> None:
    system, path = store.filesystem(tmp_path / "a" / ".." / "b")
    assert isinstance(system, fs.LocalFileSystem) and path == str(tmp_path.resolve() / "b")

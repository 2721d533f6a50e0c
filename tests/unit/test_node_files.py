"""Folders for other nodes: used where they are seen unchanged, else copied whole and once."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from gsam.errors import DataError
from pipelines import node_files
from pipelines.node_files import Server, Shipped, Tree


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another node's temporary folder."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(node_files.tempfile, "gettempdir", lambda: str(place))
    monkeypatch.setattr(node_files, "_node", lambda: "10.0.0.2")
    monkeypatch.setattr(node_files, "CHUNK", 1000)
    monkeypatch.setattr(node_files, "ENDS", 100)
    return place


def write(folder: Path) -> Path:
    folder.mkdir()
    (folder / "table.parquet").write_bytes(os.urandom(3500))
    (folder / "deep").mkdir()
    (folder / "deep" / "shard.tar").write_bytes(os.urandom(1000))
    (folder / "empty").touch()
    return folder


def shipped(monkeypatch: pytest.MonkeyPatch, *trees: Tree) -> Shipped:
    """What a worker elsewhere has: an actor that reads in this process."""
    import ray

    reads: list[tuple[str, str, int]] = []

    def remote(*chunk: str | int) -> bytes:
        reads.append(chunk)  # type: ignore[arg-type]
        return Server(trees).read(*chunk)  # type: ignore[arg-type]

    monkeypatch.setattr(ray, "get", lambda answer: answer)
    return Shipped(trees, SimpleNamespace(read=SimpleNamespace(remote=remote), reads=reads))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def moved(folder: Path) -> Path:
    """The folder is not where it was: as on another disk."""
    return folder.rename(folder.with_name(f"{folder.name}-of-the-driver"))


def test_who_sees_the_same_files_reads_them_where_they_are(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "clips")
    files = shipped(monkeypatch, Tree.of(folder))
    assert files.path(folder) == folder and files.path(str(folder)) == folder
    assert not list(temporary.iterdir()) and not files.server.reads


def test_a_ray_of_this_machine_alone_ships_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert Shipped.of(tmp_path) == Shipped()
    assert Shipped().path(tmp_path / "any") == tmp_path / "any"


@pytest.mark.parametrize("change", ["absent", "rewritten", "longer", "one more", "touched"])
def test_other_files_at_the_same_place_are_not_taken_for_them(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    folder = write(tmp_path / "clips")
    tree = Tree.of(folder)
    table = folder / "table.parquet"
    if change == "absent":
        moved(folder)
    elif change == "rewritten":
        status = table.stat()
        table.write_bytes(os.urandom(3500))
        os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "longer":
        table.write_bytes(table.read_bytes() + b"x")
    elif change == "one more":
        (folder / "more").touch()
    else:
        os.utime(table)
    assert not tree.is_here()


def test_a_folder_is_copied_once_for_all_processes_of_a_node(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "clips")
    expected = contents(folder)
    tree = Tree.of(folder)
    real = moved(folder)
    files = shipped(monkeypatch, tree)
    monkeypatch.setattr(
        Server, "read", lambda self, _, name, start: (real / name).read_bytes()[start:][:1000]
    )
    copy = files.path(folder)
    assert copy.name == "clips" and temporary in copy.parents
    assert contents(copy) == expected
    count = len(files.server.reads)
    assert count == 5  # 4 chunks and 1; none for an empty file
    assert files.path(folder) == copy and len(files.server.reads) == count
    assert (copy.parents[1].stat().st_mode & 0o777) == 0o700


def test_files_of_one_folder_stay_beside_each_other(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "yolo")
    tree = Tree.of(folder, ("empty", "table.parquet"))
    real = moved(folder)
    files = shipped(monkeypatch, tree)
    monkeypatch.setattr(
        Server, "read", lambda self, _, name, start: (real / name).read_bytes()[start:][:1000]
    )
    first, second = files.path(folder / "empty"), files.path(folder / "table.parquet")
    assert first.parent == second.parent
    assert second.read_bytes() == (real / "table.parquet").read_bytes()
    assert not (first.parent / "deep").exists()
    assert files.path(folder / "deep") == folder / "deep"


@pytest.mark.parametrize("what", ["full", "changed"])
def test_a_copy_that_fails_leaves_nothing_and_says_where(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder = write(tmp_path / "clips")
    tree = Tree.of(folder)
    moved(folder)
    files = shipped(monkeypatch, tree)

    def read(self: Server, *chunk: object) -> bytes:
        if what == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return b"short"

    monkeypatch.setattr(Server, "read", read)
    expected = "10.0.0.2: No space" if what == "full" else "changed while node 10.0.0.2 copied it"
    with pytest.raises(DataError, match=expected):
        files.path(folder)
    assert not [path for path in temporary.rglob("*") if path.is_dir() and path.parent != temporary]


def test_the_server_reads_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "clips")
    (tmp_path / "secret").write_text("x")
    with pytest.raises(KeyError):
        Server((Tree.of(folder),)).read(str(folder), "../secret", 0)


def test_copies_that_nobody_uses_make_room(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = temporary / "old"
    old.mkdir()
    os.utime(old, (0, 0))
    used = temporary / "used"
    used.mkdir()
    os.utime(used, (0, 0))
    with (temporary / "used.lock").open("wb") as lock:
        node_files.fcntl.flock(lock, node_files.fcntl.LOCK_SH)
        node_files._make_room(temporary)
    assert not old.exists() and used.exists()

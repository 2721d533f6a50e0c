"""Where runs keep what they finish, by the variables that name it; disks that fail."""

import errno
import os
from pathlib import Path

import pytest
from pyarrow import fs

from gsam.errors import ConfigError, DataError
from pipelines.detect_storage import ShardStorage
from pipelines.object_store import delete_tree
from pipelines.run_storage import RunStorage, shared_runs

RUN = {"name": "tiny", "lifter": {}, "train": {}, "windows": {}, "workers": 0}


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GSAM_STORE", "GSAM_RUN_STORAGE"):
        monkeypatch.delenv(name, raising=False)


def storage(device: str | None = None) -> RunStorage:
    return RunStorage(RUN, 0, "hash", device)


def test_without_a_store_it_lies_in_the_workspace(tmp_path: Path) -> None:
    assert shared_runs() is None
    assert storage().root == str(tmp_path / ".gsam/runs")
    assert ShardStorage.named("a-1").folder == str(tmp_path / ".gsam/detect/a-1")


@pytest.mark.parametrize(
    ("store", "runs", "expected"),
    [
        ("/mnt/gsam", "", "/mnt/gsam/runs"),
        ("s3://bucket/gsam/", "", "s3://bucket/gsam/runs"),
        ("s3://bucket/gsam", "/mnt/runs/", "/mnt/runs"),
        ("", "s3://bucket/r/", "s3://bucket/r"),
    ],
)
def test_one_variable_names_it_and_another_has_the_last_word(
    monkeypatch, store: str, runs: str, expected: str
) -> None:
    monkeypatch.setenv("GSAM_STORE", store)
    monkeypatch.setenv("GSAM_RUN_STORAGE", runs)
    made = storage()
    assert made.root == expected and made.location == f"{expected}/{made.name}"
    assert ShardStorage.named("a-1").folder == f"{expected}/detect-a-1"


def test_a_relative_folder_is_the_workspaces(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GSAM_RUN_STORAGE", "kept")
    assert storage().root == str(tmp_path / "kept")
    system, path = storage().filesystem()
    assert isinstance(system, fs.LocalFileSystem) and path == str(tmp_path / "kept")


@pytest.mark.parametrize("given", ["gs://bucket/x", "s3:///x", "file:///mnt"])
def test_a_place_of_another_kind_is_refused(monkeypatch, given: str) -> None:
    monkeypatch.setenv("GSAM_RUN_STORAGE", given)
    with pytest.raises(ConfigError, match=f"{given}: expected s3://bucket/prefix"):
        storage()


def test_another_kind_of_device_has_another_name() -> None:
    assert storage("cpu").name != storage("cuda").name
    assert storage("cpu").name.startswith("tiny-seed0-")


def test_checkpoints_in_a_folder(tmp_path: Path) -> None:
    made = storage()
    keeper = made.keeper(print)
    assert keeper.load() is None
    for epoch in (1, 2, 3):
        keeper.save(epoch, {"epoch": epoch})
    assert keeper.load() == {"epoch": 3}
    assert sorted(os.listdir(made.location)) == ["000002.ckpt", "000003.ckpt"]
    delete_tree(made.location)
    delete_tree(made.location)
    assert keeper.load() is None and not Path(made.location).exists()


def test_a_full_disk_is_one_line_and_loses_nothing(monkeypatch) -> None:
    told: list[str] = []
    keeper = storage().keeper(told.append)
    keeper.save(1, {"epoch": 1})

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DataError, match=r"\.gsam/runs/tiny-seed0-\w+: the disk is full$"):
            keeper.save(2, {"epoch": 2})
    assert keeper.load() == {"epoch": 1} and told == []

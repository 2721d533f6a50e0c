"""Run storage that a node does not see, or may not write to, is told in one line."""

import copy
import shutil
from pathlib import Path

import pytest

from gsam.errors import ConfigError, DataError, GsamError
from pipelines import shared_storage
from pipelines.shared_storage import SharedStorage


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_who_sees_the_token_may_work_and_nothing_stays_behind(tmp_path: Path) -> None:
    with SharedStorage(str(tmp_path)) as storage:
        there = copy.deepcopy(storage)
        there.look("10.0.0.2")
        there.touch("10.0.0.2")
        assert (Path(storage.probe) / "10.0.0.2").exists()
    assert not list(tmp_path.iterdir())


def test_another_disk_is_noticed_by_the_node(tmp_path: Path) -> None:
    with SharedStorage(str(tmp_path)) as storage:
        shutil.rmtree(storage.probe)
        with pytest.raises(
            DataError, match=r"not shared: node 10\.0\.0\.2 does not see it"
        ) as said:
            storage.look("10.0.0.2")
    assert "set GSAM_STORE to s3://" in str(said.value) and "\n" not in str(said.value)


def test_what_the_store_says_on_a_node_keeps_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise ConfigError("s3://bucket: no credentials")

    with SharedStorage(str(tmp_path)) as storage:
        monkeypatch.setattr(shared_storage, "write_bytes", refused)
        with pytest.raises(ConfigError, match=r"node 10\.0\.0\.2: s3://bucket: no credentials"):
            storage.touch("10.0.0.2")
        monkeypatch.setattr(shared_storage, "read_bytes", refused)
        with pytest.raises(ConfigError, match=r"node 10\.0\.0\.2"):
            storage.look("10.0.0.2")
        assert isinstance(shared_storage._check(storage, "10.0.0.2"), ConfigError)


def test_storage_that_fails_later_hides_no_other_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise DataError("store is gone")

    with pytest.raises(DataError, match="checkpoint lost"), SharedStorage(str(tmp_path)):
        monkeypatch.setattr(shared_storage, "delete_tree", broken)
        raise DataError("checkpoint lost")
    with pytest.raises(GsamError, match="store is gone"), SharedStorage(str(tmp_path)):
        pass

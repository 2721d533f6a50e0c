"""Finished stages pass from job to job, also those whose files git keeps."""

import shutil
from pathlib import Path

import pytest
import yaml

from cluster.finished import FinishedStages, read_lock
from cluster.remote import add_remote, use_remote
from gsam.errors import GsamError
from tests.submit_project import clone, dvc, make_project

REPRO = ("--wait-for-lock", "repro", "--pull")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never run; `done` beside it is, and has pushed to `store`."""
    folder = tmp_path_factory.mktemp("finished")
    made = make_project(folder / "project")
    done = clone(made, folder / "done")
    use_remote(done, str(folder / "store"))
    finished = FinishedStages(done, str(folder / "store"))
    assert finished.fetch() == 0
    dvc(done, *REPRO)
    assert finished.pending() and finished.push() > 0
    assert not finished.pending() and finished.push() == 0
    return made


def checkout(project: Path, folder: Path) -> tuple[Path, FinishedStages]:
    made = clone(project, folder / "checkout")
    store = str(project.parent / "store")
    use_remote(made, store)
    return made, FinishedStages(made, store)


def test_a_checkout_with_the_old_lock_runs_nothing(project: Path, tmp_path: Path) -> None:
    made, finished = checkout(project, tmp_path)
    assert finished.fetch() == 4
    output = dvc(made, *REPRO)
    assert "Running stage" not in output and output.count("is cached - skipping run") == 4
    done = project.parent / "done"
    assert read_lock(made) == read_lock(done)
    for name in ("table.txt", "results/one.json", "models/two", "data/copy.txt"):
        assert (made / name).read_bytes() == (done / name).read_bytes()


def test_one_change_runs_what_it_touches_alone(project: Path, tmp_path: Path) -> None:
    made, finished = checkout(project, tmp_path)
    finished.fetch()
    (made / "params.yaml").write_text("lr: 2\n")
    output = dvc(made, *REPRO)
    assert "Stage 'prepare' is cached" in output
    assert "Running stage 'train@one'" in output and "Running stage 'table'" in output


def test_a_save_amid_a_stage_takes_what_is_whole(project: Path, tmp_path: Path) -> None:
    made, _ = checkout(project, tmp_path)
    store = str(tmp_path / "other")
    use_remote(made, store)
    finished = FinishedStages(made, store)
    dvc(made, "repro")
    # As while train@one runs again: DVC has removed its outs, and the table waits for them.
    (made / "results/one.json").unlink()
    (made / "models/one").unlink()
    assert finished.push() > 0
    assert FinishedStages(made, store).fetch() == 2


def test_an_entry_whose_files_are_still_on_their_way_waits(project: Path, tmp_path: Path) -> None:
    """DVC enters a stage in its run cache before the files are in the cache."""
    made, _ = checkout(project, tmp_path)
    store = str(tmp_path / "other")
    use_remote(made, store)
    finished = FinishedStages(made, store)
    dvc(made, "repro", "prepare")
    shutil.move(made / ".dvc/cache/files", tmp_path / "files")
    shutil.rmtree(made / "data")
    finished.push()
    assert FinishedStages(made, store).fetch() == 0
    shutil.move(tmp_path / "files", made / ".dvc/cache/files")
    dvc(made, "checkout", "data")
    assert finished.push() > 0 and FinishedStages(made, store).fetch() == 1


def test_a_lock_that_is_being_written_is_left_for_later(project: Path, tmp_path: Path) -> None:
    made, finished = checkout(project, tmp_path)
    (made / "dvc.lock").write_text("schema: '2.0'\nstages:\n  prepare:\n    cmd: {a")
    assert read_lock(made) is None
    assert finished.pending() and finished.push() == 0 and finished.pending()


def test_a_store_that_takes_nothing_is_one_line_and_nothing_is_promised(
    project: Path, tmp_path: Path
) -> None:
    made, _ = checkout(project, tmp_path)
    store = tmp_path / "other"
    store.mkdir()
    use_remote(made, str(store))
    finished = FinishedStages(made, str(store))
    dvc(made, "repro")
    (store / "dvc").write_text("a file where a folder should be")
    with pytest.raises(GsamError) as caught:
        finished.push()
    assert "\n" not in str(caught.value) and not (store / "stages").exists()
    (store / "dvc").unlink()
    assert finished.pending() and finished.push() > 0


def test_a_checkout_learns_the_store_and_keeps_its_own_remote(
    project: Path, tmp_path: Path
) -> None:
    store = str(project.parent / "store")
    made = clone(project, tmp_path / "own")
    assert add_remote(made, store) == "dvc pull" == add_remote(made, store)
    shutil.copy(project.parent / "done/dvc.lock", made)
    dvc(made, "pull")
    assert (made / "models/one").exists()
    (made / ".dvc/config.local").write_text(
        "[core]\n    remote = mine\n['remote \"mine\"']\n    url = /mine\n"
    )
    assert add_remote(made, store) == "dvc pull -r gsam"
    kept = (made / ".dvc/config.local").read_text()
    assert "remote = mine" in kept and "/mine" in kept and store in kept


def test_read_lock_knows_an_absent_one_from_a_broken_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"a": {"cmd": "b"}}}))
    assert read_lock(tmp_path) == {"a": {"cmd": "b"}}
    (tmp_path / "dvc.lock").write_text("")
    assert read_lock(tmp_path) is None

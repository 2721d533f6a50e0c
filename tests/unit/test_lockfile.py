"""What a kill of DVC leaves half-written is put back, and nothing that is whole is touched."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from cluster import lockfile
from stages.common import LOCK_COPIES, copy_lock


def lock_of(*stages: str, md5: str = "0" * 32) -> str:
    """A dvc.lock as DVC writes it."""
    content = {"schema": "2.0", "stages": {}}
    for stage in stages:
        content["stages"][stage] = {
            "cmd": f"make {stage}",
            "deps": [{"path": "in", "hash": "md5", "md5": md5, "size": 3}],
            "outs": [{"path": f"out/{stage}", "hash": "md5", "md5": md5, "size": 3}],
        }
    return yaml.safe_dump(content, sort_keys=False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)
    return tmp_path


def git(*arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


WHOLE = lock_of("a", "b@1", "c")


@pytest.mark.parametrize("size", [0, 1, 40, WHOLE.index("stages:") + 8, len(WHOLE) - 1])
def test_a_lock_file_cut_anywhere_comes_back(workspace: Path, size: int) -> None:
    lockfile.LOCK.write_text(WHOLE)
    assert lockfile.heal() == []
    lockfile.LOCK.write_text(WHOLE[:size])
    (line,) = lockfile.heal()
    assert "dvc.lock was cut short" in line and "3 stages" in line and str(LOCK_COPIES) in line
    assert lockfile.LOCK.read_text() == WHOLE
    assert lockfile.heal() == []


def test_cut_at_the_end_of_a_stage_it_reads_well_and_yet_comes_back(workspace: Path) -> None:
    lockfile.LOCK.write_text(WHOLE)
    copy_lock()
    lockfile.LOCK.write_text(lock_of("a", "b@1"))
    assert len(lockfile.heal()) == 1
    assert lockfile.LOCK.read_text() == WHOLE


def test_what_was_written_before_the_cut_is_kept(workspace: Path) -> None:
    """DVC was writing what it had finished: the stages before the cut are newer than the copy's."""
    lockfile.LOCK.write_text(WHOLE)
    copy_lock()
    newer = lock_of("a", "b@1", "c", md5="1" * 32)
    lockfile.LOCK.write_text(newer[: newer.index("  c:") - 20])
    assert len(lockfile.heal()) == 1
    text = lockfile.LOCK.read_text()
    found = lockfile.entries(text, ["a", "b@1", "c"])
    assert [entry["outs"][0]["md5"][0] for entry in found.values()] == ["1", "0", "0"]
    assert lockfile.in_order(newer, "a")[: newer.index("  b@1")] == text[: text.index("  b@1")]


def test_a_shorter_lock_file_that_git_knows_stays(workspace: Path) -> None:
    git("init", "-q")
    lockfile.LOCK.write_text(lock_of("a"))
    git("add", "dvc.lock")
    lockfile.LOCK.write_text(WHOLE)
    copy_lock()
    lockfile.LOCK.write_text(lock_of("a"))
    assert lockfile.heal() == []
    assert lockfile.names(lockfile.LOCK.read_text()) == ["a"]


def test_a_copy_taken_while_dvc_was_writing_is_passed_over(workspace: Path) -> None:
    lockfile.LOCK.write_text(WHOLE)
    copy_lock()
    lockfile.LOCK.write_text("schema: '2.0'\nstages:\n  a:\n")
    copy_lock()
    lockfile.LOCK.write_text("schema")
    lockfile.heal()
    assert lockfile.LOCK.read_text() == WHOLE


def test_without_copies_gits_version_serves_and_without_git_none(workspace: Path) -> None:
    git("init", "-q")
    lockfile.LOCK.write_text(WHOLE)
    git("add", "dvc.lock")
    git("commit", "-qm", "results")
    lockfile.LOCK.write_text(WHOLE[:50])
    assert "git's last commit, 3 stages" in lockfile.heal()[0]
    assert lockfile.LOCK.read_text() == WHOLE


def test_without_any_copy_stages_run_again(workspace: Path) -> None:
    lockfile.LOCK.write_text("")
    assert "removed" in lockfile.heal()[0]
    assert not lockfile.LOCK.exists()
    assert lockfile.heal() == []


def test_a_table_of_locks_cut_short_is_removed_and_a_whole_one_kept(workspace: Path) -> None:
    table = lockfile.DVC_TMP / "rwlock"
    table.write_text('{"read": {}, "wri')
    assert "rwlock was cut short" in lockfile.heal()[0]
    assert not table.exists()
    table.write_text("{}")
    assert lockfile.heal() == []
    assert table.exists()


def test_what_dvc_is_writing_now_is_not_taken_for_damage(workspace: Path) -> None:
    """Whoever heals waits for the lock that DVC holds, and looks again."""
    lockfile.LOCK.write_text(WHOLE[:30])
    code = (
        "import sys, time; from cluster.lockfile import LOCK, held\n"
        "with held():\n"
        "    print('held', flush=True); sys.stdin.read(); LOCK.write_text(sys.argv[1])"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, lock_of("a", "new")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert writer.stdout.readline() == "held\n"
    threading.Timer(0.3, writer.stdin.close).start()
    assert lockfile.heal() == []
    assert writer.wait() == 0
    assert lockfile.names(lockfile.LOCK.read_text()) == ["a", "new"]


def test_few_copies_are_kept_and_a_folder_that_takes_none_is_no_error(workspace: Path) -> None:
    copy_lock()  # there is no dvc.lock
    for stage in "abcde":
        lockfile.LOCK.write_text(lock_of(stage))
        copy_lock()
    kept = [lockfile.names(path.read_text()) for path in sorted(LOCK_COPIES.iterdir())]
    assert kept == [["c"], ["d"], ["e"]]
    for path in LOCK_COPIES.iterdir():
        path.unlink()
    LOCK_COPIES.rmdir()
    LOCK_COPIES.write_text("a file in its place")
    copy_lock()


def test_stages_change_places_byte_for_byte(workspace: Path) -> None:
    ordered = lockfile.in_order(lock_of("c", "b@1", "a", "z"), ["a", "b@1", "missing", "c"])
    assert ordered == lock_of("a", "b@1", "c", "z")
    with_tail = lock_of("b", "a") + "datasets:\n- name: x\n"
    assert lockfile.in_order(with_tail, "ab") == lock_of("a", "b") + "datasets:\n- name: x\n"
    assert lockfile.in_order(WHOLE, lockfile.names(WHOLE)) == WHOLE


def test_stages_settle_where_one_dvc_would_have_put_them(workspace: Path) -> None:
    assert lockfile.settled("abc") == "" and not lockfile.LOCK.exists()
    git("init", "-q")
    lockfile.LOCK.write_text(lock_of("z", "c"))
    git("add", "dvc.lock")
    git("commit", "-qm", "results")
    lockfile.LOCK.write_text(lock_of("z", "b@1", "other", "a", "c"))
    assert lockfile.settled(["a", "b@1", "c"]) == lock_of("z", "c", "other", "a", "b@1")
    assert lockfile.LOCK.read_text() == lock_of("z", "c", "other", "a", "b@1")


def test_the_projects_own_lock_file_is_read_as_yaml_reads_it() -> None:
    text = (Path(__file__).resolve().parents[2] / "dvc.lock").read_text()
    start = time.monotonic()
    stages = lockfile.names(text)
    assert time.monotonic() - start < 1
    assert stages == list(yaml.load(text, yaml.CSafeLoader)["stages"])
    assert lockfile.in_order(text, stages) == text
    (entry,) = lockfile.entries(text, ["train_lifter@main"]).values()
    assert entry["cmd"] == "python -m stages.train_lifter main"


def test_outs_that_changed_are_told_from_those_that_did_not() -> None:
    before, after = (
        {"outs": [{"path": "x", "md5": "1"}, {"path": "y", "md5": y}]} for y in ("2", "3")
    )
    assert lockfile.changed_outs(before, after) == {"y"}
    assert lockfile.changed_outs({}, after) == {"x", "y"}
    assert lockfile.changed_outs(after, {}) == set()

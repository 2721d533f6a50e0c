"""Which commands run on a cluster, and how."""

import sys

import pytest

from cluster.command import on_cluster
from gsam.errors import ConfigError


def test_repro_and_experiments_wait_for_the_lock_and_pull() -> None:
    assert on_cluster(["dvc", "repro"]) == ["dvc", "--wait-for-lock", "repro", "--pull"]
    assert on_cluster(["dvc", "exp", "run", "-S", "lr=0.1"])[2:] == [
        "exp", "run", "--pull", "-S", "lr=0.1",
    ]  # fmt: skip
    assert on_cluster(["dvc", "repro", "--pull", "-f", "tables"])[3:] == ["--pull", "-f", "tables"]


def test_rows_side_by_side_are_cluster_repros() -> None:
    assert on_cluster(["dvc", "repro", "tables"], 3) == [
        sys.executable, "-m", "cluster.repro", "--jobs", "3", "--pull", "tables",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "jobs", "message"),
    [
        (["rm", "-rf", "x"], 1, "expected dvc repro … or dvc exp run …"),
        (["dvc", "push"], 1, "expected dvc repro … or dvc exp run …"),
        ([], 1, "no command"),
        (["dvc", "repro"], 0, "expected 1 or more"),
        (["dvc", "repro", "-f"], 2, "stages alone with --jobs, got -f"),
        (["dvc", "exp", "run", "--queue"], 1, "--queue is not for a cluster"),
        (["dvc", "exp", "run"], 2, "--jobs is for dvc repro"),
    ],
)
def test_what_cannot_run_there_is_said_before_anything_is_sent(
    command: list[str], jobs: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        on_cluster(command, jobs)

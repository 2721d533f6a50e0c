"""A full disk: a small file system of its own below the run storage, and below the outs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.drills import lifter_bytes, note, nothing_half_written, stage
from tests.workspaces import make_workspace, newest_epoch, run_stage, with_training

pytestmark = [pytest.mark.drill, pytest.mark.slow]

RUN = with_training(epochs=40)
SIZE = 16 * 2**20


class Disk:
    """A tmpfs of 16 MiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self, left: int) -> None:
        """Leave so many bytes."""
        free = os.statvfs(self.folder)
        self.filler.write_bytes(bytes(free.f_bavail * free.f_frsize - left))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"file systems cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), RUN)
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_full_disk_below_the_run_storage(tmp_path: Path, disk: Disk, undisturbed: Path) -> None:
    folder = make_workspace(tmp_path / "work", RUN)
    (folder / ".gsam").mkdir()
    (folder / ".gsam/runs").symlink_to(disk.folder)
    training = stage(folder, "train_lifter", "tiny")
    training.until(lambda: newest_epoch(folder) >= 10)
    disk.fill(left=4096)
    failed = training.end()
    assert failed.code == 1, failed.output
    assert failed.output.count("\n") == 1 and "the disk is full" in failed.error, failed.output
    assert nothing_half_written(folder)
    kept = newest_epoch(folder)
    assert kept >= 10

    disk.filler.unlink()
    again = stage(folder, "train_lifter", "tiny").end()
    assert again.code == 0, again.output
    assert lifter_bytes(folder) == lifter_bytes(undisturbed)
    note(
        "full disk, run storage",
        f"epoch {kept} of 40",
        f"exit 1 after {failed.seconds:.1f} s, one line; the rerun goes on",
        again.seconds,
    )


def test_a_full_disk_below_the_outs(tmp_path: Path, disk: Disk, undisturbed: Path) -> None:
    folder = make_workspace(tmp_path / "work", RUN)
    (folder / "models").symlink_to(disk.folder)
    disk.fill(left=4096)
    failed = stage(folder, "train_lifter", "tiny").end()
    assert failed.code == 1, failed.output
    assert failed.output.count("\n") == 1 and "No space left" in failed.error, failed.output
    assert nothing_half_written(folder)
    assert newest_epoch(folder) == 40, "the finished training was not kept"

    disk.filler.unlink()
    again = stage(folder, "train_lifter", "tiny").end()
    assert again.code == 0, again.output
    assert lifter_bytes(folder) == lifter_bytes(undisturbed)
    note(
        "full disk, outs",
        "writing the weights",
        "exit 1, one line; the rerun writes what was trained",
        again.seconds,
    )

"""Results on their way home: nothing outside the checkout, nothing over a newer edit."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from cluster.bring import Brought, bring
from cluster.jobs import place, register
from cluster.package import contents
from cluster.results import ARCHIVE, FILES, REPORT, Report, may_travel, pack
from gsam.errors import ConfigError, DataError
from pipelines.object_store import put_file
from tests.submit_project import clone, git, make_project


class Job:
    """A submitted job, whose checkout on the cluster is a folder here."""

    def __init__(self, folder: Path) -> None:
        self.home = make_project(folder / "home")
        self.there = clone(self.home, folder / "there")
        self.store = str(folder / "store")
        self.before = contents(self.there)
        register(self.store, "job", self.before)

    def ends(self, exit_code: int | None = 0) -> None:
        report = Report("job", ["dvc", "repro"], exit_code)
        packed = self.there.parent / ARCHIVE
        pack(self.there, self.before, report, packed)
        put_file(packed, place(self.store, "job", ARCHIVE))

    def sends(self, members: dict[str, bytes], report: Report | bytes) -> None:
        """An archive that no honest job makes."""
        page = report if isinstance(report, bytes) else json.dumps(asdict(report)).encode()
        path = self.there.parent / ARCHIVE
        with tarfile.open(path, "w:gz") as packed:
            for name, content in {**members, REPORT: page}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        put_file(path, place(self.store, "job", ARCHIVE))

    def bring(self) -> Brought:
        return bring(self.store, "job", self.home)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def of(**files: bytes) -> Report:
    """A report on files, whose names have __ for a slash."""
    listed = {n.replace("__", "/"): hashlib.sha256(c).hexdigest() for n, c in files.items()}
    return Report("job", [], 0, files=listed)


def test_changed_new_and_removed_files_come_home(job: Job) -> None:
    (job.there / "params.yaml").write_text("lr: 5\n")
    (job.there / "results").mkdir()
    (job.there / "results/one.json").write_text("{}")
    (job.there / "source.txt").unlink()
    (job.there / "models").mkdir()
    (job.there / "models/one").write_text("weights are DVC's")
    (job.there / "train.sh").write_text("code stays as it is")
    job.ends()
    brought = job.bring()
    assert brought.written == ["params.yaml", "results/one.json"] and not brought.kept
    assert (job.home / "params.yaml").read_text() == "lr: 5\n"
    assert not (job.home / "source.txt").exists() and not (job.home / "models").exists()
    assert job.bring().written == []


def test_an_edit_made_here_meanwhile_is_never_written_over(job: Job) -> None:
    (job.there / "params.yaml").write_text("lr: 5\n")
    (job.there / "new.md").write_text("theirs")
    (job.there / "source.txt").unlink()
    job.ends()
    (job.home / "params.yaml").write_text("lr: 7\n")
    (job.home / "new.md").write_text("mine")
    (job.home / "source.txt").write_text("edited")
    brought = job.bring()
    assert brought.kept == ["new.md", "params.yaml"]
    assert (job.home / "params.yaml").read_text() == "lr: 7\n"
    assert (job.home / "new.md").read_text() == "mine"
    assert (job.home / "source.txt").read_text() == "edited"
    assert (job.home / ".gsam/jobs/job/files/params.yaml").read_text() == "lr: 5\n"


@pytest.mark.parametrize("exit_code", [1, None])
def test_what_a_failed_or_unfinished_job_lacks_stays_here(job: Job, exit_code: int | None) -> None:
    (job.there / "source.txt").unlink()
    job.ends(exit_code)
    job.bring()
    assert (job.home / "source.txt").exists()


def test_experiments_come_as_git_references(job: Job) -> None:
    git(job.there, "commit", "-q", "--allow-empty", "-m", "an experiment")
    name = "refs/exps/ab/cdef/fast"
    git(job.there, "update-ref", name, "HEAD")
    git(job.there, "update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    git(job.there, "reset", "-q", "--hard", "HEAD~1")
    job.ends()
    assert job.bring().experiments == ["fast"]
    assert git(job.home, "for-each-ref", "--format=%(refname)", "refs/exps").split() == [name]


def test_an_experiment_of_the_same_name_is_not_written_over(job: Job) -> None:
    for folder, message in ((job.there, "theirs"), (job.home, "mine")):
        git(folder, "commit", "-q", "--allow-empty", "-m", message)
        git(folder, "update-ref", "refs/exps/ab/cdef/fast", "HEAD")
        git(folder, "reset", "-q", "--hard", "HEAD~1")
    job.ends()
    brought = job.bring()
    assert "experiments stay in .gsam/jobs/job/experiments.bundle" in brought.problem
    assert git(job.home, "log", "-1", "--format=%s", "refs/exps/ab/cdef/fast").strip() == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/../../outside",
        "/etc/passwd",
        ".git/hooks/post-checkout",
        ".git/config",
        "sub/.git/config",
        ".dvc/config",
        ".github/workflows/ci.yml",
        "gsam/errors.py",
        "dvc.yaml",
        "Makefile",
        "tools/run.sh",
        "a//b",
        "./a",
        "a\\b",
        "",
    ],
)
def test_what_no_job_may_bring_is_refused_whole(job: Job, name: str) -> None:
    assert not may_travel(name)
    fine, evil = b"fine", b"evil"
    report = of(fine=fine)
    report.files[name] = hashlib.sha256(evil).hexdigest()
    job.sends({FILES + "fine": fine, FILES + name: evil}, report)
    with pytest.raises(DataError, match="refused, no job may change"):
        job.bring()
    assert not (job.home / "fine").exists()


def test_ordinary_results_travel() -> None:
    assert may_travel("dvc.lock") and may_travel("results/tables/table1.md")
    assert may_travel("models/.gitignore") and may_travel("conf/lifter/gsam.yaml")


def test_nothing_is_written_through_a_link(job: Job) -> None:
    outside = job.home.parent / "outside"
    outside.mkdir()
    (job.home / "results").symlink_to(outside)
    job.sends({FILES + "results/x": b"evil"}, of(results__x=b"evil"))
    with pytest.raises(DataError, match=r"results/x: refused, .* is a link"):
        job.bring()
    assert not list(outside.iterdir())


def links(packed: tarfile.TarFile) -> None:
    member = tarfile.TarInfo(FILES + "x")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed.addfile(member)


def huge(packed: tarfile.TarFile) -> None:
    member = tarfile.TarInfo(FILES + "x")
    member.size = 2 << 30
    packed.fileobj.write(member.tobuf())  # type: ignore[union-attr]


@pytest.mark.parametrize("hostile", [links, huge])
def test_members_that_are_no_plain_small_files_are_refused(
    job: Job, hostile: Callable[[tarfile.TarFile], None]
) -> None:
    path = job.there.parent / ARCHIVE
    with tarfile.open(path, "w:gz") as packed:
        hostile(packed)
    put_file(path, place(job.store, "job", ARCHIVE))
    with pytest.raises(DataError, match="no plain small file"):
        job.bring()


def test_an_archive_that_disagrees_with_its_report_is_refused(job: Job) -> None:
    job.sends({FILES + "x": b"other"}, of(x=b"one"))
    with pytest.raises(DataError, match="x is not what its report says"):
        job.bring()
    job.sends({FILES + "x": b"one", FILES + "y": b"two"}, of(x=b"one"))
    with pytest.raises(DataError, match="files/y' is not in its report"):
        job.bring()


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (b"not json", "not the report of a job"),
        (b"[]", "not the report of a job"),
        (b'{"job": "a", "command": [], "surprise": 1}', "not the report of a job"),
        (b'{"job": "a", "command": [], "files": []}', "files = .* wrong type"),
        (b'{"job": "a", "command": [], "exit_code": "0"}', "exit_code = '0' .* wrong type"),
    ],
)
def test_a_damaged_report_is_one_line(job: Job, page: bytes, message: str) -> None:
    job.sends({}, page)
    with pytest.raises(DataError, match=message):
        job.bring()


def test_a_cut_archive_is_one_line(job: Job) -> None:
    job.ends()
    path = Path(place(job.store, "job", ARCHIVE))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"not a readable \.tar\.gz"):
        job.bring()


def test_jobs_have_names_of_their_own(job: Job) -> None:
    with pytest.raises(ConfigError, match="there is a job job already"):
        register(job.store, "job", {})
    with pytest.raises(ConfigError, match="there is no job other"):
        bring(job.store, "other", job.home)
    with pytest.raises(DataError, match="has saved nothing yet"):
        job.bring()
    with pytest.raises(ConfigError, match="expected letters"):
        place(job.store, "../x")

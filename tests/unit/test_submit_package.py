"""What goes to the cluster, and what stays home."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from cluster import package
from cluster.checkout import check_out
from cluster.package import GIT_TAR, build, contents, toplevel
from gsam.errors import ConfigError
from tests.submit_project import clone, git, make_project
from tests.workspaces import REPOSITORY


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as packed:
        return set(packed.namelist())


def test_the_files_go_as_they_lie_here_and_nothing_that_git_ignores(
    project: Path, tmp_path: Path
) -> None:
    (project / "source.txt").write_text("edited\n")
    (project / "new.yaml").write_text("a: 1\n")
    for ignored in ("notes.tmp", "data/big", ".gsam/runs/one", ".dvc/cache/x", ".dvc/config.local"):
        (project / ignored).parent.mkdir(parents=True, exist_ok=True)
        (project / ignored).write_text("stays")
    (project / "link").symlink_to("/etc/passwd")
    (project / "dvc.yaml").unlink()
    built = build(project, tmp_path / "p.zip")
    expected = {"source.txt", "new.yaml", "params.yaml", "train.sh", ".gitignore"}
    assert set(built.files) == expected | {".dvc/config", ".dvc/.gitignore"}
    assert names(tmp_path / "p.zip") == set(built.files) | {GIT_TAR}
    assert built.files == contents(project)


def test_unpacked_there_it_is_the_same_checkout_at_the_same_commit(
    project: Path, tmp_path: Path
) -> None:
    git(project, "remote", "add", "origin", "https://user:password@example.org/x.git")
    git(project, "commit", "-q", "--allow-empty", "-m", "second")
    (project / "source.txt").write_text("edited\n")
    built = build(project, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as packed:
        packed.extractall(tmp_path / "there")
    target = tmp_path / "scratch"
    target.mkdir()
    before = check_out(tmp_path / "there", target, str(tmp_path / "store"))
    assert before == built.files
    assert git(target, "rev-parse", "HEAD") == git(project, "rev-parse", "HEAD")
    assert git(target, "status", "--porcelain") == git(project, "status", "--porcelain")
    assert git(target, "rev-list", "--count", "HEAD").strip() == "1"
    assert "password" not in (target / ".git/config").read_text()
    assert str(tmp_path / "store/dvc") in (target / ".dvc/config.local").read_text()


def test_a_folder_without_git_becomes_a_checkout_too(project: Path, tmp_path: Path) -> None:
    clone(project, tmp_path / "image")
    shutil.rmtree(tmp_path / "image/.git")
    target = tmp_path / "scratch"
    target.mkdir()
    before = check_out(tmp_path / "image", target, str(tmp_path / "store"))
    assert before == contents(project)
    assert git(target, "status", "--porcelain") == ""


def test_what_looks_like_a_secret_stays_home(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("AWS_SECRET_ACCESS_KEY=x")
    (project / "deploy.pem").write_text("key")
    built = build(project, tmp_path / "p.zip")
    assert built.left_out == (".env", "deploy.pem")
    assert not {".env", "deploy.pem"} & names(tmp_path / "p.zip")


def test_a_tracked_secret_stops_the_submission(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("AWS_SECRET_ACCESS_KEY=x")
    git(project, "add", ".env")
    with pytest.raises(ConfigError, match=r"\.env looks like a secret, but git tracks it"):
        build(project, tmp_path / "p.zip")


def test_data_among_the_code_stops_the_submission(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "LIMIT_BYTES", 100_000)
    (project / "frames.bin").write_bytes(bytes(200_000))
    with pytest.raises(ConfigError, match=r"largest are frames\.bin"):
        build(project, tmp_path / "p.zip")


def test_this_project_is_small_and_brings_no_data(tmp_path: Path) -> None:
    built = build(REPOSITORY, tmp_path / "p.zip")
    assert built.size < 20e6
    outs = ("data/poses", "data/clips", "models/lifter", ".dvc/cache", ".venv", ".gsam")
    assert not [n for n in built.files if n.startswith(outs) and not n.endswith(".gitignore")]
    assert {"dvc.yaml", "dvc.lock", "params.yaml", "cluster/job.py"} <= set(built.files)
    with (
        zipfile.ZipFile(tmp_path / "p.zip") as packed,
        packed.open(GIT_TAR) as stream,
        tarfile.open(fileobj=stream) as inner,
    ):
        packed_git = inner.getnames()
    assert ".git/shallow" in packed_git and not [n for n in packed_git if "hooks" in n]


def test_only_a_checkout_with_a_commit_can_be_submitted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a git checkout"):
        toplevel(tmp_path)
    git(tmp_path, "init", "-q")
    with pytest.raises(ConfigError, match="at least one commit"):
        toplevel(tmp_path)


def test_what_leads_out_of_the_copy_is_not_unpacked(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "scratch"
    target.mkdir()
    shutil.copytree(project, tmp_path / "sent", ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "sent" / GIT_TAR).parent.mkdir(exist_ok=True)
    link = tarfile.TarInfo(".git/hooks/link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    with tarfile.open(tmp_path / "sent" / GIT_TAR, "w") as packed:
        packed.add(project / ".git", ".git")
        for name in ("../outside", ".git/../../outside", "/outside"):
            packed.addfile(tarfile.TarInfo(name))
        packed.addfile(link)
    check_out(tmp_path / "sent", target, str(tmp_path / "store"))
    assert not (tmp_path / "outside").exists() and not Path("/outside").exists()
    assert not (target / ".git/hooks/link").is_symlink()
    assert git(target, "status", "--porcelain") == ""

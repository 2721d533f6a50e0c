"""`python -m cluster.repro` on a small project of DVC's own: rows at once, failures, kills."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.integration.test_end_to_end import Clone

REPOSITORY = Path(__file__).resolve().parents[2]

STAGES = """
stages:
  plan:
    cmd: mkdir -p plan && cp in plan/a && cp in plan/b && cp other plan/c
    deps: [in, other]
    outs: [plan]
  train:
    foreach: [a, b, c]
    do:
      cmd: python row.py ${item}
      deps: ["plan/${item}"]
      outs: ["m/${item}", "r/${item}": {cache: false}]
  evaluate:
    foreach: [a, b, c]
    do:
      cmd: mkdir -p e && cp m/${item} e/${item}
      deps: ["m/${item}"]
      outs: ["e/${item}"]
  tables:
    cmd: cat e/a e/b e/c > t
    deps: [e/a, e/b, e/c]
    outs: [t]
"""

# Each start leaves a file in runs/. A row named in `bad` fails; `meet` holds rows until another is
# there, `wait` until it is gone.
ROW = """
import os, sys, time
from pathlib import Path
row = sys.argv[1]
Path(f"runs/{row}.{os.getpid()}").touch()
if row == Path("bad").read_text():
    print(f"train@{row}: no such archive", file=sys.stderr)
    sys.exit(3)
while Path("wait").exists() or (Path("meet").exists() and len(os.listdir("runs")) < 2):
    time.sleep(0.02)
for folder in "mr":
    Path(folder).mkdir(exist_ok=True)
    Path(folder, row).write_text(Path("plan", row).read_text() + row)
"""


class Project:
    """A small repository, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python = Path(sys.executable).parent
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
        }
        for name in ("runs", ".dvc"):
            (folder / name).mkdir(parents=True)
        for name, text in {
            "dvc.yaml": STAGES, "row.py": ROW, "in": "1", "other": "2", "bad": "",
            ".dvc/config": "", ".dvc/.gitignore": "/cache\n/tmp\n",
        }.items():  # fmt: skip
            (folder / name).write_text(text)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("dvc", *arguments)

    def repro(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(sys.executable, "-m", "cluster.repro", *arguments)

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.repro", *arguments],
            cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def lock(self) -> str:
        return (self.folder / "dvc.lock").read_text()

    def rows(self) -> dict[str, int]:
        """The rows that were started, each with its process."""
        return {path.stem: int(path.suffix[1:]) for path in (self.folder / "runs").iterdir()}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def until(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def results(text: str) -> dict[str, str]:
    """The closing table: stages and how they ended."""
    table = text[text.index("\nstage ") + 1 :].splitlines()[1:-1]
    return {line.split()[0]: line.split(maxsplit=1)[1].rsplit(maxsplit=1)[0] for line in table}


def test_rows_at_once_make_the_bytes_that_one_dvc_makes(project: Project, tmp_path: Path) -> None:
    (project.folder / "meet").touch()
    (project.folder / "bad").write_text("c")
    done = project.repro("--jobs", "2")
    assert done.returncode == 3, done.stdout + done.stderr
    assert results(done.stdout) == {
        **dict.fromkeys(["plan", "train@a", "train@b", "evaluate@a", "evaluate@b"], "ran"),
        **{"train@c": "failed (3)", "evaluate@c": "skipped", "tables": "skipped"},
    }
    assert "train@c: no such archive\n" in done.stdout and "Running stage" not in done.stdout
    (project.folder / "bad").write_text("")
    done = project.repro("--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(done.stdout) == dict.fromkeys(["train@c", "evaluate@c", "tables"], "ran")
    plain = Project(tmp_path / "plain")
    assert plain.dvc("repro").returncode == 0
    assert project.lock() == plain.lock()
    assert (project.folder / "t").read_text() == (plain.folder / "t").read_text() == "1a1b2c"


def test_one_job_is_dvc_repro_with_the_stages_exit_code_and_a_whole_lock_file(
    project: Project,
) -> None:
    (project.folder / "bad").write_text("b")
    done = project.repro("train@b")
    assert done.returncode == 3 and "Running stage 'train@b'" in done.stdout
    # The copy that a stage would have left, and a dvc.lock and a table of locks cut short.
    whole = project.lock()
    copy = project.folder / ".gsam/dvc-lock/dvc.lock.1.1"
    copy.parent.mkdir(parents=True)
    shutil.copy(project.folder / "dvc.lock", copy)
    (project.folder / "dvc.lock").write_text(whole[:-20])
    (project.folder / ".dvc/tmp/rwlock").write_text("")
    done = project.repro("plan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dvc.lock was cut short" in done.stderr and "rwlock was cut short" in done.stderr
    assert "Stage 'plan' didn't change" in done.stdout and project.lock() == whole


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_rows_and_keeps_what_is_finished(project: Project, jobs, number) -> None:
    (project.folder / "wait").touch()
    process = project.started("--jobs", jobs)
    until(lambda: len(project.rows()) == int(jobs))
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert not any(alive(pid) for pid in project.rows().values())
    assert list(yaml.safe_load(project.lock())["stages"]) == ["plan"]
    (project.folder / "wait").unlink()
    done = project.repro("--jobs", jobs)
    assert done.returncode == 0 and (project.folder / "t").read_text() == "1a1b2c"


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_outright_it_leaves_no_row_running(project: Project, jobs: str) -> None:
    (project.folder / "wait").touch()
    process = project.started("--jobs", jobs)
    until(lambda: len(project.rows()) == int(jobs))
    process.kill()
    process.communicate()
    until(lambda: not any(alive(pid) for pid in project.rows().values()), seconds=10)
    (project.folder / "wait").unlink()
    assert project.repro("--jobs", jobs).returncode == 0
    assert (project.folder / "t").read_text() == "1a1b2c"


def test_mistakes_are_one_line(project: Project, tmp_path: Path) -> None:
    for arguments, said in {
        ("--jobs", "0"): "'0' is not a number of jobs",
        ("--jobs", "2", "tabels"): "'tabels' not found",
    }.items():
        done = project.repro(*arguments)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    (project.folder / "dvc.yaml").unlink()
    done = project.repro("--jobs", "2")
    assert done.returncode == 2 and done.stderr == (
        "repro: no dvc.yaml here; expected the project's folder\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_rows_of_the_tables_are_the_same_bytes_side_by_side(tmp_path: Path, workers: int) -> None:
    rows = [f"evaluate_lifter@{run}" for run in ("main", "martinez_gt")]
    plain, together = Clone(tmp_path / "plain"), Clone(tmp_path / "together")
    for clone in (plain, together):
        clone.edit(workers=workers)
    plain.run("dvc", "repro", *rows)
    output = together.run(sys.executable, "-m", "cluster.repro", "--jobs", "2", *rows)
    assert {stage: results(output)[stage] for stage in rows} == dict.fromkeys(rows, "ran")
    assert "Traceback" not in output and "ray" not in output.lower()
    # Which of several targets DVC takes first, and so their order in dvc.lock, is left to chance.
    locks = [yaml.safe_load((c.folder / "dvc.lock").read_text()) for c in (plain, together)]
    assert locks[0] == locks[1]
    assert plain.run("git", "status", "--porcelain") == together.run("git", "status", "--porcelain")
    output = together.run(sys.executable, "-m", "cluster.repro", "--jobs", "2", *rows)
    assert output.endswith("stages are up to date\n")

"""dvc.yaml and the lists of code: a stage depends on all that it imports, and on nothing else."""

import shutil
from pathlib import Path

import pytest
import yaml

from stages.code import PLUMBING, _hash, _imports, code_of, stage_modules

ROOT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code to edit, as the working folder."""
    ignore = shutil.ignore_patterns("__pycache__")
    for package in ("gsam", "pipelines", "stages"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    _hash.cache_clear()
    _imports.cache_clear()


def changed_by(project: Path, path: str, text: str = "\n# changed\n") -> set[str]:
    """The stages whose code changes with a file."""
    before = {stage: code_of(stage) for stage in stage_modules()}
    with (project / path).open("a") as file:
        file.write(text)
    forget()
    return {stage for stage in before if code_of(stage) != before[stage]}


def definition(stage: str) -> dict:
    return STAGES[stage].get("do", STAGES[stage])


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"plan"}))
def test_a_stage_depends_on_its_own_code(stage: str) -> None:
    module = definition(stage)["cmd"].split()[2].removeprefix("stages.")
    assert f"data/plan/code/{module}.json" in definition(stage)["deps"]
    assert module in stage_modules()


def test_the_plan_depends_on_all_code() -> None:
    assert {"conf", "gsam", "pipelines", "stages"} == set(definition("plan")["deps"])


def test_what_a_lifter_is_trained_by(project: Path) -> None:
    uses = {"baselines", "evaluate_lifter", "figures", "tables", "audit", "plan"}
    uses |= {"import_checkpoint", "evaluate_checkpoint", "export_threedhp"}
    changed = changed_by(project, "gsam/lifters/gsam.py")
    assert "train_lifter" in changed <= uses | {"train_lifter"}
    assert changed_by(project, "gsam/training/loop.py") >= {"train_lifter", "train_detector"}


def test_what_pictures_are_looked_at_by_trains_nothing(project: Path) -> None:
    changed = changed_by(project, "gsam/boxes/yolo.py")  # imported inside a function
    assert changed == {"detect", "evaluate_detector", "evaluate_checkpoint"}


def test_a_package_runs_when_a_module_of_it_is_imported(project: Path) -> None:
    assert "evaluate_lifter" in changed_by(project, "gsam/metrics/__init__.py")


def test_a_new_module_counts_once_it_is_imported(project: Path) -> None:
    (project / "gsam/metrics/new.py").write_text("NEW = 1\n")
    line = "\nfrom gsam.metrics.new import NEW\n"
    assert "evaluate_lifter" in changed_by(project, "gsam/metrics/aggregate.py", line)
    assert "gsam/metrics/new.py" in code_of("evaluate_lifter")


@pytest.mark.parametrize("path", sorted(PLUMBING))
def test_plumbing_changes_nothing(project: Path, path: str) -> None:
    assert changed_by(project, path) == set()


def test_the_body_is_part_of_the_twins_code(project: Path) -> None:
    assert "gsam/body/assets/body_small.npz" in code_of("raw")
    assert "gsam/body/assets/body_small.npz" not in code_of("train_lifter")

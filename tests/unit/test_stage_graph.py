"""dvc.yaml against the code: what a stage imports is among its dependencies."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

# Carries values and messages from place to place; a change there does not change what is computed.
PLUMBING = {
    "gsam.configs", "gsam.errors", "gsam.schema_check", "gsam.schemas", "gsam.storage",
    "gsam.training.identity", "gsam.weights", "pipelines.detect_storage", "pipelines.ray_train",
    "pipelines.run_storage", "pipelines.runtime", "stages.common", "stages.curves",
    "stages.params", "stages.paths",
}  # fmt: skip


def definition(stage: str) -> dict:
    return STAGES[stage].get("do", STAGES[stage])


def code_deps(stage: str) -> list[str]:
    return [dep for dep in definition(stage)["deps"] if isinstance(dep, str) and "$" not in dep]


def imported(path: Path) -> set[str]:
    """First-party modules that a file imports, by dotted name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if as_path(name).exists()}


def as_path(module: str) -> Path:
    folder = ROOT / module.replace(".", "/")
    return folder if folder.is_dir() else folder.with_suffix(".py")


def covered(module: str, deps: list[str]) -> bool:
    name = as_path(module).relative_to(ROOT).as_posix()
    inside = any(dep.startswith(f"{name}/") for dep in deps)  # the package of a listed module
    return inside or any(name == dep or name.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_what_a_stage_imports_is_among_its_dependencies(stage: str) -> None:
    module = definition(stage)["cmd"].split()[2]
    deps = code_deps(stage)
    needed = {module} | imported(as_path(module))
    needed |= set().union(*(imported(as_path(m)) for m in needed if m.startswith("pipelines.")))
    first_party = {m for m in needed if m.split(".")[0] in ("gsam", "pipelines", "stages")}
    roots = {"gsam", "pipelines", "stages"}
    missing = {m for m in first_party - PLUMBING - roots if not covered(m, deps)}
    assert missing == set()


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_code_dependency_exists(stage: str) -> None:
    made = ("data/", "results/", "models/")
    missing = [d for d in code_deps(stage) if not d.startswith(made) and not (ROOT / d).exists()]
    assert missing == []

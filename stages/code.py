"""Which of the project's files a stage's code consists of: the module and all that it imports.

`stages.plan` writes one list per stage, with a hash of each file, and the stage depends on that
list: a change in code runs again exactly the stages that import it, however far down.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

__all__ = ["code_of", "stage_modules"]

PACKAGES = ("gsam", "pipelines", "stages")

PLUMBING = {
    "gsam/configs.py",
    "gsam/doctor/examining.py",
    "gsam/errors.py",
    "gsam/progress.py",
    "gsam/schema_check.py",
    "gsam/schema_fields.py",
    "gsam/schemas.py",
    "gsam/storage.py",
    "gsam/training/identity.py",
    "gsam/weights.py",
    "pipelines/detect_storage.py",
    "pipelines/finished_runs.py",
    "pipelines/node_files.py",
    "pipelines/object_store.py",
    "pipelines/placement.py",
    "pipelines/ray_network.py",
    "pipelines/ray_train.py",
    "pipelines/ray_watch.py",
    "pipelines/raw_fetch.py",
    "pipelines/raw_object.py",
    "pipelines/raw_streams.py",
    "pipelines/remote_checkpoints.py",
    "pipelines/run_storage.py",
    "pipelines/runtime.py",
    "pipelines/shared_storage.py",
    "pipelines/store_access.py",
    "pipelines/store_errors.py",
    "stages/common.py",
    "stages/curves.py",
    "stages/params.py",
    "stages/paths.py",
    "stages/sound.py",
}
"""Carries values and messages from place to place: a change there changes nothing computed."""

DATA = {
    "gsam/body/files.py": "gsam/body/assets",
    "gsam/datasets/human36m/cameras.py": "gsam/datasets/human36m",
}
"""Modules that read files of the package, and the folder where those lie."""


def stage_modules() -> list[str]:
    """The stages' names: modules of `stages` that run as commands."""
    return sorted(
        path.stem for path in Path("stages").glob("*.py") if "\nif __name__ == " in path.read_text()
    )


def code_of(stage: str) -> dict[str, str]:
    """The files that a stage's code consists of, by path, each with its SHA-256."""
    waiting, found = [f"stages/{stage}.py"], {}
    while waiting:
        path = waiting.pop()
        if path in found or path in PLUMBING:
            continue
        found[path] = _hash(path)
        waiting += _imports(path)
        for data in sorted(Path(DATA[path]).iterdir()) if path in DATA else ():
            if data.suffix in (".json", ".npz"):
                found[data.as_posix()] = _hash(data.as_posix())
    return dict(sorted(found.items()))


@cache
def _hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@cache
def _imports(path: str) -> tuple[str, ...]:
    """The project's files that a file imports, at its top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    files = set()
    for name in names:
        parts = name.split(".")
        if parts[0] in PACKAGES:
            # Importing a.b.c runs the packages a and a.b too.
            files |= {Path(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)}
            files.add(Path(*parts).with_suffix(".py"))
    return tuple(sorted(file.as_posix() for file in files if file.is_file()))

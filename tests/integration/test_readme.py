"""What the README tells a user to type is what the project understands."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from gsam.lifters import LifterConfig, build_lifter
from gsam.weights import save_network
from stages import compose, compose_detectors
from stages.params import read_params

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """Every command of the shell blocks and of the table cells, as words, without its comment."""
    lines = [line.split("#")[0] for block in blocks("sh") for line in block.splitlines()]
    lines += re.findall(r"`((?:dvc|make|git) [^`]*)`", README)
    return [shlex.split(line) for line in lines if line.strip()]


EXPERIMENTS = sorted({tuple(words) for words in commands() if words[:3] == ["dvc", "exp", "run"]})


def test_there_is_something_to_check() -> None:
    assert len(EXPERIMENTS) >= 5 and blocks("python")


@pytest.mark.parametrize("words", EXPERIMENTS, ids=" ".join)
def test_every_experiment_resolves(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    compose.composed.cache_clear()
    for flag, override in zip(words[3::2], words[4::2], strict=True):
        assert flag == "-S"
        apply(override)
    assert compose.resolve_runs(read_params())["main"]
    assert compose_detectors.resolve_detectors(read_params())["hrnet"]
    compose.composed.cache_clear()


def apply(override: str) -> None:
    """Set an existing key as `dvc exp run -S [FILE:]KEY=VALUE` does."""
    path, _, assignment = override.rpartition(":")
    file = Path(path or "params.yaml")
    key, value = assignment.split("=")
    content = yaml.safe_load(file.read_text())
    place = content
    *outer, last = key.split(".")
    for name in outer:
        place = place[name]
    assert last in place, f"{override}: DVC refuses keys that {file} does not have"
    place[last] = yaml.safe_load(value)
    file.write_text(yaml.safe_dump(content))


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    asked = {words[1] for words in commands() if words[0] == "make" and len(words) > 1}
    assert asked and asked <= targets


PROGRAMS = [words for words in commands() if words[:2] == ["python", "-m"]]


@pytest.mark.parametrize("words", PROGRAMS, ids=lambda words: words[2])
def test_every_program_takes_the_options_that_are_shown(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", words[2], "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    options = [word for word in words[3:] if word.startswith("--")]
    assert all(option in done.stdout for option in options)


def test_the_snippet_lifts_keypoints(tmp_path: Path) -> None:
    config = LifterConfig(frames=27, width=8, depth=1, heads=2, head="sequence")
    path = tmp_path / "models/lifter/main/seed0.safetensors"
    path.parent.mkdir(parents=True)
    torch.manual_seed(0)
    save_network(path, build_lifter(config).state_dict(), config, {"run": "main", "seed": 0})
    for snippet in blocks("python"):
        code = f"{snippet}\nassert tuple(joints.shape) == (200, 17, 3)"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()


def test_every_linked_file_exists_or_is_made_by_dvc() -> None:
    made = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outs = [
        next(iter(o)) if isinstance(o, dict) else o
        for s in made.values()
        for o in s.get("outs", [])
    ]
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).exists() or any(link.startswith(out) for out in outs), link

"""A small DVC project of shell commands, in a git checkout, that tests submit to a cluster."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

STAGES = {
    "prepare": {
        "cmd": "mkdir -p data && cp source.txt data/copy.txt",
        "deps": ["source.txt"],
        "outs": ["data"],
    },
    "train": {
        "foreach": ["one", "two"],
        "do": {
            "cmd": "sh train.sh ${item}",
            "deps": ["data"],
            "params": ["lr"],
            "outs": ["models/${item}", {"results/${item}.json": {"cache": False}}],
        },
    },
    "table": {
        "cmd": "cat results/one.json results/two.json > table.txt",
        "deps": ["results/one.json", "results/two.json"],
        "outs": [{"table.txt": {"cache": False}}],
    },
}

# $MARKS, if set, is a folder that counts how often each model was trained, whoever trained it.
TRAIN = """
mkdir -p models results
if test -n "$MARKS"; then echo x >> "$MARKS/$1"; fi
if test -e "$MARKS/slow.$1"; then sleep 60; fi
if test -e "$MARKS/fail.$1"; then exit 3; fi
cat data/copy.txt > models/$1
echo "trained $1 with $(grep lr: params.yaml)" > results/$1.json
"""

IGNORED = ".gsam/\n/data\n/models\nnotes.tmp\n"


def make_project(folder: Path) -> Path:
    """The project, committed and never run."""
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    (folder / "train.sh").write_text(TRAIN)
    (folder / "source.txt").write_text("first\n")
    (folder / "params.yaml").write_text("lr: 1\n")
    (folder / ".gitignore").write_text(IGNORED)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "tester")
    git(folder, "config", "user.email", "tester@example.org")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a project")
    return folder


def clone(project: Path, folder: Path) -> Path:
    """The project as it was committed, elsewhere."""
    git(project, "clone", "-q", str(project), str(folder))
    git(folder, "config", "user.name", "tester")
    git(folder, "config", "user.email", "tester@example.org")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    environment["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc/tmp/site")
    words = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

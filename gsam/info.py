"""What runs here: versions, machine, data and git state, to paste into a report of a problem.

    python -m gsam.info [--json] [--raw data/raw]

Nothing personal: no user, host or home folder, no environment variables, no addresses.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["collect", "main"]

_PACKAGES = ("torch", "numpy", "pyarrow", "opencv-python-headless", "scipy", "ray", "dvc")
_EXTRAS = {
    "pipeline": ("ray", "dvc", "hydra", "boto3", "tqdm"),
    "archives": ("h5py", "cdflib"),
    "dev": ("pytest", "hypothesis", "mypy"),
}
"""Optional parts of the installation, and the modules that must be there for each."""


def collect(raw: Path) -> dict[str, dict[str, Any]]:
    """Facts by group and name, as plain values."""
    return {
        "versions": _versions(),
        "extras": {name: _extra(modules) for name, modules in _EXTRAS.items()},
        "machine": _machine(),
        "code": _git(),
        "data": _data(raw),
    }


def _versions() -> dict[str, str]:
    found = {"gsam": _version("gsam"), "python": platform.python_version()}
    return found | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from its folder" if name == "gsam" else "not installed"


def _extra(modules: Sequence[str]) -> str:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"without {', '.join(absent)}" if absent else "installed"


def _machine() -> dict[str, Any]:
    import torch

    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    named = [f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB" for gpu in gpus]
    return {
        "os": f"{platform.system()} {_release()} {platform.machine()}",
        "processors": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} usable"
        if hasattr(os, "sched_getaffinity")
        else str(os.cpu_count()),
        "torch threads": torch.get_num_threads(),
        "memory": _memory(),
        "gpus": named or "none",
        "cuda": torch.version.cuda or "none",
        "bf16": torch.cuda.is_bf16_supported() if gpus else "no GPU",
    }


def _release() -> str:
    """The system's version without what a company appends to it."""
    return ".".join(platform.release().split("-")[0].split(".")[:2])


def _memory() -> str:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{pages * size / 2**30:.1f} GiB"


def _git() -> dict[str, Any]:
    """Commit and state of the working tree; neither branch names nor remotes."""
    commit = _git_output("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return {"commit": "not in a git repository"}
    changed = (_git_output("status", "--porcelain", "--untracked-files=no") or "").splitlines()
    return {"commit": commit, "changed files": len(changed)}


def _git_output(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _data(raw: Path) -> dict[str, str]:
    """For each dataset's folder how much lies in it: a count and bytes, no names."""
    from gsam.doctor.examining import DATASETS
    from gsam.twin_mark import is_twin

    found = {}
    for dataset in DATASETS:
        files = [p for p in (raw / dataset).rglob("*") if p.is_file() and p.name != "README.md"]
        size = sum(path.stat().st_size for path in files)
        twin = ", a twin" if is_twin(raw / dataset) else ""
        found[dataset] = f"{len(files):,} files, {size / 2**30:.2f} GiB{twin}" if files else "none"
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what `collect` found; returns 0. Without arguments, those of the command line."""
    parser = argparse.ArgumentParser(
        "python -m gsam.info", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--raw", type=Path, default=Path("data/raw"), help="folder of the datasets")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    options = parser.parse_args(arguments)
    facts = collect(options.raw)
    if options.json:
        json.dump(facts, sys.stdout, indent=2)
        print()
        return 0
    for group, entries in facts.items():
        print(group)
        for name, value in entries.items():
            print(f"  {name:24}{', '.join(value) if isinstance(value, list) else value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

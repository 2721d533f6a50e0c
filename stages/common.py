"""What stages share: a summary line, an exit code, a progress bar, their part of the plan."""

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gsam.errors import ConfigError, GsamError
from pipelines.progress import progress

__all__ = ["PLAN", "one_argument", "planned", "progress", "run_stage", "status_of"]

PLAN = Path("data/plan")


def run_stage(main: Callable[[list[str]], str]) -> None:
    """Run a stage's `main(arguments)`; print its summary line, or one error line, and exit.

    `-h`/`--help` prints the module's docstring. Exit codes: 0 done, 1 failed, 2 configuration or
    usage, 3 licensed data missing.
    """
    module = sys.modules[main.__module__]
    spec = getattr(module, "__spec__", None)
    name = spec.name.rsplit(".", 1)[-1] if spec else Path(sys.argv[0]).stem
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print((module.__doc__ or "").strip())
        return
    label = "@".join([name, *arguments])
    start = time.perf_counter()
    gc.enable()  # stages/__init__.py
    try:
        summary = main(arguments)
    except GsamError as error:
        print(f"{label}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    finally:
        # What is left needs no search for cycles: the process ends, 0.4 s earlier.
        gc.freeze()
    print(f"{label}  {summary}  ({time.perf_counter() - start:.1f} s)", flush=True)


def one_argument(arguments: list[str], what: str) -> str:
    """The single command-line argument of a per-item stage.

    Raises:
        ConfigError: there is none, or more than one.
    """
    if len(arguments) != 1:
        raise ConfigError(f"expected one argument, the {what}; got {arguments or 'none'}")
    return arguments[0]


def planned(name: str) -> dict[str, Any]:
    """What `stages.plan` resolved for one stage (`raw`, `extract`, …) or one run (`runs/main`).

    Raises:
        ConfigError: the plan has no such entry.
    """
    path = PLAN / f"{name}.json"
    if not path.exists():
        known = sorted(str(file.relative_to(PLAN).with_suffix("")) for file in PLAN.rglob("*.json"))
        raise ConfigError(f"{path} does not exist; expected one of {known} (dvc repro plan)")
    plan: dict[str, Any] = json.loads(path.read_text())
    return plan


def status_of(seeds: Mapping[str, Mapping[str, Any]]) -> str:
    """`ok`, or the first divergence: `diverged at epoch 3`, with its seed if there are several."""
    for seed, record in seeds.items():
        if record["status"] == "diverged":
            which = f" (seed {seed})" if len(seeds) > 1 else ""
            return f"diverged at epoch {record['diverged_epoch']}{which}"
    return "ok"

"""What stages share: a summary line, an exit code, a progress bar, their part of the plan."""

import errno
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gsam.errors import ConfigError, GsamError
from gsam.progress import progress

__all__ = [
    "LOCK_COPIES",
    "PLAN",
    "copy_lock",
    "one_argument",
    "planned",
    "progress",
    "run_stage",
    "status_of",
]

PLAN = Path("data/plan")
LOCK_COPIES = Path(".gsam/dvc-lock")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def run_stage(main: Callable[[list[str]], str]) -> None:
    """Run a stage's `main(arguments)`; print its summary line, or one error line, and exit.

    `-h`/`--help` prints the module's docstring. Exit codes: 0 done, 1 failed (a full or read-only
    disk too), 2 configuration or usage, 3 licensed data missing.
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
    if "DVC_STAGE" in os.environ:
        copy_lock()
    try:
        summary = main(arguments)
    except GsamError as error:
        print(f"{label}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno not in _DISK:
            raise
        place = error.filename or f"writing below {Path.cwd()}"
        print(f"{label}: {place}: {os.strerror(error.errno)}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        # What is left needs no search for cycles: the process ends, 0.4 s earlier.
        gc.freeze()
    print(f"{label}  {summary}  ({time.perf_counter() - start:.1f} s)", flush=True)


def copy_lock(keep: int = 3) -> None:
    """Keep a copy of dvc.lock, which DVC writes in place: `python -m cluster.repro` puts it back if
    DVC is killed while it writes. A copy that cannot be made holds no stage up."""
    lock = Path("dvc.lock")
    with suppress(OSError):
        content = lock.read_bytes()
        if not content.endswith(b"\n"):
            return  # another stage's DVC is writing it
        LOCK_COPIES.mkdir(parents=True, exist_ok=True)
        # Names in the order of time; stages that start at once have names of their own.
        path = LOCK_COPIES / f"{lock.name}.{time.time_ns()}.{os.getpid()}"
        partial = path.with_name(f".{path.name}")
        partial.write_bytes(content)
        partial.rename(path)
        for old in sorted(LOCK_COPIES.glob(f"{lock.name}.*"))[:-keep]:
            old.unlink(missing_ok=True)


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

"""Fuzz readers from a seed in processes of their own, so that one that dies is a finding too.

python -m tests.fuzz.run --inputs 2000 --seconds 20 [--seed 0] [--keep FOLDER] [READER ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.child import folder_of
from tests.fuzz.readers import BY_NAME

__all__ = ["FOUND", "fuzz", "main"]

_STARTING = 120
"""Seconds that a process may take beside those of its readers: imports on a busy machine."""


FOUND = Path(__file__).parent / "found"
"""Files that once broke a reader, by its name: they are fed to it first."""


def fuzz(
    names: Sequence[str], inputs: int, seconds: float, seed: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """The report of each reader (see `tests.fuzz.child`); files that broke it go to `folder`/found.

    A process that dies takes no other reader's report with it. The same seed feeds the same files.
    """
    left = list(names)
    while left:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "now").unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.fuzz.child", str(folder), str(seed)]
        command += [str(inputs), str(seconds), str(FOUND), *left]
        limit = _STARTING + 3 * seconds * len(left)
        try:
            done = subprocess.run(
                command,
                cwd=Path(__file__).resolve().parents[2],
                capture_output=True,
                timeout=limit,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            output, errors, how = done.stdout, done.stderr, f"exit code {done.returncode}"
        except subprocess.TimeoutExpired as error:
            output, errors, how = error.stdout or b"", error.stderr or b"", f"hangs, {limit:.0f} s"
        for line in output.decode().splitlines():
            report = json.loads(line)
            left.remove(report["reader"])
            yield report
        if left:
            yield _dead(left, folder, f"{how}; {errors.decode(errors='replace')[-300:]}")


def _dead(left: list[str], folder: Path, how: str) -> dict[str, Any]:
    """What killed the process: the reader that it was at, and the file that it read."""
    now = folder / "now"
    name = now.read_text() if now.is_file() else left[0]
    if now.is_file():
        kept = folder / "found" / folder_of(name) / "killed"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes((folder / "files" / BY_NAME[name].file).read_bytes())
    left.remove(name)
    return {"reader": name, "inputs": 0, "findings": 1, "found": [f"killed: {how}"]}


def main(arguments: Sequence[str]) -> int:
    """Print a table of all reports; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("readers", nargs="*", default=list(BY_NAME), metavar="READER")
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files that broke a reader")
    options = parser.parse_args(arguments)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="gsam-fuzz-"))
    found = 0
    print(f"{'reader':26}{'inputs':>8}{'refused':>9}{'read':>7}{'findings':>10}")
    for report in fuzz(options.readers, options.inputs, options.seconds, options.seed, folder):
        figures = [report.get(key, 0) for key in ("inputs", "refused", "value", "findings")]
        print("{:26}{:8}{:9}{:7}{:10}".format(report["reader"], *figures), flush=True)
        for line in report["found"]:
            print(f"    {line}")
        found += len(report["found"])
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

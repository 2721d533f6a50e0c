"""Look through folders of raw data and say what is there, missing or wrong, and what to do.

    python -m gsam.doctor                          every dataset under data/raw
    python -m gsam.doctor --dataset human36m       one dataset
    python -m gsam.doctor --dataset human36m=/archive/h36m --full

Exit code: 0 fine, 1 something is wrong, 2 usage, 3 data that the tables need is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from gsam.configs import nearest
from gsam.doctor.examining import DATASETS, examine
from gsam.doctor.findings import EXIT_CODES, Report
from gsam.errors import ConfigError, DataError
from gsam.progress import progress

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Without arguments, those of the command line."""
    parser = argparse.ArgumentParser(
        "python -m gsam.doctor", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--raw", type=Path, default=Path("data/raw"), help="folder of the datasets")
    parser.add_argument(
        "--dataset",
        nargs="+",
        metavar="NAME[=FOLDER]",
        default=list(DATASETS),
        help=f"some of {', '.join(DATASETS)}; FOLDER where it is not RAW/NAME",
    )
    parser.add_argument("--full", action="store_true", help="read everything; may take hours")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    try:
        chosen = list(_chosen(options.dataset, options.raw))
    except ConfigError as error:
        parser.error(str(error))
    reports = []
    for dataset, folder in chosen:
        report = examine(dataset, folder, options.full, progress)
        reports.append(report)
        if not options.json:
            print(report.text(), end="\n\n", flush=True)
    if options.json:
        json.dump([report.record() for report in reports], sys.stdout, indent=2)
        print()
    else:
        print(_summary(reports))
    return _exit_code(reports)


def _chosen(entries: Sequence[str], raw: Path) -> Iterator[tuple[str, Path]]:
    for entry in entries:
        name, _, folder = entry.partition("=")
        if name not in DATASETS:
            raise ConfigError(f"dataset {name!r}: {nearest(name, DATASETS)}")
        yield name, Path(folder) if folder else raw / name


def _exit_code(reports: Sequence[Report]) -> int:
    found = {report.exit_code for report in reports}
    return next((code for code in EXIT_CODES.values() if code in found), 0)


def _summary(reports: Sequence[Report]) -> str:
    """One line: which datasets are fine, wrong, incomplete."""
    words = {0: "fine", DataError.exit_code: "WRONG"}
    parts = [f"{one.dataset} {words.get(one.exit_code, 'incomplete')}" for one in reports]
    return textwrap.fill(", ".join(parts), 100)

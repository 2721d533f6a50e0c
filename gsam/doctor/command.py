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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gsam.configs import nearest
from gsam.datasets.grants import GRANTS
from gsam.doctor.files import examine_boxes, examine_bvh, examine_weights
from gsam.doctor.findings import EXIT_CODES, NOTE, Progress, Report, quiet
from gsam.doctor.human36m import examine_human36m
from gsam.doctor.pictures import examine_coco, examine_mpii
from gsam.doctor.smpl import examine_smpl
from gsam.doctor.threedhp import examine_threedhp
from gsam.doctor.threedpw import examine_threedpw
from gsam.errors import ConfigError, DataError
from gsam.progress import progress
from gsam.twin_mark import is_twin, twin_of

__all__ = ["EXAMINERS", "examine", "main", "require_sound"]

Examiner = Callable[[Report, bool, Progress], None]

EXAMINERS: dict[str, tuple[str, Examiner]] = {
    "human36m": (GRANTS["human36m"].title, examine_human36m),
    "threedhp": (GRANTS["mpi_inf_3dhp"].title, examine_threedhp),
    "threedpw": (GRANTS["threedpw"].title, examine_threedpw),
    "coco": (GRANTS["coco"].title, examine_coco),
    "mpii": (GRANTS["mpii"].title, examine_mpii),
    "smpl": (GRANTS["smpl"].title, examine_smpl),
    "weights": ("Checkpoints", examine_weights),
    "boxes": ("Person boxes", examine_boxes),
    "bvh": ("Motion capture", examine_bvh),
}
"""Name of a dataset's raw folder to its title and who looks at it."""


def examine(dataset: str, folder: Path, full: bool = False, progress: Progress = quiet) -> Report:
    """Look at one dataset's folder.

    Args:
        dataset: a key of EXAMINERS.
        folder: where its files are, or should be.
        full: look at every frame, picture and archive, and hash what has a published checksum.
        progress: shows what takes long.
    """
    title, examiner = EXAMINERS[dataset]
    report = Report(dataset, title, folder)
    if is_twin(folder):
        with report.checking("twin.json"):
            report.add(
                NOTE, "twin.json", f"a synthetic twin of {twin_of(folder)}, not the original"
            )
    examiner(report, full, progress)
    return report


def require_sound(dataset: str, folder: Path, progress: Progress = quiet) -> None:
    """Raise DataError with the doctor's table where something in the folder is wrong."""
    report = examine(dataset, folder, progress=progress)
    if report.exit_code == DataError.exit_code:
        raise DataError(
            f"{folder}: something is wrong in it (python -m gsam.doctor):\n{report.text()}"
        )


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        "python -m gsam.doctor", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--raw", type=Path, default=Path("data/raw"), help="folder of the datasets")
    parser.add_argument(
        "--dataset",
        nargs="+",
        metavar="NAME[=FOLDER]",
        default=list(EXAMINERS),
        help=f"some of {', '.join(EXAMINERS)}; FOLDER where it is not RAW/NAME",
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
        if name not in EXAMINERS:
            raise ConfigError(f"dataset {name!r}: {nearest(name, EXAMINERS)}")
        yield name, Path(folder) if folder else raw / name


def _exit_code(reports: Sequence[Report]) -> int:
    found = {report.exit_code for report in reports}
    return next((code for code in EXIT_CODES.values() if code in found), 0)


def _summary(reports: Sequence[Report]) -> str:
    """One line: which datasets are fine, wrong, incomplete."""
    words = {0: "fine", DataError.exit_code: "WRONG"}
    parts = [f"{one.dataset} {words.get(one.exit_code, 'incomplete')}" for one in reports]
    return ", ".join(parts)

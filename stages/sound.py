"""The data doctor at the door of the stages that take in raw data."""

import sys
from pathlib import Path

from gsam.doctor.examining import examine
from gsam.doctor.findings import WRONG
from gsam.errors import DataError
from stages.common import progress

__all__ = ["require_sound"]


def require_sound(dataset: str, folder: Path) -> None:
    """Look through a folder of originals before anything is made of it.

    What is missing is left to the caller, who knows what is needed.

    Raises:
        DataError: something in it is wrong; the doctor's table stands on standard error.
    """
    report = examine(dataset, folder, progress=progress)
    wrong = [finding for finding in report.findings if finding.status == WRONG]
    if wrong:
        print(report.text(), file=sys.stderr)
        raise DataError(
            f"{folder}: {len(wrong)} things are wrong, the first is {wrong[0].what}: "
            f"{wrong[0].text}; python -m gsam.doctor --dataset {dataset}={folder} looks again"
        )

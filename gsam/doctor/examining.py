"""Which datasets the doctor knows, and its look at one of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from gsam.datasets.grants import GRANTS
from gsam.doctor.findings import NOTE, Progress, Report, quiet
from gsam.twin_mark import is_twin, twin_of

__all__ = ["DATASETS", "examine"]

DATASETS = {
    "human36m": (GRANTS["human36m"].title, "human36m"),
    "threedhp": (GRANTS["mpi_inf_3dhp"].title, "threedhp"),
    "threedpw": (GRANTS["threedpw"].title, "threedpw"),
    "coco": (GRANTS["coco"].title, "pictures"),
    "mpii": (GRANTS["mpii"].title, "pictures"),
    "smpl": (GRANTS["smpl"].title, "smpl"),
    "weights": ("Checkpoints", "files"),
    "boxes": ("Person boxes", "files"),
    "bvh": ("Motion capture", "files"),
    "custom": ("Own recordings", "custom"),
}
"""Name of a dataset's raw folder to its title and the module here that holds `examine_NAME`.

Modules are imported when their dataset is looked at: some need torch, which takes seconds.
"""


def examine(dataset: str, folder: Path, full: bool = False, progress: Progress = quiet) -> Report:
    """Look at one dataset's folder.

    Args:
        dataset: a key of DATASETS.
        folder: where its files are, or should be.
        full: look at every frame, picture and archive, and hash what has a published checksum.
        progress: shows what takes long.
    """
    title, module = DATASETS[dataset]
    report = Report(dataset, title, folder)
    if is_twin(folder):
        with report.checking("twin.json"):
            report.add(NOTE, "twin.json", f"a twin of {twin_of(folder)}, not the original")
    look: Callable[[Report, bool, Progress], None]
    look = getattr(import_module(f"gsam.doctor.{module}"), f"examine_{dataset}")
    look(report, full, progress)
    return report

"""MPI-INF-3DHP's official tables of a file of predictions, without MATLAB.

    python -m gsam.metrics.mpi_inf_3dhp inference_data.mat FOLDER

FOLDER holds the test sequences (the authors' TS*/annot_data.mat, or P-STMO's archive, which does
not say what people are doing). Prints PCK at 150 mm and AUC per group of joints over the official
14, MPJPE over all 17, and PCK and AUC over all 17 by name: for every test sequence, setting and
activity, and for all valid frames pooled. Predictions are scored relative to their own pelvis, on
the skeletons of universal height. Exit codes: 0 printed, 1 a file that cannot be used, 2 usage, 3
licensed data missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gsam.datasets.mpi_inf_3dhp.annotations import Annotations
from gsam.datasets.mpi_inf_3dhp.files import ACTIVITIES, SETTINGS, TESTS
from gsam.datasets.mpi_inf_3dhp.takes import TWIN, read_test_sequences
from gsam.errors import DataError, GsamError
from gsam.metrics import pck, pose
from gsam.metrics.inference_data import read_inference_data
from gsam.skeletons import MPI_INF_3DHP_17
from gsam.twin_mark import is_twin

__all__ = ["official_tables"]

Errors = npt.NDArray[np.float64]
ALL = "all valid frames"


def official_tables(
    predictions: Mapping[str, npt.ArrayLike], truth: Mapping[str, Annotations]
) -> dict[str, dict[str, Any]]:
    """Figures by row: every test sequence, setting (its title), activity (its title) and ALL.

    Args:
        predictions: by test sequence the valid frames (N, 17, 3), mm, MPI-INF-3DHP-17.
        truth: by test sequence its annotations.

    Returns:
        {"frames", "pck": {group: percent}, "auc": {group: percent}, "mpjpe_mm", "pck150_all17",
        "auc_all17"} by row, in the order of the official tables; "total" is over the 14 joints.

    Raises DataError for numbers of frames that do not agree with the valid ones.
    """
    errors = {name: _errors(name, predictions[name], found) for name, found in truth.items()}
    rows = dict(errors)
    for setting, title in SETTINGS.items():
        rows[title] = np.concatenate(
            [errors[name] for name in errors if TESTS[name].setting == setting]
        )
    pooled = np.concatenate(list(errors.values()))
    known = [found.activities for found in truth.values()]
    doing = [a[f.valid] for a, f in zip(known, truth.values(), strict=True) if a is not None]
    if len(doing) == len(known):
        numbers = np.concatenate(doing)
        for number, title in ACTIVITIES.items():
            if (numbers == number).any():
                rows[title] = pooled[numbers == number]
    rows[ALL] = pooled
    return {name: _figures(found) for name, found in rows.items()}


def _errors(name: str, prediction: npt.ArrayLike, truth: Annotations) -> Errors:
    """Distances (N, 17) in millimetres, both poses about their pelvis."""
    target = truth.universal[truth.valid].astype(np.float64)
    poses = np.asarray(prediction, np.float64)
    if poses.shape != target.shape:
        raise DataError(
            f"{name}: predictions of {len(poses)} frames, expected {len(target)}: the valid ones"
        )
    root = [MPI_INF_3DHP_17.root]
    return pose.joint_errors(poses - poses[:, root], target - target[:, root])


def _figures(errors: Errors) -> dict[str, Any]:
    return {
        "frames": len(errors),
        **pck.official_scores(errors, MPI_INF_3DHP_17),
        "mpjpe_mm": float(errors.mean()),
        "pck150_all17": pck.pck(errors),
        "auc_all17": pck.auc(errors),
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gsam.metrics.mpi_inf_3dhp")
    parser.add_argument("predictions", type=Path, help="inference_data.mat")
    parser.add_argument("folder", type=Path, help="folder of the test sequences")
    options = parser.parse_args(arguments)
    try:
        truth = dict(read_test_sequences(options.folder))
        tables = official_tables(read_inference_data(options.predictions), truth)
    except GsamError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print("\n".join(_lines(tables, options.folder)))
    return 0


def _lines(tables: Mapping[str, Mapping[str, Any]], folder: str | os.PathLike[str]) -> list[str]:
    name = f"{TWIN} (synthetic: no result on the data set)" if is_twin(folder) else "MPI-INF-3DHP"
    groups = [*pck.OFFICIAL_GROUPS, "total"]
    width = max(map(len, tables))
    lines = [f"{name}, root-relative, universal height, groups and total of the official 14 joints"]
    for key, title in (("pck", "PCK at 150 mm, %"), ("auc", "AUC, 0 to 150 mm, %")):
        heads = "".join(f"{group:>8}" for group in (*groups, "all17"))
        lines += ["", f"{title:<{width}}{heads}"]
        overall = {"pck": "pck150_all17", "auc": "auc_all17"}[key]
        for row, found in tables.items():
            values = [*(found[key][group] for group in groups), found[overall]]
            lines.append(f"{row:<{width}}" + "".join(f"{value:8.1f}" for value in values))
    lines += ["", f"{'MPJPE, mm, all 17':<{width}}{'mm':>8}{'frames':>8}"]
    for row, found in tables.items():
        lines.append(f"{row:<{width}}{found['mpjpe_mm']:8.1f}{found['frames']:8d}")
    return lines


if __name__ == "__main__":
    sys.exit(main())

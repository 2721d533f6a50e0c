"""The doctor's look at a folder of body models: sizes, units, axes, sides, side files."""

from __future__ import annotations

import numpy as np

from gsam.body.bodies import FREE_BODY, NEUTRAL, Bodies, open_bodies
from gsam.body.files import H36M, SMPL_VERTICES
from gsam.body.mean_params import read_mean_params
from gsam.checkpoints.beside import MEAN_PARAMETERS
from gsam.datasets.grants import GRANTS
from gsam.doctor.findings import ABSENT, MISSING, NOTE, OK, WRONG, Progress, Report
from gsam.errors import DataError, LicensedDataMissing
from gsam.skeletons import SMPL_24

__all__ = ["examine_smpl"]

_HEIGHT_M = (1.2, 2.2)


def examine_smpl(report: Report, full: bool, progress: Progress) -> None:
    """Look at every body model in the report's folder."""
    what = "SMPL_{NEUTRAL,MALE,FEMALE}"
    try:
        bodies = open_bodies(report.folder)
    except LicensedDataMissing:
        text = (
            f"no neutral model: the {FREE_BODY} stands in, and results say so; "
            f"{GRANTS['smpl'].sentence}"
        )
        report.add(MISSING, what, text)
        return
    except DataError as error:
        report.add(WRONG, what, str(error))
        return
    for gender in bodies.arrays:
        _check_body(report, bodies, gender)
    for gender in ("male", "female"):
        if gender not in bodies.arrays:
            report.add(ABSENT, gender, "needed for `mesh.truth: gendered`")
    if H36M not in bodies.arrays[NEUTRAL]:
        report.add(MISSING, f"{H36M}.npy", "needed for PARE's protocol on 3DPW")
    path = report.folder / MEAN_PARAMETERS
    if path.is_file():
        with report.checking(MEAN_PARAMETERS):
            read_mean_params(path)
            report.add(OK, MEAN_PARAMETERS, "mean pose, shape and camera")


def _check_body(report: Report, bodies: Bodies, gender: str) -> None:
    arrays = bodies.arrays[gender]
    template = np.asarray(arrays["v_template"], np.float64)
    extent = np.ptp(template, axis=0)
    joints = arrays["J_regressor"].astype(np.float64) @ template
    hips = joints[SMPL_24.indices(["left_hip", "right_hip"]), 0]
    toes = joints[SMPL_24.indices(["left_foot", "left_ankle"]), 2]
    tallest = int(extent.argmax())
    low, high = _HEIGHT_M
    if tallest == 0:
        # Arms are stretched out: the span is about the height.
        tallest = 1 if extent[1] >= extent[2] else 2
    faults = [
        (tallest != 1, f"stands along {'xyz'[tallest]}, expected y"),
        (not low <= extent[1] <= high, f"{extent[1]:.4g} tall, expected {low:g} to {high:g} m"),
        (hips[0] < hips[1], "left and right swapped: the left hip is at -x"),
        (toes[0] < toes[1], "faces -z: feet are behind the ankles"),
    ]
    wrong = [text for bad, text in faults if bad]
    for text in wrong:
        report.add(WRONG, gender, text)
    if not wrong:
        vertices = len(template)
        report.add(OK, gender, f"{bodies.name}, {extent[1]:.2f} m tall, y up, left at +x")
        if vertices != SMPL_VERTICES:
            report.add(NOTE, gender, f"not SMPL, which has {SMPL_VERTICES:,} vertices")

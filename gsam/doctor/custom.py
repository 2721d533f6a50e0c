"""The doctor's look at a folder of users' own recordings."""

from __future__ import annotations

import numpy as np

from gsam.datasets.custom.takes import custom_files, read_keypoints, read_takes
from gsam.doctor.anatomy import bone_fault, side_fault, spread
from gsam.doctor.findings import ABSENT, NOTE, OK, Faults, Progress, Report
from gsam.doctor.reprojection import cause_of, projected

__all__ = ["examine_custom"]

_ALLOWED_PX = 60.0
"""Median distance of somebody's detections from somebody's projected 3D."""
_SAMPLE = 48


def examine_custom(report: Report, full: bool, progress: Progress) -> None:
    """Look at every recording with 3D in the report's folder, its sides and its keypoints."""
    what, folder = "*.parquet", report.folder
    if not any(folder.rglob("*.parquet")):
        report.add(ABSENT, what, "none: needed for `data: custom` alone")
        return
    faults, unusual = Faults(), Faults()
    with report.checking(what):
        takes = list(read_takes(folder, "custom"))
        keypoints = read_keypoints(folder)
        for take in progress(takes, "look at recordings"):
            some = spread(len(take.joints), len(take.joints) if full else _SAMPLE)
            joints = take.joints[some].astype(np.float64)
            if fault := side_fault(joints, nose=False):
                faults.add(fault, take.sequence)
            elif fault := bone_fault(joints):
                unusual.add(fault, take.sequence)
            for camera, view in zip(take.cameras, keypoints[take.sequence], strict=True):
                if view is None:
                    continue
                points = np.asarray(view[0], np.float64)[some]
                fault = cause_of(points, projected(camera, joints), _ALLOWED_PX, camera)
                if fault:
                    faults.add(fault, f"{take.sequence} camera {camera.name}")
        if not faults:
            files = len(custom_files(folder))
            report.add(OK, what, f"{files:,} files, {len(takes):,} takes with 3D: sides, keypoints")
    faults.tell(report, what)
    unusual.tell(report, what, NOTE)

"""The doctor's look at a folder of MPI-INF-3DHP: official files, P-STMO's archives, or both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.grants import GRANTS
from gsam.datasets.mpi_inf_3dhp.annotations import (
    Annotations,
    read_test_annotations,
    read_training_annotations,
)
from gsam.datasets.mpi_inf_3dhp.calibration import read_calibration
from gsam.datasets.mpi_inf_3dhp.checks import MM_PER_M
from gsam.datasets.mpi_inf_3dhp.files import (
    CAMERA_SETS,
    NUM_CAMERAS,
    TEST_ARCHIVE,
    TESTS,
    TRAIN_ARCHIVE,
    TRAINING,
    test_file,
    test_path,
    train_file,
)
from gsam.datasets.mpi_inf_3dhp.npz import read_test_archive, read_training_archive
from gsam.doctor.anatomy import bone_fault, side_fault, spread, up_fault
from gsam.doctor.findings import MISSING, NOTE, OK, Faults, Progress, Report, listed
from gsam.doctor.reprojection import swapped_beside
from gsam.skeletons import H36M_17, convert
from gsam.twin_mark import is_twin

__all__ = ["examine_threedhp"]

_CALIBRATION = "camera.calibration"
_CHEST = CAMERA_SETS["chest"]
_SAMPLE = 48
_INSIDE = 0.9
"""Share of the joints that lie in the picture, at least."""


def examine_threedhp(report: Report, full: bool, progress: Progress) -> None:
    """Look at everything of MPI-INF-3DHP in the report's folder."""
    folder = report.folder
    official = any((folder / train_file(*key)).is_file() for key in TRAINING)
    official = official or any(test_path(folder, name).is_file() for name in TESTS)
    archives = [name for name in (TRAIN_ARCHIVE, TEST_ARCHIVE) if (folder / name).is_file()]
    if official:
        _check_training(report, full, progress)
        _check_tests(report, full, progress)
    if archives:
        _check_archives(report, archives, full)
    if official and archives:
        report.add(NOTE, "both layouts", "official files and P-STMO's archives lie here")
    if not official and not archives:
        report.add(
            MISSING,
            f"S*/Seq*/annot.mat, {TRAIN_ARCHIVE}",
            f"needed here, one of the two layouts; {GRANTS['mpi_inf_3dhp'].sentence}",
        )


def _check_training(report: Report, full: bool, progress: Progress) -> None:
    what, twin = "S*/Seq*/annot.mat", is_twin(report.folder)
    faults, absent, frames = Faults(), list[str](), 0
    cameras = range(NUM_CAMERAS) if full else _CHEST
    for key, length in progress(list(TRAINING.items()), "look at training sequences"):
        path = report.folder / train_file(*key)
        calibration = path.with_name(_CALIBRATION)
        absent += [
            p.relative_to(report.folder).as_posix() for p in (path, calibration) if not p.is_file()
        ]
        if not path.is_file() or not calibration.is_file():
            continue
        place = "/".join(key)
        with faults.catching(str(path)):
            lenses = read_calibration(calibration)
            usable = None if twin else length.frames
            for number, found in read_training_annotations(path, lenses, cameras, usable):
                frames += len(found.points)
                for fault in _faults(found, lenses[number], upright=number in _CHEST):
                    faults.add(fault, f"{place} camera {number}")
    if absent:
        report.add(MISSING, what, f"missing: {listed(absent)}; {GRANTS['mpi_inf_3dhp'].sentence}")
    if frames and not faults:
        text = (
            f"{frames:,} annotated frames of {len(cameras)} cameras; millimetres, 28 joints, "
            "annot3 falls on annot2, univ_annot3 is its rescaled"
        )
        report.add(OK, what, text if twin else f"{text}, published frame counts")
    faults.tell(report, what)


def _check_tests(report: Report, full: bool, progress: Progress) -> None:
    what, twin = "TS*/annot_data.mat", is_twin(report.folder)
    faults, absent, valid = Faults(), list[str](), 0
    for name, facts in progress(list(TESTS.items()), "look at test sequences"):
        path = test_path(report.folder, name)
        if not path.is_file():
            absent.append(test_file(name))
            continue
        fx, fy, cx, cy = facts.lens
        camera = Camera(
            name=name,
            width=facts.width,
            height=facts.height,
            fx=fx,
            fy=fy,
            cx=cx,
            cy=cy,
            distortion=(),
            model="pinhole",
            R=np.eye(3),
            t=np.zeros(3),
        )
        with faults.catching(str(path)):
            found = read_test_annotations(path, camera)
            scored = int(found.valid.sum()) if found.valid is not None else 0
            valid += scored
            if not twin and (len(found.points), scored) != (facts.frames, facts.valid):
                faults.add(
                    f"{len(found.points)} frames, {scored} of them valid; published "
                    f"{facts.frames} and {facts.valid}",
                    name,
                )
            for fault in _faults(found, camera, upright=False):
                faults.add(fault, name)
    if absent:
        report.add(MISSING, what, f"missing: {listed(absent)}; {GRANTS['mpi_inf_3dhp'].sentence}")
    if valid and not faults:
        report.add(OK, what, f"{valid:,} valid frames; millimetres, 17 joints, picture sizes")
    faults.tell(report, what)


def _faults(found: Annotations, camera: Camera, upright: bool) -> Iterator[str]:
    """What is wrong with one camera's annotations beyond what its reader refuses."""
    rows = np.arange(len(found.points)) if found.valid is None else np.flatnonzero(found.valid)
    some = rows[spread(len(rows), _SAMPLE)]
    points = np.asarray(found.points[some], np.float64)
    inside = ((points >= 0) & (points <= (camera.width, camera.height))).all(axis=-1).mean()
    if inside < _INSIDE:
        yield (
            f"{100 * (1 - inside):.0f} % of the joints lie outside of {camera.width} x "
            f"{camera.height} px: another picture size?"
        )
    joints = _metres(found, some)
    fault = bone_fault(joints) or side_fault(joints, nose=False)
    if not fault and upright:
        fault = up_fault(joints, axis=1, sign=-1)
    if fault:
        yield fault


def _metres(found: Annotations, some: NDArray[np.int64]) -> NDArray[np.float64]:
    metric = np.asarray(found.universal[some], np.float64) / MM_PER_M
    return convert(metric, found.skeleton, H36M_17)


def _check_archives(report: Report, archives: list[str], full: bool) -> None:
    if len(archives) == 1:
        absent = next(name for name in (TRAIN_ARCHIVE, TEST_ARCHIVE) if name not in archives)
        report.add(MISSING, absent, f"needed beside {archives[0]}, or the official files")
    for name in archives:
        faults, counts = Faults(), list[int]()
        with faults.catching(str(report.folder / name)):
            for place, found in _archived(report.folder / name):
                counts.append(len(found.points))
                some = spread(len(found.points), len(found.points) if full else _SAMPLE)
                joints = _metres(found, some)
                fault = bone_fault(joints) or side_fault(joints, nose=False)
                points = convert(np.asarray(found.points[some]), found.skeleton, H36M_17)
                if not fault and swapped_beside(points, joints):
                    fault = "left and right swapped in data_2d, not in data_3d"
                if fault:
                    faults.add(fault, place)
                _count(report, place, found, faults)
        if not faults:
            text = f"{len(counts)} views, {sum(counts):,} frames; millimetres, 17 joints, sides"
            report.add(OK, name, text)
        faults.tell(report, name)


def _archived(path: Path) -> Iterator[tuple[str, Annotations]]:
    if path.name == TEST_ARCHIVE:
        yield from read_test_archive(path)
        return
    for subject, sequence, number, found in read_training_archive(path, CAMERA_SETS["vnect"]):
        yield f"{subject}/{sequence} camera {number}", found


def _count(report: Report, place: str, found: Annotations, faults: Faults) -> None:
    """Hold a view's frames against the published counts, where the folder is not a twin's."""
    if is_twin(report.folder):
        return
    if place in TESTS:
        expected = TESTS[place].frames
    else:
        subject, sequence = place.split(" ")[0].split("/")
        expected = TRAINING[subject, sequence].frames
    if len(found.points) < expected:
        faults.add(f"{len(found.points)} frames, published {expected}", place)

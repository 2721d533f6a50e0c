"""Human3.6M's 2D keypoints, a file or folder per source, held against the 3D beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.files import BROKEN, DISPLACED, FPS, KEYPOINT_FILES, canonical_take
from gsam.datasets.human36m.keypoints import joint_layout, view_of
from gsam.datasets.human36m.raw_keypoints import RAW_KEYPOINTS, RawKeypoints
from gsam.doctor.anatomy import spread
from gsam.doctor.findings import ABSENT, NOTE, OK, Faults, Progress, Report, listed
from gsam.doctor.human36m_poses import Read
from gsam.doctor.reprojection import cause_of, distance, projected
from gsam.errors import DataError
from gsam.skeletons import COCO_17, H36M_17, Skeleton, convert
from gsam.unpickle import load_npz

__all__ = ["check_points"]

NEEDED_FOR = {
    "gt": "projected from the 3D instead",
    "cpn": "needed for `keypoints: imported` and the tables",
    "detectron": "needed for `keypoints: imported_detectron`",
    "sh": "needed for `keypoints: imported_hourglass`",
    "detectron_coco": "not used by any table",
    "sh_mpii": "not used by any table",
}
_ORIGINALS = {
    "gt": "S*/MyPoseFeatures/D2_Positions",
    "sh": "S*/StackedHourglassFineTuned*",
    "sh_mpii": "S*/StackedHourglass",
}
_ALLOWED_PX = {"gt": 2.0}
_DETECTED_PX = 40.0
_SURPLUS = FPS
"""More frames of video than of 3D that are worth a note."""
_WITHOUT_3D = ("S2", "S3", "S4", "S10")
_SAMPLE = 12


def check_points(report: Report, source: str, poses: Read, full: bool, progress: Progress) -> None:
    """Check one source of keypoints ("gt", "cpn", ...), where it is there."""
    what = KEYPOINT_FILES[source]
    if not (report.folder / what).is_file():
        originals = RawKeypoints(report.folder, source) if source in RAW_KEYPOINTS else {}
        if not originals:
            report.add(ABSENT, what, NEEDED_FOR[source])
            return
        what = _ORIGINALS[source]
        views: Any = {key: (originals, key) for key in originals}
        _check(report, what, source, views, None, poses, full, progress)
        return
    with report.checking(what):
        content = load_npz(report.folder / what, ["positions_2d", "metadata"])
        layout = joint_layout(content["metadata"], what)
        _check(report, what, source, _named(content["positions_2d"]), layout, poses, full, progress)


def _named(positions: Any) -> dict[tuple[str, str], Any]:
    if not isinstance(positions, dict) or not positions:
        raise DataError("positions_2d holds no subjects, expected a dictionary of them")
    for subject, takes in positions.items():
        if not isinstance(takes, dict):
            raise DataError(f"{subject} holds no takes, expected a dictionary of them")
    return {
        (str(subject), canonical_take(str(take))): views
        for subject, takes in positions.items()
        for take, views in takes.items()
    }


def _check(
    report: Report,
    what: str,
    source: str,
    views: dict[tuple[str, str], Any],
    layout: Skeleton | None,
    poses: Read,
    full: bool,
    progress: Progress,
) -> None:
    """`layout` None: the views are of original files, read when they are asked for."""
    faults, surplus, apart = Faults(), list[str](), list[float]()
    for subject, take in progress(sorted(poses.sound), f"look at {what}"):
        place = f"{subject}/{take}"
        if (subject, take) not in views:
            faults.add("no keypoints, expected four cameras", place)
            continue
        joints = poses.sound[subject, take]
        for index, view in enumerate(_four(views[subject, take], place, faults)):
            camera = human36m_cameras()[subject][index]
            where = f"{place} camera {camera.name}"
            if view is None:
                if place != BROKEN:
                    faults.add("no keypoints of a camera", where)
                continue
            with faults.catching(where):
                points = view if layout is None else view_of(view, layout, where)
                if len(points) < len(joints):
                    raise DataError(
                        f"{len(points)} frames of keypoints, expected at least the {len(joints)} "
                        "of the 3D"
                    )
                if len(points) - len(joints) > _SURPLUS:
                    surplus.append(f"{where} ({len(points):,} for {len(joints):,} frames)")
                if place in DISPLACED and source != "gt":
                    continue
                some = spread(len(joints), len(joints) if full else _SAMPLE)
                fault, median = _off(view, points, joints, some, subject, index, source, layout)
                apart.append(median)
                if fault:
                    faults.add(fault, where)
    if surplus:
        report.add(NOTE, what, f"known, cut: over a second more video than 3D: {listed(surplus)}")
    extra = sorted({s for s, _ in views} - {s for s, _ in poses.named} - set(_WITHOUT_3D))
    if extra and poses.named:
        faults.add("subjects without 3D", ", ".join(extra))
    if len(poses.sound) < len(poses.named):
        unsound = len(poses.named) - len(poses.sound)
        report.add(NOTE, what, f"{unsound} takes whose 3D is wrong are not compared with it")
    if not faults:
        names = layout.name if layout else "the originals' order"
        report.add(OK, what, f"{_fit(apart)}; pixels, {names}, four cameras")
    faults.tell(report, what)


def _fit(apart: list[float]) -> str:
    return f"{np.median(apart):.1f} px (median) from the projected 3D" if apart else "not compared"


def _four(views: Any, place: str, faults: Faults) -> list[Any]:
    """The four cameras' views; none, with a fault, where there are not four."""
    cameras = len(next(iter(human36m_cameras().values())))
    with faults.catching(place):
        if isinstance(views, tuple) and isinstance(views[0], RawKeypoints):
            return list(views[0][views[1]])
        rows = list(views) if isinstance(views, list | tuple | np.ndarray) else []
        if len(rows) == cameras:
            return rows
        faults.add(f"{len(rows)} cameras, expected a list of {cameras}", place)
    return []


def _off(
    view: NDArray[Any],
    points: NDArray[np.float32],
    joints: NDArray[np.float32],
    some: NDArray[np.int64],
    subject: str,
    index: int,
    source: str,
    layout: Skeleton | None,
) -> tuple[str, float]:
    """What is wrong with one camera's keypoints, and their median distance from the 3D in px."""
    cameras = human36m_cameras()[subject]
    truths = [projected(camera, joints[some]) for camera in cameras]
    readings = {}
    for other in (COCO_17, H36M_17):
        if layout in (COCO_17, H36M_17) and other != layout:
            read = convert(view[some, :, :2], other, H36M_17)
            readings[f"the joints are in {other.name}'s order, not {layout.name}'s"] = read
    others = [
        (camera.name, truth)
        for camera, truth in zip(cameras, truths, strict=True)
        if camera is not cameras[index]
    ]
    allowed = _ALLOWED_PX.get(source, _DETECTED_PX)
    given = points[some].astype(np.float64)
    fault = cause_of(given, truths[index], allowed, cameras[index], readings, others)
    return fault, distance(given, truths[index])

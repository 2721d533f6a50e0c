"""The doctor's look at a folder of Human3.6M: archives or original files, keypoints, videos."""

from __future__ import annotations

from pathlib import Path

from gsam.datasets.grants import GRANTS
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.files import (
    BROKEN,
    FPS,
    KEYPOINT_FILES,
    POSES_FILE,
    TEST_SUBJECTS,
    action_of,
)
from gsam.datasets.human36m.frames import video_files
from gsam.datasets.human36m.metadata import check_metadata
from gsam.datasets.human36m.raw import check_mono
from gsam.datasets.human36m.raw_files import metadata_file, poses_container, view_files
from gsam.datasets.takes import Take
from gsam.doctor.anatomy import spread
from gsam.doctor.findings import ABSENT, MISSING, NOTE, OK, Faults, Progress, Report
from gsam.doctor.human36m_points import check_points
from gsam.doctor.human36m_poses import Poses, Read, check_poses
from gsam.errors import LicensedDataMissing

__all__ = ["examine_human36m"]

_VIDEOS = "S*/Videos/*.mp4"
_UNIVERSAL = "MyPoseFeatures/D3_Positions_mono_universal"
_SAMPLED_VIDEOS = 12


def examine_human36m(report: Report, full: bool, progress: Progress) -> None:
    """Look at everything of Human3.6M in the report's folder."""
    folder = report.folder
    archive = (folder / POSES_FILE).is_file()
    container = poses_container(folder)
    poses = Read()
    if not archive and container is None:
        text = (
            f"needed here, or the original S*/MyPoseFeatures/D3_Positions; "
            f"{GRANTS['human36m'].sentence}"
        )
        report.add(MISSING, POSES_FILE, text)
    else:
        poses = check_poses(report, "npz" if archive else str(container), full, progress)
    if archive and container is not None:
        report.add(NOTE, "S*/MyPose*", "original files beside the archives: the archives are read")
    if container is not None:
        _check_originals(report, poses.sound)
    for source in KEYPOINT_FILES:
        check_points(report, source, poses, full, progress)
    _check_videos(report, poses.sound, full, progress)


def _check_originals(report: Report, poses: Poses) -> None:
    """The original files beside the poses: calibration, positions in each camera's frame."""
    metadata = metadata_file(report.folder)
    if metadata is None:
        report.add(ABSENT, "metadata.xml", "the published calibration is used without a check")
    else:
        name = metadata.relative_to(report.folder).as_posix()
        faults = Faults()
        with faults.catching(name):
            check_metadata(metadata)
            report.add(OK, name, "its cameras are the published calibration")
        faults.tell(report, name)
    if list(report.folder.glob(f"*/{_UNIVERSAL}")):
        report.add(NOTE, _UNIVERSAL, "never read: its skeletons are rescaled")
    mono = view_files(report.folder, "mono")
    if mono and poses:
        what, faults = "S*/MyPoseFeatures/D3_Positions_mono", Faults()
        for subject, name in {subject: (subject, name) for subject, name in sorted(poses)}.values():
            with faults.catching(f"{subject}/{name}"):
                check_mono(_take(subject, name, poses), mono)
        if not faults:
            report.add(OK, what, "the same as D3_Positions before each camera (a take a subject)")
        faults.tell(report, what)


def _take(subject: str, name: str, poses: Poses) -> Take:
    return Take(
        dataset="human36m",
        subject=subject,
        action=action_of(name),
        name=name,
        fps=FPS,
        split="test" if subject in TEST_SUBJECTS else "train",
        joints=poses[subject, name],
        cameras=human36m_cameras()[subject],
    )


def _check_videos(report: Report, poses: Poses, full: bool, progress: Progress) -> None:
    try:
        files = video_files(report.folder)
    except LicensedDataMissing:
        report.add(ABSENT, _VIDEOS, "needed for our own detectors on Human3.6M")
        return
    faults = Faults()
    broken = (*BROKEN.split("/"), "54138969")
    for subject, take in sorted(poses):
        for camera in human36m_cameras()[subject]:
            key = (subject, take, camera.name)
            if key not in files and key != broken:
                faults.add("no video", " ".join(key))
    wanted = sorted(key for key in files if key[:2] in poses)
    some = wanted if full else [wanted[i] for i in spread(len(wanted), _SAMPLED_VIDEOS)]
    for key in progress(some, "look at videos"):
        fault = _video_fault(files[key], key[2], key[0], len(poses[key[0], key[1]]))
        if fault:
            faults.add(fault, " ".join(key))
    if not faults:
        text = f"{len(files)} videos; {len(some)} looked at: size, {FPS:g} Hz, length"
        report.add(OK, _VIDEOS, text)
    faults.tell(report, _VIDEOS)


def _video_fault(path: Path, name: str, subject: str, frames: int) -> str:
    """What is wrong with a video by what its header says: "" where nothing is."""
    import cv2

    camera = next(camera for camera in human36m_cameras()[subject] if camera.name == name)
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            return "cannot be opened as a video"
        width, height, fps, count = (
            video.get(prop)
            for prop in (
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_COUNT,
            )
        )
    finally:
        video.release()
    if (width, height) != (camera.width, camera.height):
        return f"{width:.0f} x {height:.0f} px, expected {camera.width} x {camera.height}"
    if abs(fps - FPS) > 0.5:
        return f"{fps:g} frames a second, expected {FPS:g}"
    if 0 < count < frames:
        return f"{count:.0f} frames, expected at least the {frames} of the 3D"
    return ""

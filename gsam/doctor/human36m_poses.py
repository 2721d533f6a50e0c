"""Human3.6M's 3D, in either layout: every take that can be read, and what is wrong with the rest.

Unlike the readers, which stop at the first fault, this goes on to name them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.human36m.containers import read_positions
from gsam.datasets.human36m.files import (
    ACTIONS,
    BROKEN,
    DISPLACED,
    FPS,
    POSES_FILE,
    SUBJECTS,
    action_of,
    canonical_take,
)
from gsam.datasets.human36m.joints import world_joints
from gsam.datasets.human36m.raw_files import CONTAINERS, take_files
from gsam.doctor.anatomy import bone_fault, pace_fault, side_fault, spread, up_fault
from gsam.doctor.findings import NOTE, OK, WRONG, Faults, Progress, Report, listed
from gsam.errors import DataError
from gsam.twin_mark import is_twin
from gsam.unpickle import load_object_npz

__all__ = ["Poses", "Read", "check_poses"]

Poses = dict[tuple[str, str], NDArray[np.float32]]
"""(subject, take) to joints (T, 17, 3), world metres."""


@dataclass
class Read:
    """What a look at the 3D leaves: every take that is `named`, and those that are `sound`."""

    named: set[tuple[str, str]] = field(default_factory=set)
    sound: Poses = field(default_factory=dict)


PUBLISHED = {"S1": 62_094, "S5": 99_079, "S6": 62_466}
"""Frames of the original's subjects, as far as they are published; and of all train subjects."""
PUBLISHED_TRAIN, PUBLISHED_TEST = 389_938, 135_836
"""Test frames without S11's Directions."""
_TAKES_OF_AN_ACTION = 2
_STANDING = ("Walking", "WalkTogether", "WalkDog", "Greeting", "Waiting")
_THINNED = {2: 25, 5: 10, 10: 5}
"""Every how many-th frame of published counts was kept, and the frame rate it makes."""


def check_poses(report: Report, layout: str, full: bool, progress: Progress) -> Read:
    """Read all 3D of `layout` ("npz" or a container of the originals); tell what was found."""
    what = POSES_FILE if layout == "npz" else f"S*/{CONTAINERS[layout][0]}/*{CONTAINERS[layout][1]}"
    faults = Faults()
    found = Read()
    poses: Poses = {}
    with report.checking(what):
        read = _of_archive if layout == "npz" else _of_originals
        for subject, name, value, unit in read(report.folder, layout, faults, progress):
            found.named.add((subject, name))
            with faults.catching(f"{subject}/{name}"):
                poses[subject, name] = world_joints(value(), f"{subject}/{name}", unit)
    _check_names(found.named, faults)
    wrong = _check_bodies(poses, faults, full)
    found.sound = {key: joints for key, joints in poses.items() if key not in wrong}
    if poses and not faults:
        frames = sum(map(len, poses.values()))
        subjects = len({subject for subject, _ in poses})
        report.add(
            OK,
            what,
            f"{subjects} subjects, {len(poses)} takes, {frames:,} frames at {FPS:g} Hz; "
            "metres, z up, sides and bones are people's"
            if layout == "npz"
            else f"{subjects} subjects, {len(poses)} takes, {frames:,} frames at {FPS:g} Hz; "
            "millimetres in the world, z up, sides and bones are people's",
        )
    faults.tell(report, what)
    if poses:
        _count(report, what, poses)
        _known(report, what, poses)
    return found


def _of_archive(
    folder: Path, layout: str, faults: Faults, progress: Progress
) -> Iterable[tuple[str, str, Any, str]]:
    content = load_object_npz(folder / POSES_FILE, "positions_3d")
    if not isinstance(content, dict) or not content:
        raise DataError(f"positions_3d holds no subjects, expected {', '.join(SUBJECTS)}")
    for subject in progress(sorted(content, key=str), "look at 3D"):
        takes = content[subject]
        if subject not in SUBJECTS or not isinstance(takes, dict):
            faults.add(f"no subject of Human3.6M's 3D, expected {', '.join(SUBJECTS)}", subject)
            continue
        for name, value in takes.items():
            yield subject, canonical_take(str(name)), lambda value=value: value, "metres"


def _of_originals(
    folder: Path, layout: str, faults: Faults, progress: Progress
) -> Iterable[tuple[str, str, Any, str]]:
    files = take_files(folder, layout)
    for subject, name in progress(sorted(files), "look at 3D"):
        if f"{subject}/{name}" == BROKEN:
            continue
        path = files[subject, name]
        yield subject, name, lambda path=path: read_positions(path, 3), "millimetres"


def _check_names(named: set[tuple[str, str]], faults: Faults) -> None:
    for subject in SUBJECTS:
        here = sorted(name for owner, name in named if owner == subject)
        if not here:
            faults.add("subject missing", subject)
            continue
        for name in here:
            if action_of(name) not in ACTIONS:
                faults.add(f"unknown action, expected one of {', '.join(ACTIONS)}", name)
        for action in ACTIONS:
            takes = [name for name in here if action_of(name) == action]
            expected = _TAKES_OF_AN_ACTION
            if f"{subject}/{action}" == BROKEN and action not in takes:
                expected -= 1
            if len(takes) != expected:
                have = f"{listed(takes)}" if takes else "none"
                faults.add(f"takes of an action are not two, but {have}", f"{subject}/{action}")


def _check_bodies(poses: Poses, faults: Faults, full: bool) -> set[tuple[str, str]]:
    """Note what is wrong with the motion; returns the takes whose joints are not what they say."""
    wrong = set()
    paces: dict[str, str] = {}
    for (subject, name), joints in poses.items():
        place = f"{subject}/{name}"
        some = joints if full else joints[spread(len(joints), 48)]
        for fault in (bone_fault(some) or side_fault(some), _frame_fault(name, some)):
            if fault:
                faults.add(fault, place)
                wrong.add((subject, name))
        if action_of(name) == "Walking":
            paces[place] = pace_fault(joints, FPS)
    # One odd walk is an odd walk.
    if paces and all(paces.values()):
        for place, fault in paces.items():
            faults.add(fault, place)
    return wrong


def _frame_fault(name: str, joints: NDArray[np.float32]) -> str:
    """Whether a take is not in the world's frame: "" if it is."""
    if action_of(name) not in _STANDING:
        return ""
    fault = up_fault(joints)
    if not fault:
        return ""
    before_camera = np.median(joints[:, 0, 2]) > 1.5
    return f"{fault}: {'a camera' if before_camera else 'another'} frame, not the world's"


def _count(report: Report, what: str, poses: Poses) -> None:
    """Hold frame counts against the published ones, where the folder is not a twin's."""
    if is_twin(report.folder):
        report.add(NOTE, what, "a twin's (twin.json): published frame counts do not apply")
        return
    frames = {subject: 0 for subject in SUBJECTS}
    for (subject, _), joints in poses.items():
        frames[subject] = frames.get(subject, 0) + len(joints)
    for subject, expected in PUBLISHED.items():
        for step, rate in _THINNED.items():
            if frames[subject] and abs(frames[subject] * step - expected) <= 30 * step:
                report.add(
                    WRONG,
                    what,
                    f"{subject} has {frames[subject]:,} frames, one in {step} of the published "
                    f"{expected:,}: thinned out to {rate} Hz, expected {FPS:g} Hz",
                )
    test = frames["S9"] + frames["S11"] - len(poses.get(("S11", "Directions"), ()))
    train = sum(frames.values()) - frames["S9"] - frames["S11"]
    if (train, test) == (PUBLISHED_TRAIN, PUBLISHED_TEST):
        report.add(OK, what, f"frame counts are the published ones: {train:,} train, {test:,} test")
    else:
        report.add(
            NOTE,
            what,
            f"{train:,} train and {test:,} test frames, published {PUBLISHED_TRAIN:,} and "
            f"{PUBLISHED_TEST:,}: figures will not be comparable with published ones",
        )


def _known(report: Report, what: str, poses: Poses) -> None:
    displaced = [place for place in DISPLACED if tuple(place.split("/")) in poses]
    if displaced and not is_twin(report.folder):
        report.add(
            NOTE,
            what,
            f"{', '.join(displaced)}: known, their 3D lies beside the person in the picture; "
            "scored or not as `displaced` in params.yaml says",
        )
    if tuple(BROKEN.split("/")) not in poses:
        report.add(NOTE, what, f"{BROKEN} is left out: known, one camera's video is unreadable")

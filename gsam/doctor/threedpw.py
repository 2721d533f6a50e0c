"""The doctor's look at a folder of 3DPW: labels per split, their cameras, and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.grants import GRANTS
from gsam.datasets.threedpw.npz import preprocessed_files, read_preprocessed
from gsam.datasets.threedpw.pickles import SPLITS, image_file, sequence_of
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.doctor.findings import MISSING, NOTE, OK, Faults, Progress, Report, listed
from gsam.images import jpeg_size
from gsam.skeletons import OPENPOSE_18, SMPL_24
from gsam.twin_mark import is_twin
from gsam.unpickle import load_pickle

__all__ = ["examine_threedpw"]

PUBLISHED = {"train": 24, "validation": 12, "test": 24}
"""Sequences of each split."""
PUBLISHED_PEOPLE = 35_515
"""Person-frames of SPIN's 3dpw_test.npz."""
_FAR_PX = 80.0
_THIGH_M = (0.25, 0.60)
_CENTRE = (0.3, 0.7)
"""Where in a picture's width and height its optical centre may be."""

Floats = NDArray[np.float64]
_SHARED = [joint for joint in OPENPOSE_18.joints if joint in SMPL_24.joints and joint != "neck"]


def examine_threedpw(report: Report, full: bool, progress: Progress) -> None:
    """Look at everything of 3DPW in the report's folder."""
    folder = report.folder
    files = {split: sorted(folder.glob(f"sequenceFiles/{split}/*.pkl")) for split in SPLITS}
    npz = preprocessed_files(folder)
    if not any(files.values()):
        if npz is None:
            text = f"needed; {GRANTS['threedpw'].sentence}: unpack sequenceFiles.zip here"
            report.add(MISSING, "sequenceFiles/*/*.pkl", text)
        else:
            _check_preprocessed(report, *npz)
    for split in SPLITS:
        if any(files.values()):
            _check_split(report, split, files[split], full, progress)
    if not (folder / "imageFiles").is_dir():
        report.add(MISSING, "imageFiles", "needed: unpack imageFiles.zip here")


def _check_preprocessed(report: Report, train: Path, test: Path) -> None:
    what = "3dpw_train.npz, 3dpw_test.npz"
    with report.checking(what):
        people = read_preprocessed(train, test)
        count = len(people["test"].frames)
        report.add(OK, what, f"{count:,} person-frames to test on, instead of sequenceFiles")
        if count != PUBLISHED_PEOPLE and not is_twin(report.folder):
            report.add(NOTE, what, f"published: {PUBLISHED_PEOPLE:,} person-frames to test on")


def _check_split(
    report: Report, split: str, files: list[Path], full: bool, progress: Progress
) -> None:
    what, expected = f"sequenceFiles/{split}/*.pkl", PUBLISHED[split]
    if len(files) < expected and not is_twin(report.folder):
        report.add(MISSING, what, f"{len(files)} sequences, published {expected}")
    faults, pictures = Faults(), Faults()
    sparse: list[str] = []
    people = 0
    for path in progress(files, f"look at {split}"):
        with faults.catching(str(path)):
            content = load_pickle(path)
            found = sequence_of(content, path)
            people += int((found.tracked & found.detected).sum())
            for fault in _sequence_faults(content, found):
                faults.add(fault, path.stem)
            sparse += _check_pictures(report.folder, found, full, pictures)
    if files and not faults:
        text = f"{len(files)} sequences, {people:,} person-frames; metres, cameras fit keypoints"
        report.add(OK, what, text)
    faults.tell(report, what)
    place = f"imageFiles of {split}"
    if pictures:
        pictures.tell(report, place)
    elif files and (report.folder / "imageFiles").is_dir():
        report.add(OK, place, "numbered from 0, of the cameras' size")
    if sparse:
        report.add(NOTE, place, f"not every frame has its picture: {listed(sparse)}")


def _sequence_faults(content: dict[str, Any], found: Sequence3dpw) -> list[str]:
    faults = []
    frames = found.poses.shape[1]
    for key in ("poses_60Hz", "trans_60Hz"):
        if key in content and not 1.8 * frames <= len(content[key][0]) <= 2.2 * frames + 2:
            rows = len(content[key][0])
            faults.append(f"{key} has {rows} rows for {frames} frames: not 60 and 30 Hz")
    if "jointPositions" not in content:
        return faults
    joints = _joints(content["jointPositions"], found)
    if joints is None:
        return [*faults, "jointPositions are not 24 joints for every frame"]
    knee, hip = SMPL_24.index("left_knee"), SMPL_24.index("left_hip")
    seen = joints[found.tracked]
    if not len(seen):
        return faults
    thigh = float(np.median(np.linalg.norm(seen[:, knee] - seen[:, hip], axis=-1)))
    if not _THIGH_M[0] <= thigh <= _THIGH_M[1]:
        guess = "; these look like millimetres" if 250 <= thigh <= 600 else ""
        return [*faults, f"the thigh is {thigh:.3g} long, expected metres{guess}"]
    return [*faults, *_off_keypoints(found, joints)]


def _joints(rows: Any, found: Sequence3dpw) -> Floats | None:
    """The joints (P, N, 24, 3) of every person, world; None where they are not those."""
    try:
        joints = np.asarray(list(rows), np.float64)
        return joints.reshape(*found.tracked.shape, SMPL_24.size, 3)
    except (TypeError, ValueError):
        return None


def _off_keypoints(found: Sequence3dpw, joints: Floats) -> list[str]:
    """Whether the joints before the camera fall on the detected keypoints, and if not, why."""
    points = found.points[:, :, OPENPOSE_18.indices(_SHARED)]
    seen = (points[..., 2] > 0) & found.tracked[..., None]
    if not seen.any():
        return []

    def apart(names: list[str], cameras: Floats) -> float:
        world = joints[:, :, SMPL_24.indices(names)]
        before = np.einsum("nij,pnkj->pnki", cameras[:, :3, :3], world)
        pixels = found.project(before + cameras[None, :, None, :3, 3])
        offsets = np.linalg.norm(pixels - points[..., :2], axis=-1)[seen]
        return float(np.nanmedian(offsets))

    median = apart(_SHARED, found.cameras)
    swapped = [SMPL_24.partner(name) for name in _SHARED]
    guesses = {"left and right swapped": apart(swapped, found.cameras)}
    turns = found.cameras.copy()
    turns[:, :3, :3] = found.cameras[:, :3, :3].swapaxes(1, 2)
    turns[:, :3, 3] = -np.einsum("nij,nj->ni", turns[:, :3, :3], found.cameras[:, :3, 3])
    guesses["cam_poses lead from the camera to the world"] = apart(_SHARED, turns)
    text = min(guesses, key=lambda key: guesses[key])
    if guesses[text] < 0.5 * median and median > 10:
        return [f"{text}: joints {median:.0f} px from keypoints, {guesses[text]:.0f} px otherwise"]
    if median > _FAR_PX:
        return [f"joints are {median:.0f} px (median) from the keypoints in the picture"]
    return []


def _check_pictures(folder: Path, found: Sequence3dpw, full: bool, faults: Faults) -> list[str]:
    """Faults of a sequence's pictures; its name where some frames have none."""
    place, frames = folder / "imageFiles" / found.name, found.poses.shape[1]
    if not place.parent.is_dir():
        return []
    numbers = sorted(
        int(path.stem[6:]) for path in place.glob("image_*.jpg") if path.stem[6:].isdecimal()
    )
    if not numbers:
        faults.add("no pictures", found.name)
        return []
    if numbers[0] == 1 and numbers[-1] == frames:
        faults.add("pictures are numbered from 1, expected from 0", found.name)
        return []
    numbers = [number for number in numbers if number < frames]
    for number in numbers if full else numbers[:1]:
        path = image_file(folder, found.name, number)
        with faults.catching(str(path)):
            size = jpeg_size(path.read_bytes(), str(path))
            centre = found.intrinsics[:2, 2] / size
            if not ((_CENTRE[0] < centre) & (centre < _CENTRE[1])).all():
                x, y = found.intrinsics[:2, 2]
                text = f"{size[0]} x {size[1]} px, but the camera's centre is {x:.0f}, {y:.0f}"
                faults.add(f"{text}: turned or resized pictures", found.name)
                break
    return [found.name] if len(numbers) < frames else []

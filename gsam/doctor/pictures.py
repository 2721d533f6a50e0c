"""The doctor's look at labelled pictures: COCO's and MPII's annotations and the images beside."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gsam.datasets.coco import SPLITS as COCO_SPLITS
from gsam.datasets.coco import coco_files, read_coco
from gsam.datasets.image_files import LabelledImage, members
from gsam.datasets.mpii.labels import MAT_FILE, mpii_images, read_mpii
from gsam.doctor.anatomy import spread
from gsam.doctor.checksums import checksum_fault
from gsam.doctor.findings import MISSING, NOTE, OK, WRONG, Faults, Progress, Report
from gsam.errors import LicensedDataMissing
from gsam.images import jpeg_size
from gsam.skeletons import COCO_17, MPII_16
from gsam.twin_mark import is_twin

__all__ = ["examine_coco", "examine_mpii"]

PUBLISHED_COCO = {"train": 118_287, "val": 5_000}
PUBLISHED_MPII = {"train": 22_246, "valid": 2_958}
"""Images of COCO's splits; people of MPII's."""
_LARGE_BYTES = 100 << 20
"""A quick look leaves labels larger than this unread but for their end."""
_SAMPLE = 24
_TARS = (".tar", ".tar.gz", ".tgz")


def examine_coco(report: Report, full: bool, progress: Progress) -> None:
    """Look at everything of COCO in the report's folder."""
    for split in COCO_SPLITS:
        try:
            labels, images = coco_files(report.folder, split)
        except LicensedDataMissing as missing:
            report.add(MISSING, f"{split}2017", str(missing))
            continue
        what = labels.relative_to(report.folder).as_posix()
        if labels.stat().st_size > _LARGE_BYTES and not full:
            _check_end(report, what, labels)
            continue
        with report.checking(what):
            labelled = read_coco(labels)
            count = sum(len(image.people.ids) for image in labelled)
            fault = _face_fault(labelled)
            if fault:
                report.add(WRONG, what, fault)
            else:
                report.add(OK, what, f"{len(labelled):,} images, {count:,} people")
            if len(labelled) != PUBLISHED_COCO[split] and not is_twin(report.folder):
                report.add(NOTE, what, f"published: {PUBLISHED_COCO[split]:,} images")
            _check_images(report, images, labelled, full)


def _check_end(report: Report, what: str, path: Path) -> None:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 64))
        whole = stream.read().rstrip().endswith(b"}")
    if whole:
        report.add(OK, what, f"{path.stat().st_size >> 20} MiB, whole; --full reads it")
    else:
        report.add(WRONG, what, "does not end as JSON ends: cut short, fetch it again")


def examine_mpii(report: Report, full: bool, progress: Progress) -> None:
    """Look at everything of MPII in the report's folder."""
    folder = report.folder
    try:
        images = mpii_images(folder)
    except LicensedDataMissing as missing:
        report.add(MISSING, "images and labels", str(missing))
        return
    by_json = (folder / "annot" / "train.json").is_file()
    what = "annot/{train,valid}.json" if by_json else MAT_FILE
    with report.checking(what):
        splits = read_mpii(folder)
        counts = {name: sum(len(i.people.ids) for i in found) for name, found in splits.items()}
        shown = ", ".join(f"{count:,} people to {name}" for name, count in counts.items())
        every = [image for found in splits.values() for image in found]
        fault = _upright_fault(every)
        if fault:
            report.add(WRONG, what, fault)
        else:
            report.add(OK, what, shown)
        if by_json and counts != PUBLISHED_MPII and not is_twin(folder):
            text = ", ".join(f"{count:,} to {name}" for name, count in PUBLISHED_MPII.items())
            report.add(NOTE, what, f"published: {text}")
        if by_json and not (folder / "annot/gt_valid.mat").is_file():
            report.add(NOTE, "annot/gt_valid.mat", "absent: no PCKh as it is usually reported")
        _check_images(report, images, every, full)


def _face_fault(images: Sequence[LabelledImage]) -> str:
    """Whether faces are mirrored: a face that is seen has its left eye on the picture's right."""
    right, left, nose = COCO_17.indices(["right_eye", "left_eye", "nose"])
    ears = COCO_17.indices(["right_ear", "left_ear"])
    width = []
    for image in images:
        seen = image.people.visibility > 0
        # Both ears: a face from the front.
        whole = seen[:, [right, left, nose, *ears]].all(axis=1)
        points = image.people.points[whole]
        width += (points[:, left, 0] - points[:, right, 0]).tolist()
    if len(width) >= 10 and np.mean(np.array(width) < 0) > 0.7:
        return "left and right swapped: faces have their left eye on the left of the picture"
    return ""


def _upright_fault(images: Sequence[LabelledImage]) -> str:
    """Whether joints are in MPII's order: people's heads are above their ankles."""
    head, ankle = MPII_16.indices(["head_top", "right_ankle"])
    below = []
    for image in images:
        whole = (image.people.visibility[:, [head, ankle]] > 0).all(axis=1)
        points = image.people.points[whole]
        below += (points[:, ankle, 1] > points[:, head, 1]).tolist()
    if len(below) >= 10 and np.mean(below) < 0.5:
        return "heads lie below ankles: the joints are not in MPII's order"
    return ""


def _check_images(
    report: Report,
    place: Path,
    images: Sequence[LabelledImage],
    full: bool,
) -> None:
    what = place.relative_to(report.folder).as_posix()
    if place.name.endswith(_TARS) and not full:
        report.add(OK, what, f"{place.stat().st_size >> 20} MiB; --full reads it")
        return
    with report.checking(what):
        original = full and place.is_file() and not is_twin(report.folder)
        if original and (fault := checksum_fault(place)):
            # Pictures may be packed anew; what is in them is looked at below.
            report.add(NOTE, what, fault)
        labelled = {image.file: image for image in images}
        there = _names(place)
        absent = sorted(set(labelled) - there)
        if absent:
            text = f"{len(absent):,} of {len(labelled):,} images missing, e.g. {absent[0]}"
            report.add(WRONG, what, text)
        names = sorted(set(labelled) & there)
        some = names if full else [names[i] for i in spread(len(names), _SAMPLE)] if names else []
        faults = _size_faults(place, {name: labelled[name] for name in some})
        if not faults and not absent:
            report.add(OK, what, f"every labelled image; {len(some):,} looked at: size, whole")
        faults.tell(report, what)


def _names(place: Path) -> set[str]:
    """File names of the images in a folder or zip; of a tar only by reading all of it."""
    if place.is_dir():
        return {path.name for path in place.rglob("*") if path.is_file()}
    if place.suffix == ".zip":
        try:
            with zipfile.ZipFile(place) as archive:
                return {PurePosixPath(name).name for name in archive.namelist()}
        except (zipfile.BadZipFile, OSError, ValueError):
            # The reader says so in its own words.
            list(members(place, {""}))
    return {PurePosixPath(path).name for path, _, _ in members(place)}


def _size_faults(place: Path, images: dict[str, LabelledImage]) -> Faults:
    faults = Faults()
    if not images:
        return faults
    for path, jpeg, where in members(place, images.keys()):
        image = images[PurePosixPath(path).name]
        with faults.catching(where):
            size = jpeg_size(jpeg, where)
            if image.width is not None and size != (image.width, image.height):
                text = f"{size[0]} x {size[1]} px, labelled as {image.width} x {image.height}"
                faults.add(text, image.file)
    return faults

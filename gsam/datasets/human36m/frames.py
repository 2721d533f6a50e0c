"""Pictures of Human3.6M: windows around the person out of the videos, or as the twin wrote them.

Videos are `<S>/Videos/<Take>.<camera>.mp4`. People are labelled with the motion capture projected
by the camera's own model, boxes are the extent of the 17 points padded by a tenth of its longer
side on each side. Of the twin there is a tar archive per subject with the windows themselves.

A window is a square about the box's centre, `MARGIN` times its longer side, cut at whole pixels
(black beyond the picture's edge) and shrunk to `size` px where it is larger: room for a detector's
crop and its scale augmentation.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.datasets.grants import GRANTS
from gsam.datasets.human36m.files import DISPLACED, canonical_take
from gsam.datasets.image_files import members
from gsam.datasets.takes import Take
from gsam.datasets.video_frames import video_frames
from gsam.errors import DataError, LicensedDataMissing
from gsam.images import People, encode_jpeg
from gsam.images.people import VISIBLE, box_around
from gsam.skeletons import H36M_17
from gsam.storage import read_json

__all__ = ["MARGIN", "Frame", "cut_window", "read_twin_frames", "read_video_frames", "video_files"]

MARGIN = 1.6
"""Side of a window in longer sides of the person's box: 1.25 of every crop, and some to move."""

BROKEN = {("S11", "Directions", "54138969"): "its video is unreadable"}
"""Cameras of takes that have no picture in any copy of the dataset."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """One picture of a take's frame: what `ImageWriter.add` takes, and the take's split."""

    split: str
    jpeg: bytes
    fields: dict[str, Any]


def video_files(folder: Path) -> dict[tuple[str, str, str], Path]:
    """(subject, take as the poses call it, camera) of every video in the dataset's folder.

    Raises LicensedDataMissing, which says who grants them and where they go, when there is none.
    """
    found: dict[tuple[str, str, str], Path] = {}
    for path in sorted(folder.glob("S*/[Vv]ideos/*.mp4")):
        take, _, camera = path.stem.rpartition(".")
        # Takes called _ALL are a subject's recordings in one piece.
        if take and not take.startswith("_ALL"):
            found[path.parts[-3], canonical_take(take.replace("_", " ")), camera] = path
    if not found:
        raise LicensedDataMissing(
            f"{folder}: no S*/Videos/*.mp4; {GRANTS['human36m'].sentence}; put its videos into "
            f"{folder}/S1/Videos/<Take>.<camera>.mp4 and so on for every subject"
        )
    return found


def read_video_frames(folder: Path, takes: Iterable[Take], step: int, size: int) -> Iterator[Frame]:
    """A window of at most `size` px around the person in every `step`-th frame, as JPEG.

    Frames beyond the motion capture are not read. By take, camera and frame. Takes whose 3D lies
    beside the person (`DISPLACED`) are left out: their projection is no label and no box.

    Raises LicensedDataMissing as `video_files` does, and DataError, naming the video, for one that
    is absent, unreadable or shorter than the motion capture.
    """
    videos = video_files(folder)
    for take in takes:
        if take.sequence in DISPLACED:
            log.warning("%s: skipped, its 3D lies beside the person in the picture", take.sequence)
            continue
        for index, camera in enumerate(take.cameras):
            key = (take.subject, take.name, camera.name)
            if key in BROKEN:
                log.warning("%s camera %s: skipped, %s", take.sequence, camera.name, BROKEN[key])
                continue
            if key not in videos:
                raise DataError(
                    f"{folder}: no video of {take.sequence}, camera {camera.name}, expected "
                    f"{take.subject}/Videos/{take.name}.{camera.name}.mp4"
                )
            yield from _of_video(videos[key], take, index, step, size)


def _of_video(path: Path, take: Take, index: int, step: int, size: int) -> Iterator[Frame]:
    camera = take.cameras[index]
    joints = take.joints[::step]
    truth = camera.project(camera.world_to_camera(joints))
    read = 0
    for points, (number, image) in zip(truth, video_frames(path, step), strict=False):
        if image.shape != (camera.height, camera.width, 3):
            raise DataError(
                f"{path}: {image.shape[1]} x {image.shape[0]} px, expected the camera's "
                f"{camera.width} x {camera.height}"
            )
        window, origin, zoom = cut_window(image, box_around(points), size)
        inside = ((points > -0.5) & (points < (camera.width - 0.5, camera.height - 0.5))).all(-1)
        visibility = np.where(inside, VISIBLE, 0)
        yield _frame(
            take, camera.name, number, encode_jpeg(window), points, visibility, (origin, zoom)
        )
        read += 1
    if read < len(truth):
        raise DataError(
            f"{path}: ends before frame {read * step}, expected at least the {len(take.joints)} "
            "frames of the motion capture"
        )


def cut_window(
    image: NDArray[np.uint8], box: NDArray[np.float64], size: int
) -> tuple[NDArray[np.uint8], tuple[float, float], float]:
    """The square window of `image` around a box: picture, origin and zoom.

    stored px = (source px - origin) * zoom, pixel centres at whole numbers.
    """
    side = max(1, int(np.ceil(MARGIN * max(box[2], box[3]))))
    left, top = (int(v) for v in np.floor(box[:2] + box[2:] / 2 - (side - 1) / 2 + 0.5))
    window = np.zeros((side, side, 3), np.uint8)
    height, width = image.shape[:2]
    x0, x1 = np.clip((left, left + side), 0, width)
    y0, y1 = np.clip((top, top + side), 0, height)
    window[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    if side <= size:
        return window, (float(left), float(top)), 1.0
    zoom = size / side
    small = cv2.resize(window, (size, size), interpolation=cv2.INTER_AREA)
    # Resizing keeps the outer edges of the pixels in place, not their centres.
    shift = 0.5 / zoom - 0.5
    return np.asarray(small, np.uint8), (left + shift, top + shift), zoom


def _frame(
    take: Take,
    camera: str,
    number: int,
    jpeg: bytes,
    points: NDArray[np.float64],
    visibility: NDArray[Any],
    window: tuple[tuple[float, float], float],
) -> Frame:
    """Label a window with the points (17, 2) of the whole picture."""
    origin, zoom = window
    stored = (points - origin) * zoom
    box = box_around(stored)
    people = People(
        points=stored[None].astype(np.float32),
        visibility=visibility[None].astype(np.uint8),
        boxes=box[None].astype(np.float32),
        areas=np.array([box[2] * box[3]], np.float32),
        crowds=np.array([False]),
        ids=np.array([number], np.int64),
    )
    name = f"{take.sequence}/{camera}/{number:06d}"
    fields = {
        "image": name,
        "people": people,
        "subject": take.subject,
        "sequence": take.sequence,
        "camera": camera,
        "frame": number,
        "origin": origin,
        "zoom": zoom,
    }
    return Frame(take.split, jpeg, fields)


def read_twin_frames(folder: Path, takes: Iterable[Take]) -> Iterator[Frame]:
    """The twin's windows: `frames/<S>.tar` with `<take>.<camera>/<frame>.jpg`, and `<S>.json`.

    By subject in the order of the takes, then as they lie in the archive.

    Raises DataError, naming the archive and the member, for a take, camera or frame that the poses
    do not have, a picture without labels, labels without a picture, and labels that are not right.
    """
    subjects: dict[str, dict[str, Take]] = {}
    for take in takes:
        subjects.setdefault(take.subject, {})[take.name] = take
    for subject, named in subjects.items():
        archive = folder / "frames" / f"{subject}.tar"
        labels = read_json(archive.with_suffix(".json"))
        truth: dict[tuple[str, str], NDArray[np.float64]] = {}
        for member, jpeg, where in members(archive):
            label = labels.pop(member, None)
            if label is None:
                raise DataError(f"{where}: not in {subject}.json, expected its labels there")
            yield _of_twin(named, truth, member, jpeg, label, where)
        if labels:
            raise DataError(f"{archive}: no picture {min(labels)!r}, which {subject}.json labels")


def _of_twin(
    takes: dict[str, Take],
    truth: dict[tuple[str, str], NDArray[np.float64]],
    member: str,
    jpeg: bytes,
    label: Any,
    where: str,
) -> Frame:
    path = PurePosixPath(member)
    name, _, camera_name = path.parent.name.rpartition(".")
    take = takes.get(name)
    cameras = {} if take is None else {camera.name: camera for camera in take.cameras}
    if take is None or camera_name not in cameras or not path.stem.isdecimal():
        raise DataError(f"{where}: no such take, camera and frame in data/poses")
    number = int(path.stem)
    if number >= len(take.joints):
        raise DataError(f"{where}: frame {number}, expected less than {len(take.joints)}")
    if (name, camera_name) not in truth:
        camera = cameras[camera_name]
        truth[name, camera_name] = camera.project(camera.world_to_camera(take.joints))
    try:
        origin = float(label["origin_x"]), float(label["origin_y"])
        zoom = float(label["zoom"])
        visibility = np.asarray(label["visibility"], np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{where}: labels lack a right {error}, expected window and visibility"
        ) from error
    if visibility.shape != (H36M_17.size,) or not 0 < zoom < np.inf:
        raise DataError(
            f"{where}: {visibility.size} levels, zoom {zoom}; expected 17 and more than 0"
        )
    window = origin, zoom
    return _frame(
        take, camera_name, number, jpeg, truth[name, camera_name][number], visibility, window
    )

"""Keypoints of other tools, and the table of recordings that they become."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gsam.datasets.custom.recordings import View3D, recording_row, write_recordings
from gsam.datasets.custom.takes import read_keypoints, read_takes
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.detections.recording import Options, read_recording
from gsam.schemas import metadata_of
from gsam.skeletons import COCO_17
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_csv, as_json, as_npz
from tests.fuzz.readers.tables import as_parquet
from tests.synthetic_clips import make_take

FRAMES = 3
OPTIONS = Options(size=(640, 480), fps=25, fill=1, joints="coco_17", person="best")


def flat(scale: float = 1.0) -> list[float]:
    return [value for joint in range(17) for value in (100 + scale * joint, 200.0 + joint, 0.9)]


def results() -> list[dict[str, Any]]:
    one = {"category_id": 1, "keypoints": flat(), "score": 2.5, "box": [1, 2, 3, 4], "idx": 1}
    return [one | {"image_id": f"{frame:04d}.jpg"} for frame in range(FRAMES)]


def detectron() -> list[dict[str, Any]]:
    one = {"category_id": 1, "keypoints": flat(), "score": 0.5}
    return [one | {"image_id": frame} for frame in range(FRAMES)]


def by_picture() -> dict[str, Any]:
    person = {"pose_keypoints_2d": flat()}
    return {f"{frame}.jpg": {"version": 1.1, "people": [person]} for frame in range(FRAMES)}


def instance() -> dict[str, Any]:
    points = [[100.0 + joint, 200.0] for joint in range(17)]
    return {"keypoints": points, "keypoint_scores": [0.9] * 17, "bbox_score": 0.9, "track_id": 0}


def mmpose() -> dict[str, Any]:
    frames = [{"frame_id": n, "instances": [instance()]} for n in range(1, FRAMES + 1)]
    return {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}


def mmpose_0() -> list[dict[str, Any]]:
    preds = [[[100.0, 200.0, 0.9]] * 17]
    return [{"preds": preds, "image_paths": [f"{n}.jpg"]} for n in range(FRAMES)]


def openpose() -> dict[str, Any]:
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat()}]}


def table() -> list[list[Any]]:
    names = [f"{joint}_{axis}" for joint in COCO_17.joints for axis in ("x", "y", "score")]
    return [["frame", "person", *names], *[[n, "a", *flat()] for n in range(FRAMES)]]


def videopose() -> dict[str, Any]:
    keypoints = np.empty((FRAMES, 2), object)
    boxes = np.empty((FRAMES, 2), object)
    for frame in range(FRAMES):
        keypoints[frame] = [[], np.full((1, 4, 17), 200.0)]
        boxes[frame] = [[], np.ones((1, 5))]
    return {"boxes": boxes, "keypoints": keypoints, "metadata": {"w": 640, "h": 480}}


@cache
def recordings() -> tuple[dict[str, Any], pa.Schema]:
    """Two takes with truth, each seen by two cameras."""
    rows = []
    for subject, split in (("S1", "train"), ("S9", "test")):
        take = make_take(subject, "Walking 1", FRAMES, 2)
        for camera in human36m_cameras()[subject][:2]:
            points = camera.project(camera.world_to_camera(take.joints.astype(float)))
            truth = View3D(take.joints, camera)
            about = {"subject": subject, "take": "Walking 1", "camera": camera.name}
            size = (camera.width, camera.height)
            rows.append(recording_row(points, size=size, fps=50, split=split, truth=truth, **about))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        write_recordings(path, rows)
        found = pq.read_table(path)
    return found.to_pydict(), found.schema


def _custom(folder: Path) -> object:
    return list(read_takes(folder, "custom")), read_keypoints(folder)


def _reader(
    name: str, file: str, content: Callable[[], Any], dump: Callable[[Any], bytes]
) -> Reader:
    return Reader(
        name=name,
        file=file,
        content=content,
        dump=dump,
        read=lambda folder: read_recording(folder / file, OPTIONS),
    )


READERS = [
    _reader("alphapose", "a.json", results, as_json),
    _reader("alphapose by picture", "b.json", by_picture, as_json),
    _reader("detectron", "a.json", detectron, as_json),
    _reader("mmpose", "a.json", mmpose, as_json),
    _reader("mmpose 0", "a.json", mmpose_0, as_json),
    _reader("videopose", "a.npz", videopose, as_npz),
    _reader("keypoints csv", "a.csv", table, as_csv),
    Reader(
        name="openpose",
        file="a/a_000000000000_keypoints.json",
        content=openpose,
        dump=as_json,
        beside=lambda: {f"a/a_00000000000{n}_keypoints.json": as_json(openpose()) for n in (1, 2)},
        read=lambda folder: read_recording(folder / "a", OPTIONS),
    ),
    Reader(
        name="recordings",
        file="a.parquet",
        content=lambda: {"columns": recordings()[0], "notes": metadata_of(recordings()[1])},
        dump=lambda content: as_parquet(content, recordings()[1]),
        read=_custom,
    ),
]

"""Datasets of labelled pictures, pictures themselves, archives of them, and boxes of people."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from gsam.boxes.sources import open_boxes
from gsam.datasets.coco import read_coco
from gsam.datasets.image_files import read_images
from gsam.datasets.mpii.from_json import read_hrnet_json, read_valid_truth
from gsam.datasets.mpii.from_mat import read_mat
from gsam.datasets.mpii.labels import read_mpii
from gsam.datasets.video_frames import read_picture, video_frames
from gsam.images import decode_jpeg, encode_jpeg
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_json, as_mat, as_zip
from tests.unit.test_coco import annotations
from tests.unit.test_mpii import NAMES, entry, person, point, structs


def picture() -> np.ndarray:
    rows, columns = np.mgrid[:24, :32]
    return np.stack([rows * 9, columns * 7, rows + columns], axis=-1).astype(np.uint8)


def png() -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", picture())[1])


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def members() -> dict[str, bytes]:
    return {f"train/{name}.jpg": encode_jpeg(picture()) for name in "ab"}


def video() -> bytes:
    """A film of four pictures; OpenCV writes files only."""
    import tempfile

    import cv2

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (32, 24))
        for _ in range(4):
            writer.write(picture())
        writer.release()
        return path.read_bytes()


def valid_truth() -> dict[str, Any]:
    return {
        "dataset_joints": np.array([NAMES], dtype=object),
        "jnt_missing": np.zeros((16, 2)),
        "pos_gt_src": np.full((16, 2, 2), 30.0),
        "headboxes_src": np.stack([np.ones((2, 2)), [[4.0] * 2, [5.0] * 2]]),
    }


def release() -> dict[str, Any]:
    people = structs([person([point(9, 5, 6), point(0, 101, 51, 1)]), person([])])
    rows = [{"image": {"name": name}, "annorect": people} for name in ("a.jpg", "b.jpg")]
    return {"RELEASE": {"annolist": structs(rows), "img_train": np.array([[1, 0]])}}


def boxes() -> list[dict[str, Any]]:
    one = {"image_id": 139, "category_id": 1, "bbox": [1, 2, 3.5, 4], "score": 0.5}
    return [one, one | {"image_id": "a.jpg", "category_id": 2}]


def _opened(folder: Path) -> object:
    source = open_boxes(str(folder / "boxes.json"), names=["139.jpg", "a.jpg"])
    return source(["139.jpg", "a.jpg"], [picture(), picture()])


def _archive(name: str) -> Any:
    def read(folder: Path) -> object:
        found = read_images(folder / name, ["a.jpg", "b.jpg"])
        return [decode_jpeg(content, where) for _, content, where in found]

    return read


READERS = [
    Reader(
        name="coco",
        file="a.json",
        content=annotations,
        dump=as_json,
        read=lambda folder: read_coco(folder / "a.json"),
    ),
    Reader(
        name="mpii json",
        file="a.json",
        content=lambda: [entry(), entry(image="b.jpg")],
        dump=as_json,
        read=lambda folder: read_hrnet_json(folder / "a.json"),
    ),
    Reader(
        name="mpii gt_valid",
        file="a.mat",
        content=valid_truth,
        dump=as_mat,
        read=lambda folder: read_valid_truth(folder / "a.mat"),
    ),
    Reader(
        name="mpii mat",
        file="a.mat",
        content=release,
        dump=as_mat,
        read=lambda folder: read_mat(folder / "a.mat"),
    ),
    Reader(
        name="mpii folder",
        file="annot/valid.json",
        content=lambda: [entry(), entry(image="b.jpg")],
        dump=as_json,
        beside=lambda: {
            "annot/train.json": as_json([entry()]),
            "mpii_human_pose_v1_u12_1.mat": as_mat(release()),
        },
        read=read_mpii,
    ),
    Reader(name="boxes json", file="boxes.json", content=boxes, dump=as_json, read=_opened),
    Reader(
        name="jpeg",
        file="a.jpg",
        content=lambda: encode_jpeg(picture()),
        twists=False,
        read=lambda folder: decode_jpeg((folder / "a.jpg").read_bytes(), "a.jpg"),
    ),
    Reader(
        name="png",
        file="a.png",
        content=png,
        twists=False,
        read=lambda folder: read_picture(folder / "a.png"),
    ),
    Reader(
        name="video",
        file="a.mp4",
        content=video,
        twists=False,
        read=lambda folder: sum(1 for _ in video_frames(folder / "a.mp4")),
    ),
    Reader(
        name="images zip",
        file="a.zip",
        content=lambda: as_zip(members()),
        twists=False,
        read=_archive("a.zip"),
    ),
    Reader(
        name="images tar",
        file="a.tar",
        content=lambda: tar(members()),
        twists=False,
        read=_archive("a.tar"),
    ),
]

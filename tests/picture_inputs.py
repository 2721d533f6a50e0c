"""Pictures, videos and boxes as a user may hold them out to a command, whole and broken."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gsam.images import encode_jpeg
from tests.workspaces import environment

HEIGHT, WIDTH = 80, 100
BOX = [10.0, 10.0, 40.0, 60.0]


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def folder_of(path: Path, count: int = 3) -> Path:
    """Pictures 0.jpg, 1.jpg and so on."""
    path.mkdir()
    for number in range(count):
        (path / f"{number}.jpg").write_bytes(encode_jpeg(picture(number)))
    return path


def video_of(path: Path, count: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for number in range(count):
        writer.write(picture(number))
    writer.release()
    return path


def boxes_of(path: Path, boxes: dict[Any, list[list[float]]]) -> Path:
    """COCO results: image to boxes."""
    entries = [
        {"image_id": image, "category_id": 1, "bbox": box, "score": 0.9}
        for image, some in boxes.items()
        for box in some
    ]
    path.write_text(json.dumps(entries))
    return path


def run(command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of pipelines in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", f"pipelines.{command}", *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_here(
    main: Callable[[], None], monkeypatch, capfd, *arguments: object
) -> tuple[int, str, str]:
    """Exit code, standard output and error of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    return (code, *capfd.readouterr())


Case = tuple[Callable[[Path], dict[str, Any]], int, str]
"""Breaks what lies in a folder and says which arguments that changes; exit code; part of the
message."""


def corrupt(folder: Path) -> dict[str, Any]:
    path = folder / "pictures/1.jpg"
    path.write_bytes(path.read_bytes()[:400])
    return {}


def box(*values: float) -> Any:
    def change(folder: Path) -> dict[str, Any]:
        boxes_of(folder / "b.json", {"0.jpg": [BOX], "1.jpg": [list(values)]})
        return {}

    return change


def empty_video(folder: Path) -> dict[str, Any]:
    return {"input": video_of(folder / "v.avi", 0)}


def text_as_video(folder: Path) -> dict[str, Any]:
    (folder / "v.mp4").write_text("hello\n" * 500)
    return {"input": folder / "v.mp4"}


def no_pictures(folder: Path) -> dict[str, Any]:
    (folder / "empty").mkdir()
    return {"input": folder / "empty"}


def no_json(folder: Path) -> dict[str, Any]:
    (folder / "b.json").write_text("{")
    return {}


BROKEN: dict[str, Case] = {
    "corrupt JPEG": (corrupt, 1, "1.jpg"),
    "box without width": (box(10, 10, 0, 40), 1, "1.jpg: box (10, 10, 0, 40)"),
    "box without height": (box(10, 10, 30, 0), 1, "1.jpg: box"),
    "box outside": (box(200, 10, 30, 40), 1, "1.jpg: box (200, 10, 30, 40)"),
    "box left of it": (box(-50, 10, 30, 40), 1, "1.jpg: box"),
    "empty video": (empty_video, 1, "v.avi: the video has no frame"),
    "text": (lambda f: {"input": f / "b.json"}, 1, "b.json: not a video and not a picture"),
    "no pictures": (no_pictures, 1, "empty: no picture"),
    "no such input": (lambda f: {"input": f / "absent"}, 1, "absent: no such file or folder"),
    "no such boxes": (lambda f: {"--boxes": f / "absent.json"}, 1, "absent.json"),
    "boxes in no format": (no_json, 1, "b.json"),
    "boxes of no kind": (lambda f: {"--boxes": f / "b.txt"}, 2, "b.txt"),
}
"""What cannot be used of the pictures and the boxes, whatever is to be found in them."""

"""Ordinary pictures: what is read, and what is refused in one line."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from gsam.datasets.video_frames import picture_files, read_picture, video_frames
from gsam.errors import DataError

HEIGHT, WIDTH = 48, 64


def write_video(path: Path, levels: list[int]) -> Path:
    """A video of uniformly grey frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for level in levels:
        writer.write(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    writer.release()
    return path


def jpeg(image: np.ndarray) -> bytes:
    """RGB as a JPEG file."""
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def with_orientation(content: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF block that has one entry."""
    entry = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0" * 6
    body = b"Exif\0\0" + entry
    return content[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + content[2:]


def test_frames_come_in_order_with_their_numbers(tmp_path: Path) -> None:
    levels = [0, 40, 80, 120, 160, 200, 240]
    path = write_video(tmp_path / "v.avi", levels)
    frames = list(video_frames(path))
    assert [number for number, _ in frames] == list(range(7))
    assert all(frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8 for _, frame in frames)
    assert [float(frame.mean()) for _, frame in frames] == pytest.approx(levels, abs=3)
    assert [number for number, _ in video_frames(path, step=3)] == [0, 3, 6]


def test_video_colours_are_rgb(tmp_path: Path) -> None:
    path = tmp_path / "v.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    writer.write(np.full((HEIGHT, WIDTH, 3), (0, 0, 255), np.uint8))
    writer.release()
    _, frame = next(video_frames(path))
    red, green, blue = frame.reshape(-1, 3).mean(0)
    assert red > 200 and green < 50 and blue < 50


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("v.mp4", b"", "not a readable video"),
        ("v.mp4", b"hello\n" * 500, "not a readable video"),
        ("v.txt", b"hello\n" * 500, "not a video"),
        ("v.mp4", None, "no such file"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, content, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        next(video_frames(tmp_path / name))
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_empty_and_cut_videos_are_refused(tmp_path: Path) -> None:
    empty = write_video(tmp_path / "empty.avi", [])
    with pytest.raises(DataError, match=r"empty\.avi: .*no frame"):
        list(video_frames(empty))
    whole = write_video(tmp_path / "whole.avi", [10] * 8).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.avi"):
        list(video_frames(tmp_path / "cut.avi"))


def test_pictures_of_a_folder_by_name(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for name in ("b.jpg", "a.PNG", "c.jpeg"):
        kind = cv2.imencode(Path(name).suffix.lower(), image)[1].tobytes()
        (tmp_path / name).write_bytes(kind)
    (tmp_path / "notes.txt").write_text("no picture")
    files = picture_files(tmp_path)
    assert [path.name for path in files] == ["a.PNG", "b.jpg", "c.jpeg"]
    assert read_picture(files[0]).shape == (HEIGHT, WIDTH, 3)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no picture"):
        picture_files(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        picture_files(tmp_path / "absent")


def test_a_picture_comes_upright_and_in_rgb(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2, 0] = 255
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_orientation(jpeg(image), 6))
    found = read_picture(path)
    assert found.shape == (WIDTH, HEIGHT, 3)
    # Orientation 6 is shown turned clockwise by a quarter: the red left half comes to the top.
    assert found[: WIDTH // 2 - 8, :, 0].mean() > 240 and found[WIDTH // 2 + 8 :, :, 0].mean() < 15
    assert found[..., 2].mean() < 5


@pytest.mark.parametrize("kept", [0, 10, 200, 0.5])
def test_a_corrupt_picture_is_refused(tmp_path: Path, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    content = jpeg(noise)
    (tmp_path / "bad.jpg").write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(DataError, match=r"bad\.jpg: .*(corrupt|damaged|truncated|not a JPEG)"):
        read_picture(tmp_path / "bad.jpg")


def test_a_missing_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.jpg: cannot be read"):
        read_picture(os.path.join(tmp_path, "absent.jpg"))

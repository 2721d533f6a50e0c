"""Windows out of videos: the label lies on the pixel it names, and bad videos are named."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.cameras import Camera
from gsam.datasets.human36m.frames import (
    cut_window,
    read_twin_frames,
    read_video_frames,
    video_files,
)
from gsam.datasets.takes import Take
from gsam.errors import DataError, LicensedDataMissing
from gsam.images import decode_jpeg, encode_jpeg
from gsam.images.people import box_around

WIDTH, HEIGHT = 96, 80


def camera(name: str = "60457274") -> Camera:
    """Looks along the world's y at a person 4 m away."""
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    eye = np.array([0, -4.0, 0.9])
    return Camera(name, WIDTH, HEIGHT, 110.0, 110.0, 48.0, 40.0, (), "pinhole", turn, -turn @ eye)


def take(frames: int = 7, name: str = "Photo 1", subject: str = "S1") -> Take:
    rng = np.random.default_rng(0)
    joints = rng.uniform((-0.4, -0.2, 0), (0.4, 0.2, 1.8), (frames, 17, 3)).astype(np.float32)
    joints[:, :, 0] += np.linspace(-0.5, 0.5, frames)[:, None]
    return Take("human36m", subject, "Photo", name, 50.0, "train", joints, (camera(),))


def write_video(folder: Path, frames: int, name: str = "TakingPhoto 1", **size: int) -> Path:
    """A video whose frame k is a plain grey of 20 k."""
    path = folder / "S1" / "Videos" / f"{name}.60457274.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size.get("width", WIDTH), size.get("height", HEIGHT)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 50, (width, height))
    assert video.isOpened()
    for k in range(frames):
        video.write(np.full((height, width, 3), 20 * k, np.uint8))
    video.release()
    return path


def test_every_step_th_frame_of_the_motion_capture_is_cut_out(tmp_path: Path) -> None:
    write_video(tmp_path, 11)
    one = take(7)
    frames = list(read_video_frames(tmp_path, [one], step=3, size=48))
    assert [frame.fields["frame"] for frame in frames] == [0, 3, 6]
    assert frames[1].fields["image"] == "S1/Photo 1/60457274/000003"
    lens = one.cameras[0]
    for frame in frames:
        number, people = frame.fields["frame"], frame.fields["people"]
        image = decode_jpeg(frame.jpeg, "x")
        assert image.shape == (48, 48, 3)
        assert abs(int(np.median(image[20:28, 20:28])) - 20 * number) <= 3
        truth = lens.project(lens.world_to_camera(one.joints[number]))
        stored = (truth - frame.fields["origin"]) * frame.fields["zoom"]
        np.testing.assert_allclose(people.points[0], stored, atol=1e-4)
        np.testing.assert_allclose(people.boxes[0], box_around(stored), atol=1e-4)
        assert (people.points > 0).all() and (people.points < 47).all()


def test_joints_outside_the_picture_are_not_labelled(tmp_path: Path) -> None:
    write_video(tmp_path, 2)
    one = take(2)
    joints = one.joints.copy()
    joints[:, 3, 0] = 2.5
    (frame, _) = read_video_frames(tmp_path, [replace(one, joints=joints)], step=1, size=64)
    levels = frame.fields["people"].visibility[0]
    assert levels[3] == 0 and np.count_nonzero(levels) == 16


def test_takes_whose_3d_is_displaced_have_no_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path, 2, "Waiting 1")
    path.parent.parent.rename(tmp_path / "S9")
    assert not list(read_video_frames(tmp_path, [take(2, "Waiting 1", "S9")], step=1, size=64))
    assert "S9/Waiting 1: skipped, its 3D lies beside the person" in caplog.text


@settings(max_examples=40, deadline=None)
@given(
    centre=st.tuples(st.floats(-10, 110), st.floats(-10, 90)),
    longer=st.floats(2, 120),
    size=st.integers(16, 64),
)
def test_a_window_keeps_every_pixel_where_its_origin_and_zoom_say(
    centre: tuple[float, float], longer: float, size: int
) -> None:
    # A picture of its own coordinates: linear, so that shrinking keeps it right.
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.uint8)
    image = np.stack([x, y, np.full_like(x, 255)], axis=-1)
    box = np.array([centre[0] - longer / 2, centre[1] - longer / 4, longer, longer / 2])
    window, origin, zoom = cut_window(image, box, size)
    assert window.shape[0] == window.shape[1] <= size and 0 < zoom <= 1
    j, i = np.mgrid[: len(window), : len(window)]
    inside = cv2.erode((window[..., 2] == 255).astype(np.uint8), np.ones((3, 3))) > 0
    inside &= (i > 0) & (j > 0) & (i < len(window) - 1) & (j < len(window) - 1)
    for axis, stored in ((0, i), (1, j)):
        source = stored / zoom + origin[axis]
        error = np.abs(window[..., axis].astype(float) - source)[inside]
        assert error.size == 0 or error.max() <= 0.51


def test_the_window_holds_the_box_in_its_middle() -> None:
    box = np.array([20.0, 10.0, 10.0, 40.0])
    window, origin, zoom = cut_window(np.zeros((HEIGHT, WIDTH, 3), np.uint8), box, 32)
    middle = (np.array([25.0, 30.0]) - origin) * zoom
    np.testing.assert_allclose(middle, (len(window) - 1) / 2, atol=0.5)
    assert zoom == pytest.approx(32 / 64)


def test_bad_videos_are_named(tmp_path: Path) -> None:
    one = take(7)
    with pytest.raises(LicensedDataMissing, match=r"vision\.imar\.ro.*S1/Videos"):
        video_files(tmp_path)
    path = write_video(tmp_path, 5)
    with pytest.raises(DataError, match=r"TakingPhoto 1.*mp4: ends before frame 5, expected .* 7 "):
        list(read_video_frames(tmp_path, [one], 1, 48))
    write_video(tmp_path, 8, width=64)
    with pytest.raises(DataError, match=r"64 x 80 px, expected the camera's 96 x 80"):
        list(read_video_frames(tmp_path, [one], 1, 48))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"TakingPhoto 1\.60457274\.mp4: not a readable video"):
        list(read_video_frames(tmp_path, [one], 1, 48))
    with pytest.raises(DataError, match="no video of S1/Photo 2, camera 60457274"):
        list(read_video_frames(tmp_path, [take(name="Photo 2")], 1, 48))


def test_the_broken_camera_is_skipped_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path, 2)
    broken = replace(take(2, "Directions", "S11"), cameras=(camera("54138969"),))
    assert list(read_video_frames(tmp_path, [broken], 1, 48)) == []
    assert "S11/Directions camera 54138969: skipped, its video is unreadable" in caplog.text


def test_names_of_videos_are_the_poses_names(tmp_path: Path) -> None:
    for name in ("TakingPhoto", "WalkingDog 1", "Walking 2", "_ALL", "_ALL 1"):
        write_video(tmp_path, 1, name)
    takes = sorted(key[1] for key in video_files(tmp_path))
    assert takes == ["Photo", "WalkDog 1", "Walking 2"]


def write_twin(folder: Path, members: list[str], **changes: object) -> None:
    (folder / "frames").mkdir(exist_ok=True)
    label = {"origin_x": 10.0, "origin_y": 4.5, "zoom": 0.5, "visibility": [3] * 16 + [1]}
    with tarfile.open(folder / "frames" / "S1.tar", "w") as archive:
        for member in members:
            jpeg = encode_jpeg(np.zeros((48, 48, 3), np.uint8))
            info = tarfile.TarInfo(member)
            info.size = len(jpeg)
            archive.addfile(info, io.BytesIO(jpeg))
    labels = {member: label | changes for member in members}
    (folder / "frames" / "S1.json").write_text(json.dumps(labels))


def test_the_twins_windows_get_the_poses_labels(tmp_path: Path) -> None:
    write_twin(tmp_path, ["Photo 1.60457274/000003.jpg"])
    one = take(7)
    (frame,) = read_twin_frames(tmp_path, [one])
    lens, people = one.cameras[0], frame.fields["people"]
    truth = lens.project(lens.world_to_camera(one.joints[3]))
    np.testing.assert_allclose(people.points[0], (truth - (10.0, 4.5)) * 0.5, atol=1e-4)
    assert people.visibility[0].tolist() == [3] * 16 + [1]
    assert frame.fields["image"] == "S1/Photo 1/60457274/000003" and frame.split == "train"


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("Photo 1.60457274/000007.jpg", {}, r"frame 7, expected less than 7"),
        ("Photo 2.60457274/000000.jpg", {}, "no such take, camera and frame"),
        ("Photo 1.1/000000.jpg", {}, "no such take, camera and frame"),
        ("Photo 1.60457274/x.jpg", {}, "no such take, camera and frame"),
        ("Photo 1.60457274/000000.jpg", {"zoom": 0}, r"zoom 0\.0"),
        ("Photo 1.60457274/000000.jpg", {"zoom": None}, "labels lack"),
        ("Photo 1.60457274/000000.jpg", {"visibility": [3]}, "1 levels"),
    ],
)
def test_the_twins_archives_are_checked(
    tmp_path: Path, member: str, change: dict, message: str
) -> None:
    write_twin(tmp_path, [member], **change)
    with pytest.raises(DataError, match=rf"S1\.tar: {member}: .*{message}"):
        list(read_twin_frames(tmp_path, [take(7)]))


def test_pictures_and_labels_of_the_twin_belong_together(tmp_path: Path) -> None:
    write_twin(tmp_path, ["Photo 1.60457274/000000.jpg", "Photo 1.60457274/000001.jpg"])
    path = tmp_path / "frames" / "S1.json"
    labels = json.loads(path.read_text())
    path.write_text(json.dumps({**labels, "y.jpg": 1}))
    with pytest.raises(DataError, match=r"S1\.tar: no picture 'y\.jpg', which S1\.json labels"):
        list(read_twin_frames(tmp_path, [take(7)]))
    labels.pop("Photo 1.60457274/000001.jpg")
    path.write_text(json.dumps(labels))
    with pytest.raises(DataError, match=r"000001\.jpg: not in S1\.json"):
        list(read_twin_frames(tmp_path, [take(7)]))

"""The command for a user's own pictures: a folder, a video, and every file that cannot be used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsam.images import decode_jpeg
from gsam.lifters import LifterConfig, build_lifter
from gsam.schemas import KEYPOINTS, metadata_of
from gsam.skeletons import COCO_17
from gsam.storage import array_column, digest, read_table
from gsam.weights import save_network
from pipelines import predict2d
from pipelines.picture_people import SHEET_PICTURES
from tests.detect_workspace import write_weights
from tests.picture_inputs import (
    BOX,
    BROKEN,
    Case,
    boxes_of,
    folder_of,
    picture,
    run,
    run_here,
    text_as_video,
    video_of,
)


@pytest.fixture(scope="module")
def detector(tmp_path_factory) -> Path:
    return write_weights(tmp_path_factory.mktemp("model") / "tiny.safetensors", joint_set="coco_17")


def test_a_folder_of_pictures(tmp_path, detector) -> None:
    pictures = folder_of(tmp_path / "holiday")
    boxes = boxes_of(tmp_path / "b.json", {"0": [BOX], "2.jpg": [BOX, [-5, 20, 50, 50]]})
    done = run(
        "predict2d", pictures, "--detector", detector, "--boxes", boxes, "--out", tmp_path / "out"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("predict2d  3 people in 3 pictures (1 with nobody)")
    table = read_table(tmp_path / "out/keypoints.parquet", KEYPOINTS)
    assert table["sequence"].to_pylist() == ["0.jpg", "2.jpg", "2.jpg"]
    assert table["frame"].to_pylist() == [0, 0, 0]
    assert set(table["version"].to_pylist()) == {digest(detector)}
    notes = metadata_of(table)
    assert notes["joint_names"] == list(COCO_17.joints) and notes["dataset"] == "holiday"
    # What sticks out of the picture is cut off.
    assert np.allclose(array_column(table, "box", (4,))[2], [0, 20, 45, 50])
    points = array_column(table, "points", (17, 2))
    assert (np.abs(points[0] - (30, 40)) <= 1.25 * 30 + 4).all()
    sheet = decode_jpeg((tmp_path / "out/sheet.jpg").read_bytes(), "sheet")
    assert min(sheet.shape[:2]) > 100 and sheet.std() > 10


def test_a_video_and_the_same_bytes_again(tmp_path, detector, monkeypatch, capfd) -> None:
    video = video_of(tmp_path / "walk.avi", 40)
    boxes = boxes_of(tmp_path / "b.json", {number: [BOX] for number in range(0, 40)})
    for out in ("one", "two"):
        code, text, error = run_here(
            predict2d.main, monkeypatch, capfd,
            video, "--detector", detector, "--boxes", boxes, "--out", tmp_path / out,
        )  # fmt: skip
        assert (code, error) == (0, "")
        assert text.startswith("predict2d  40 people in 40 pictures  ")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    table = read_table(tmp_path / "one/keypoints.parquet", KEYPOINTS)
    assert table["frame"].to_pylist() == list(range(40))
    assert set(table["sequence"].to_pylist()) == {"walk.avi"}
    code, _, _ = run_here(
        predict2d.main, monkeypatch, capfd, video, "--step", 7,
        "--detector", detector, "--boxes", boxes, "--out", tmp_path / "some",
    )  # fmt: skip
    table = read_table(tmp_path / "some/keypoints.parquet", KEYPOINTS)
    assert table["frame"].to_pylist() == [0, 7, 14, 21, 28, 35]


def test_what_stands_in_the_folder_is_left_alone(tmp_path, detector, monkeypatch, capfd) -> None:
    pictures = folder_of(tmp_path / "pictures", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("precious")
    boxes = boxes_of(tmp_path / "b.json", {"0.jpg": [BOX]})
    arguments = ("--detector", detector, "--boxes", boxes, "--out", tmp_path / "out")
    assert run_here(predict2d.main, monkeypatch, capfd, pictures / "0.jpg", *arguments)[0] == 0
    assert (tmp_path / "out/mine.txt").read_text() == "precious"


def test_a_file_named_after_nothing_known(tmp_path, detector, monkeypatch, capfd) -> None:
    """Pictures by wrong names are an error, be it a folder's or a video's."""
    boxes = boxes_of(tmp_path / "b.json", {"other.jpg": [BOX]})
    for source in (folder_of(tmp_path / "pictures"), video_of(tmp_path / "v.avi", 3)):
        arguments = ("--detector", detector, "--boxes", boxes, "--out", tmp_path / "out")
        code, _, error = run_here(predict2d.main, monkeypatch, capfd, source, *arguments)
        assert code == 1 and len(error.splitlines()) == 1 and "b.json" in error
        assert not (tmp_path / "out").exists()


def lifter(folder: Path) -> dict[str, Any]:
    config = LifterConfig(name="martinez", frames=1, width=8)
    torch.manual_seed(0)
    weights = build_lifter(config).state_dict()
    save_network(folder / "lifter.safetensors", weights, config, {})
    return {"--detector": folder / "lifter.safetensors"}


CASES: dict[str, Case] = {
    **BROKEN,
    "no such model": (lambda f: {"--detector": f / "absent.safetensors"}, 1, "absent.safetensors"),
    "a lifter": (lifter, 1, "lifter.safetensors"),
    "not a model": (lambda f: {"--detector": f / "b.json"}, 1, "b.json"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_ends_in_one_line(
    tmp_path, detector, monkeypatch, capfd, case: str
) -> None:
    change, code, says = CASES[case]
    options: dict[str, Any] = {
        "input": folder_of(tmp_path / "pictures"),
        "--detector": detector,
        "--boxes": boxes_of(tmp_path / "b.json", {"0.jpg": [BOX], "1.jpg": [BOX]}),
        "--out": tmp_path / "out",
    }
    options |= change(tmp_path)
    source = options.pop("input")
    flat = [text for pair in options.items() for text in pair]
    ended, out, error = run_here(predict2d.main, monkeypatch, capfd, source, *flat)
    assert (ended, out) == (code, "")
    assert error.startswith("predict2d: ") and says in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_broken_files_leave_no_other_line(tmp_path, detector) -> None:
    """FFmpeg and OpenCV would add their own; only a fresh process shows them."""
    options = text_as_video(tmp_path)
    boxes = boxes_of(tmp_path / "b.json", {0: [BOX]})
    out = tmp_path / "out"
    done = run(
        "predict2d", options["input"], "--detector", detector, "--boxes", boxes, "--out", out
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "v.mp4: not a readable video" in done.stderr


def test_help_and_usage(monkeypatch, capfd) -> None:
    code, out, _ = run_here(predict2d.main, monkeypatch, capfd, "--help")
    assert code == 0 and "--boxes" in out and "EXIF" in out
    code, _, error = run_here(predict2d.main, monkeypatch, capfd, "x", "--detector", "y")
    assert code == 2 and "--boxes" in error


def test_the_sheet_is_spread_over_everything(tmp_path) -> None:
    from pipelines.picture_people import Seen, Selection, Source

    for count in (1, 5, SHEET_PICTURES, 13, 100, 1000):
        selection = Selection()
        for number in range(count):
            seen = Seen(
                Source("v.avi", number, str(number), lambda: picture(0)),
                np.array([BOX], np.float32),
                np.zeros((1, 17, 2), np.float32),
                np.ones((1, 17), np.float32),
            )
            selection.offer(seen, picture(0)[:4, :4])
        frames = [int(p.caption.removeprefix("frame ")) for p in selection.pictures]
        assert len(frames) == min(count, len(frames)) and frames[0] == 0
        assert min(count, SHEET_PICTURES // 2) <= len(frames) <= SHEET_PICTURES
        assert len(set(np.diff(frames).tolist())) <= 1
        assert count - 1 - frames[-1] < (frames[1] - frames[0] if len(frames) > 1 else 1)

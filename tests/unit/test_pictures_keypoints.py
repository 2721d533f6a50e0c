"""Sheets of pictures with joints: they are drawn where they are, and the same every time."""

import numpy as np

from gsam.images import decode_jpeg
from gsam.pictures.keypoints import Picture, draw_sheet
from gsam.skeletons import COCO_17


def sheet(path, pictures):
    draw_sheet(pictures, "a title", path, COCO_17, columns=2)
    return decode_jpeg(path.read_bytes(), "sheet").astype(int)


def pictures(**more):
    rng = np.random.default_rng(0)
    for size in ((64, 48), (50, 60), (64, 48)):
        yield Picture(rng.integers(0, 9, (*size, 3)).astype(np.uint8), f"{size}", **more)


def test_people_are_drawn_over_pictures_of_any_shape(tmp_path):
    points = np.random.default_rng(1).uniform(-10, 70, (17, 2))
    plain = sheet(tmp_path / "a.jpg", list(pictures()))
    drawn = sheet(tmp_path / "b.jpg", list(pictures(people=[points], truth=[points + 3])))
    assert plain.shape == drawn.shape and np.abs(plain - drawn).max() > 150
    again = sheet(tmp_path / "c.jpg", list(pictures(people=[points], truth=[points + 3])))
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "c.jpg").read_bytes()
    assert (drawn == again).all()


def test_unlabelled_joints_are_left_out(tmp_path):
    points = np.random.default_rng(1).uniform(5, 40, (17, 2))
    nothing = np.zeros(17, np.uint8)
    plain = sheet(tmp_path / "a.jpg", list(pictures()))
    drawn = sheet(tmp_path / "b.jpg", list(pictures(people=[points], levels=[nothing])))
    assert (plain == drawn).all()
    hidden = sheet(tmp_path / "c.jpg", list(pictures(people=[points], levels=[nothing + 1])))
    seen = sheet(tmp_path / "d.jpg", list(pictures(people=[points], levels=[nothing + 3])))
    assert 0 < np.abs(hidden - seen).sum() < np.abs(seen - plain).sum()


def test_no_pictures_is_an_empty_sheet(tmp_path):
    assert sheet(tmp_path / "a.jpg", []).size > 0

"""Crops of mesh regressors: the square around a box, and where the picture's pixels land in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.detectors.crops import transform
from gsam.errors import DataError
from gsam.meshes.crops import plain_crop, plain_matrix, square_of_box
from tests.synthetic_images import write_images

SIZES = st.floats(1, 500)
PLACES = st.floats(-300, 900)


@given(st.tuples(PLACES, PLACES, SIZES, SIZES), st.sampled_from([32, 64, 224]))
def test_the_square_fills_the_crop(box, size):
    centre, side = square_of_box(box)
    assert side == max(box[2:])
    corners = np.stack([centre - side / 2, centre, centre + side / 2])
    normalised = 2 * transform(plain_matrix(box, size), corners) / size - 1
    np.testing.assert_allclose(normalised, [[-1, -1], [0, 0], [1, 1]], atol=1e-6)


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, -1), (np.nan, 0, 5, 5), (0, np.inf, 5, 5)])
def test_boxes_without_an_area(box):
    with pytest.raises(DataError, match=r"box 1 is .*expected x, y, width > 0"):
        square_of_box([(0, 0, 1, 1), box])


def test_pixels_are_those_of_the_box(tmp_path):
    images = write_images(tmp_path, count=2, dots=True)
    crop = plain_crop(images, 1, 96)
    assert crop.shape == (96, 96, 3) and crop.dtype == np.uint8
    places = np.rint(transform(plain_matrix(images.boxes[1], 96), images.points[1])).astype(int)
    assert (crop[places[:, 1], places[:, 0]] > 200).all()
    # The other picture's dots are elsewhere.
    assert not (plain_crop(images, 0, 96)[places[:, 1], places[:, 0]] > 200).all()


def move_box(images, box):
    object.__setattr__(images, "boxes", np.array([box], np.float32))


def test_outside_the_picture_is_black(tmp_path):
    images = write_images(tmp_path, count=1)
    move_box(images, [-500, -500, 20, 20])
    assert not plain_crop(images, 0, 32).any()


def test_a_box_without_an_area_is_named(tmp_path):
    images = write_images(tmp_path, count=1)
    move_box(images, [1, 2, 0, 20])
    with pytest.raises(DataError, match=r"train/0000: person 1: box 0 is"):
        plain_crop(images, 0, 32)

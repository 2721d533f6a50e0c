"""From boxes to crops and back: shapes, round trips, boxes that cannot be cropped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsam.detectors.crops import crop_matrix, crop_of_box, invert, transform, warp
from gsam.errors import DataError

numbers = st.floats(-500, 1500)
extents = st.floats(0.5, 2000)
sides = st.sampled_from([(256, 192), (64, 64), (96, 64), (64, 128)])


@given(numbers, numbers, extents, extents, sides)
def test_a_crop_holds_its_box_with_a_margin(
    x: float, y: float, width: float, height: float, side: tuple[int, int]
) -> None:
    centre, size = crop_of_box([x, y, width, height], *side)
    assert size[0] / size[1] == pytest.approx(side[1] / side[0])
    matrix = crop_matrix(centre, size[0], 0.0, *side)
    corners = transform(matrix, [[x, y], [x + width, y + height]])
    middle = np.array([side[1], side[0]]) / 2
    np.testing.assert_allclose(corners.mean(axis=0), middle, atol=1e-6 * (1 + abs(x) + abs(y)))
    spare = (np.ptp(corners, axis=0) / [side[1], side[0]]).max()
    assert spare == pytest.approx(1 / 1.25, rel=1e-6)


@given(numbers, numbers, extents, st.floats(-180, 180), sides)
def test_maps_are_similarities_that_invert(
    x: float, y: float, across: float, rotation: float, side: tuple[int, int]
) -> None:
    matrix = crop_matrix([x, y], across, rotation, *side)
    points = np.array([[x, y], [x + across / 2, y], [x, y - across / 2]])
    moved = transform(matrix, points)
    np.testing.assert_allclose(moved[0], np.array([side[1], side[0]]) / 2, atol=1e-5)
    for point in moved[1:]:
        assert np.linalg.norm(point - moved[0]) == pytest.approx(side[1] / 2, rel=1e-6)
    np.testing.assert_allclose(transform(invert(matrix), moved), points, atol=1e-5 * (1 + across))


def test_turning_anticlockwise() -> None:
    """A positive angle brings what was at the right to the top, as seen on the screen."""
    matrix = crop_matrix([50.0, 50.0], 100.0, 90.0, 100, 100)
    np.testing.assert_allclose(transform(matrix, [[90.0, 50.0]]), [[50.0, 10.0]], atol=1e-9)


def test_many_at_once() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(1, 300, (3, 5, 4))
    centre, size = crop_of_box(boxes, 256, 192)
    matrices = crop_matrix(centre, size[..., 0], rng.uniform(-45, 45, (3, 5)), 256, 192)
    points = rng.uniform(0, 300, (3, 5, 17, 2))
    assert matrices.shape == (3, 5, 2, 3)
    moved = transform(matrices, points)
    np.testing.assert_allclose(moved[1, 2], transform(matrices[1, 2], points[1, 2]))
    np.testing.assert_allclose(transform(invert(matrices), moved), points, atol=1e-8)


@pytest.mark.parametrize(
    "box", [[1, 2, 0, 5], [1, 2, 5, -1], [1, 2, float("nan"), 5], [float("inf"), 0, 1, 1]]
)
def test_boxes_without_area(box: list[float]) -> None:
    with pytest.raises(DataError, match=r"box 1 is \["):
        crop_of_box([[0, 0, 4, 4], box], 256, 192)


def test_outside_the_image_is_black() -> None:
    image = np.full((10, 12, 3), 200, dtype=np.uint8)
    away = crop_matrix([100.0, 100.0], 20.0, 0.0, 32, 32)
    assert warp(image, away, 32, 32).max() == 0
    inside = crop_matrix([6.0, 5.0], 6.0, 0.0, 32, 32)
    crop = warp(image, inside, 32, 32)
    assert crop.shape == (32, 32, 3)
    assert crop.min() == 200

"""The z-buffer against a loop over pixels; normals of the surface."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.errors import DataError
from gsam.render.mesh import RenderMesh, render_mesh, vertex_normals
from gsam.render.raster import Raster, rasterise

HEIGHT, WIDTH = 14, 17
# Pixel centres nearer than this to an edge may belong to either side.
MARGIN = 2e-3


@pytest.fixture(scope="module")
def mesh() -> RenderMesh:
    return render_mesh(load_body())


def weights_at(corners: NDArray, point: NDArray) -> NDArray:
    """Barycentric coordinates (3,) of a point in a triangle (3, 2)."""
    system = np.concatenate([corners.T, np.ones((1, 3))])
    return np.linalg.solve(system, [*point, 1.0])


def looped(screen: NDArray, depth: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Inverse depth of the nearest face (H, W), and whether an edge is too near to tell."""
    nearest, unsure = np.zeros((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH), dtype=bool)
    for face in faces:
        corners = screen[face]
        (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
        if ax * by - ay * bx >= 0:
            continue
        for row in range(HEIGHT):
            for column in range(WIDTH):
                weights = weights_at(corners, np.array([column, row]))
                unsure[row, column] |= abs(weights.min()) < MARGIN
                if weights.min() >= 0:
                    near = weights @ (1 / depth[face])
                    nearest[row, column] = max(nearest[row, column], near)
    return nearest, unsure


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_nearest_face_is_the_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    screen = rng.uniform(-6, [WIDTH + 6, HEIGHT + 6], (9, 2))
    depth = rng.uniform(1, 4, 9)
    faces = rng.permuted(np.tile(np.arange(9), (4, 1)), axis=1)[:, :3]
    area = np.cross(
        np.pad(screen[faces[:, 1]] - screen[faces[:, 0]], ((0, 0), (0, 1))),
        np.pad(screen[faces[:, 2]] - screen[faces[:, 0]], ((0, 0), (0, 1))),
    )[:, 2]
    faces = faces[np.abs(area) > 3]
    raster = rasterise(screen, depth, faces, HEIGHT, WIDTH)
    expected, unsure = looped(screen, depth, faces)
    found = raster.image(1 / raster.depth.astype(np.float64), 0.0)
    np.testing.assert_allclose(found[~unsure], expected[~unsure], rtol=2e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_neighbours_leave_no_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side = 7
    y, x = np.meshgrid(*[np.linspace(-3, 20, side)] * 2, indexing="ij")
    screen = np.stack([x, y], axis=-1) + rng.uniform(-0.9, 0.9, (side, side, 2))
    number = np.arange(side * side).reshape(side, side)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, d, c), (a, c, b))])
    raster = rasterise(screen.reshape(-1, 2), np.full(side * side, 2.0), faces, HEIGHT, WIDTH)
    assert len(raster.pixels) == HEIGHT * WIDTH
    np.testing.assert_allclose(raster.weights.sum(axis=1), 1, atol=1e-6)


def test_weights_are_perspective_correct() -> None:
    points = np.array([[-1.0, 1, 2], [4, 1, 6], [-1, -2, 3]])
    screen = 5 * points[:, :2] / points[:, 2:] + (6, 7)
    raster = rasterise(screen, points[:, 2], [[0, 1, 2]], HEIGHT, WIDTH)
    assert len(raster.pixels) > 10
    surface = raster.weights @ points
    np.testing.assert_allclose(surface[:, 2], raster.depth, rtol=1e-5)
    seen = 5 * surface[:, :2] / surface[:, 2:] + (6, 7)
    places = np.stack([raster.pixels % WIDTH, raster.pixels // WIDTH], axis=1)
    np.testing.assert_allclose(seen, places, atol=1e-3)


@pytest.mark.parametrize(
    ("faces", "depth"),
    [([[0, 2, 1]], [2, 2, 2]), ([[0, 1, 2]], [2, 2, 0.01]), ([[0, 1, 2]], [2, -2, 2])],
    ids=["turned away", "too near", "behind"],
)
def test_faces_that_do_not_show(faces: list[list[int]], depth: list[float]) -> None:
    screen = [[2.0, 9], [12, 9], [6, 2]]
    assert len(rasterise(screen, [2, 2, 2], [[0, 1, 2]], HEIGHT, WIDTH).pixels)
    assert not len(rasterise(screen, depth, faces, HEIGHT, WIDTH).pixels)


def test_no_faces_and_far_outside() -> None:
    assert not len(rasterise(np.zeros((3, 2)), np.ones(3), np.zeros((0, 3), int), 4, 4).pixels)
    far = np.array([[200.0, 9], [212, 9], [206, 2]])
    assert not len(rasterise(far, np.ones(3), [[0, 1, 2]], HEIGHT, WIDTH).pixels)


def test_place_that_is_no_number_is_an_error() -> None:
    screen = [[2.0, 9], [np.nan, 9], [6, 2]]
    with pytest.raises(DataError, match="not finite"):
        rasterise(screen, [2, 2, 2], [[0, 1, 2]], HEIGHT, WIDTH)
    # Behind the camera projections mean nothing.
    assert not len(rasterise(screen, [2, -1, 2], [[0, 1, 2]], HEIGHT, WIDTH).pixels)


def test_image_of_values() -> None:
    pixels, ones = np.array([1, 5]), np.ones(2, dtype=np.float32)
    raster = Raster(2, 3, pixels, np.array([7, 8], np.int32), np.ones((2, 3), np.float32), ones)
    np.testing.assert_array_equal(raster.image(raster.faces, -1), [[-1, 7, -1], [-1, -1, 8]])


def test_normals_point_out_of_the_body(mesh: RenderMesh) -> None:
    normals = vertex_normals(mesh, mesh.rest)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    grown = mesh.rest + 0.01 * normals

    def volume(vertices: NDArray) -> float:
        a, b, c = (vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
        return float((a * np.cross(b, c)).sum() / 6)

    # A body has about 1.9 square metres of skin.
    assert 0.012 < volume(grown) - volume(mesh.rest) < 0.025


def test_parts_follow_the_weights(mesh: RenderMesh) -> None:
    middle = mesh.rest[mesh.faces].mean(axis=1)
    assert set(np.unique(mesh.parts)) == set(range(1, 25))
    left_knee, right_wrist = 4 + 1, 21 + 1
    assert (middle[mesh.parts == left_knee, 0] > 0).all()
    assert (middle[mesh.parts == right_wrist, 0] < -0.6).all()

"""Bodies, heat maps and curves in pictures: they lie where they should, the same every time."""

import cv2
import numpy as np
import pytest
import torch

from gsam.body.files import load_body
from gsam.pictures.bodies import body_from_side, body_over_picture, enlarged
from gsam.pictures.curves import draw_curves
from gsam.pictures.heat import heat_over_picture
from gsam.pictures.parts import coloured_parts
from gsam.render.mesh import RenderMesh, render_mesh
from gsam.weak_perspective import project_perspective, weak_to_translation

SIZE = 64


@pytest.fixture(scope="module")
def body() -> tuple[RenderMesh, np.ndarray]:
    """The free body's surface, and its vertices upright before a camera (y down)."""
    model = load_body()
    pose = torch.zeros(1, 24, 3)
    pose[0, 0, 0] = np.pi
    return render_mesh(model), model(torch.zeros(1, 10), pose).vertices[0].numpy()


@pytest.mark.parametrize("zoom", [1, 3])
def test_a_body_covers_the_pixels_that_its_camera_says(
    body: tuple[RenderMesh, np.ndarray], zoom: int
) -> None:
    mesh, vertices = body
    camera = np.array([0.8, 0.1, -0.2], np.float32)
    picture = np.zeros((SIZE * zoom, SIZE * zoom, 3), np.uint8)
    drawn = body_over_picture(picture, mesh, vertices, camera, SIZE)
    rows, columns = np.nonzero(drawn.any(axis=2))
    translation = weak_to_translation(torch.from_numpy(camera), crop_size=SIZE)
    crop = project_perspective(torch.from_numpy(vertices)[None], translation, 5000.0)[0]
    # A crop's pixel p is drawn from zoom * p on, as enlarging the crop draws it.
    seen = (crop.numpy() + SIZE / 2 + 0.5) * zoom - 0.5
    expected = np.clip(seen, 0, SIZE * zoom - 1)
    found = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    wanted = np.concatenate([expected.min(axis=0), expected.max(axis=0)])
    # The tips of fingers are narrower than a pixel.
    assert np.abs(found - wanted)[1::2].max() <= 1.0 and np.abs(found - wanted).max() <= 3.0
    assert np.abs(found.reshape(2, 2).mean(axis=0) - wanted.reshape(2, 2).mean(axis=0)).max() < 0.75


def test_a_body_is_enlarged_with_the_crop_that_it_was_found_in(
    body: tuple[RenderMesh, np.ndarray],
) -> None:
    mesh, vertices = body
    camera, black = np.array([0.9, 0.0, 0.0], np.float32), np.zeros((SIZE, SIZE, 3), np.uint8)
    small = body_over_picture(black, mesh, vertices, camera, SIZE)
    large = body_over_picture(enlarged(black, 4 * SIZE), mesh, vertices, camera, SIZE)
    masks = [cv2.resize(p, (4 * SIZE, 4 * SIZE)).max(axis=2) > 60 for p in (small, large)]
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.85


def test_from_the_side_a_body_is_narrow_and_fills_the_picture(
    body: tuple[RenderMesh, np.ndarray],
) -> None:
    mesh, vertices = body  # a T-pose: wide from the front, narrow from the side
    drawn = body_from_side(mesh, vertices + 5, 96)
    rows, columns = np.nonzero((drawn < 255).any(axis=2))
    assert 0.75 * 96 < np.ptp(rows) < 0.95 * 96 and np.ptp(columns) < 0.35 * 96
    assert abs(rows.mean() - 48) < 12 and abs(columns.mean() - 48) < 12


def test_heat_is_bright_where_the_map_is_high() -> None:
    values = np.zeros((4, 4))
    values[0, 3] = 2.0
    drawn = heat_over_picture(np.full((40, 40, 3), 100, np.uint8), values).sum(axis=2).astype(int)
    assert drawn[2, 37] == drawn.max() and drawn[37, 2] == drawn.min() < drawn.max() - 200
    flat = heat_over_picture(np.full((8, 8, 3), 100, np.uint8), np.ones((2, 2)))
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1


def test_every_part_has_a_colour_of_its_own() -> None:
    colours = coloured_parts(np.arange(25)[None])[0]
    assert len(np.unique(colours, axis=0)) == 25


def test_curves_are_the_same_every_time(tmp_path) -> None:
    panels = {"MPJPE": {"a": [[(1.0, 5.0), (2.0, 4.0)], [(1.0, 6.0)]], "b": [[]]}, "loss": {}}
    for name in ("one.png", "two.png"):
        draw_curves(panels, "title", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    panels["MPJPE"]["b"] = [[(1.0, 9.0)]]
    draw_curves(panels, "title", tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()

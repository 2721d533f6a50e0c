"""Part maps of a body alone: they lie where the body is, at any size of map."""

import numpy as np
import torch

from gsam.body.bodies import open_bodies
from gsam.render.mesh import render_mesh
from gsam.render.part_labels import alone_part_map, part_square
from gsam.render.raster import rasterise
from gsam.skeletons import SMPL_24

BODY = open_bodies(None).neutral
MESH = render_mesh(BODY)


def standing() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices on the screen, their depth, and joints on the screen, of a body that faces us."""
    pose = torch.zeros(1, 24, 3)
    pose[0, 0, 0] = np.pi
    posed = BODY(torch.zeros(1, 10), pose, torch.tensor([[0.0, 0.0, 4.0]]))
    vertices, joints = (part[0].double().numpy() for part in posed)
    screen = [200 * points[:, :2] / points[:, 2:] + (80, 60) for points in (vertices, joints)]
    return screen[0], vertices[:, 2], screen[1]


def test_the_square_is_around_the_boxs_middle() -> None:
    np.testing.assert_allclose(part_square([10, 20, 40, 100]), [-45, -5, 150, 150])
    np.testing.assert_allclose(part_square([10, 20, 40, 10], margin=1), [10, 5, 40, 40])


def test_the_map_of_the_whole_picture_is_the_picture() -> None:
    screen, depth, _ = standing()
    found = alone_part_map(MESH, screen, depth, (0, 0, 160, 160), 160)
    raster = rasterise(screen, depth, MESH.faces, 160, 160)
    np.testing.assert_array_equal(found, raster.image(MESH.parts[raster.faces], 0))


def test_limbs_are_found_where_their_joints_project() -> None:
    screen, depth, joints = standing()
    square = part_square([20, 0, 120, 120])
    size = 96
    parts = alone_part_map(MESH, screen, depth, square, size)
    places = np.rint((joints - square[:2]) * size / square[2]).astype(int)
    for joint, owners in {
        "left_knee": ("left_hip", "left_knee"),
        "right_elbow": ("right_shoulder", "right_elbow"),
        "head": ("head", "neck"),
        "pelvis": ("pelvis", "spine1", "left_hip", "right_hip"),
    }.items():
        column, row = places[SMPL_24.index(joint)]
        assert parts[row, column] in [1 + part for part in SMPL_24.indices(owners)], joint
    # It faces us: its left is to the right of the picture.
    assert places[SMPL_24.index("left_hand"), 0] > places[SMPL_24.index("right_hand"), 0]
    # Wrists are smaller than a pixel.
    assert set(range(25)) - set(np.unique(parts).tolist()) <= {21, 22}
    assert not parts[0].any() and not parts[:, 0].any()


def test_nothing_is_drawn_of_a_body_behind_the_camera() -> None:
    screen, depth, _ = standing()
    assert not alone_part_map(MESH, screen, -depth, (0, 0, 160, 160), 32).any()

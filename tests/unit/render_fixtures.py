"""A body before a pinhole camera, for the tests of rendering."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.render.appearance import draw_appearance
from gsam.render.mesh import RenderMesh, render_mesh
from gsam.render.scene import Figure, Rendered, RenderOptions, render
from gsam.skeletons import H36M_17

HEIGHT, WIDTH = 96, 80
CLEAN = RenderOptions(supersample=1, blur=False, noise=False)


@cache
def body_mesh() -> RenderMesh:
    return render_mesh(load_body())


@cache
def standing() -> tuple[NDArray, NDArray]:
    """Vertices (V, 3) and Human3.6M joints (17, 3) with hanging arms; y down, facing the camera."""
    body = load_body()
    pose = torch.zeros(1, 24, 3)
    pose[0, 16, 2], pose[0, 17, 2] = -1.2, 1.2
    posed = body(torch.zeros(1, 10), pose)
    joints = body.h36m_joints(posed.vertices)
    # Half a turn about x: y down and, as z points away from the camera, still facing it.
    flip = np.array([1.0, -1.0, -1.0])
    return posed.vertices[0].numpy() * flip, joints[0].numpy() * flip


def figure(
    place: tuple[float, float, float] = (0.0, 0.0, 4.0), back: bool = False, seed: int = 0
) -> Figure:
    """The standing body at a place in metres, 80 % of the picture high at 4 m."""
    turn = np.array([-1.0, 1.0, -1.0]) if back else np.ones(3)
    vertices, joints = (points * turn + place for points in standing())
    looks = draw_appearance(np.random.default_rng(seed))
    return Figure(vertices, project(vertices), joints, project(joints), looks)


def project(points: NDArray) -> NDArray:
    focal = 0.8 * HEIGHT / 1.8 * 4.0
    return focal * points[:, :2] / points[:, 2:] + ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)


def plain(value: int = 128) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), value, dtype=np.uint8)


def picture(*figures: Figure, options: RenderOptions = CLEAN, seed: int = 0) -> Rendered:
    """Figures before a plain wall."""
    rng = np.random.default_rng(seed)
    return render(body_mesh(), figures, plain(), None, options, rng)


def joint(name: str) -> int:
    return H36M_17.index(name)

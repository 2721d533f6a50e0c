"""Whole pictures: order of depth, edges, determinism, clothes, any number of vertices."""

from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
import torch

from gsam.body.files import read_body_arrays
from gsam.body.smpl import SmplBody
from gsam.render.appearance import draw_appearance
from gsam.render.clothes import SKIN, TOP, dress, materials, paint
from gsam.render.mesh import render_mesh, vertex_normals
from gsam.render.occluders import Occluders
from gsam.render.scene import Figure, RenderOptions, render
from tests.unit.render_fixtures import (
    CLEAN,
    HEIGHT,
    WIDTH,
    body_mesh,
    figure,
    picture,
    plain,
    project,
    standing,
)


@pytest.mark.parametrize("options", [RenderOptions(), RenderOptions(supersample=1)])
def test_equal_seeds_give_equal_bytes(options: RenderOptions) -> None:
    first, again = (picture(figure(), options=options, seed=3).image for _ in range(2))
    other = picture(figure(), options=options, seed=4).image
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_appearance_follows_from_the_stream() -> None:
    one, two, other = (figure(seed=seed) for seed in (1, 1, 2))
    assert picture(one).image.tobytes() == picture(two).image.tobytes()
    assert (picture(one).image != picture(other).image).mean() > 0.05


def test_the_nearer_body_hides_the_other_whatever_the_order() -> None:
    near, far = figure((0.1, 0, 3.5)), figure((-0.1, 0, 4.5), seed=1)
    one, two = picture(near, far), picture(far, near)
    assert one.image.tobytes() == two.image.tobytes()
    both = one.silhouettes.all(axis=0)
    assert both.sum() > 200
    assert (one.person[both] == 0).all() and (two.person[both] == 1).all()
    assert (one.depth[one.person == 0] < 4).all() and (one.depth[one.person == 1] > 4).all()
    np.testing.assert_array_equal(one.person >= 0, one.silhouettes.any(axis=0))
    np.testing.assert_array_equal(one.parts > 0, one.person >= 0)
    np.testing.assert_array_equal(np.isfinite(one.depth), one.person >= 0)


def test_left_is_on_the_right_of_someone_who_faces_the_camera() -> None:
    rendered = picture(figure())
    left_knee, right_knee = 5, 6
    columns = [np.nonzero(rendered.parts == part)[1].mean() for part in (left_knee, right_knee)]
    assert columns[0] > WIDTH / 2 > columns[1]


def test_samples_smooth_the_outline() -> None:
    light, bare = figure(), plain()
    sharp = picture(light)
    smooth = picture(light, options=replace(CLEAN, supersample=2))
    wall = sharp.image[0, 0].astype(int)
    person = sharp.person >= 0
    assert (sharp.image[~person] == wall).all()
    mixed = np.abs(smooth.image.astype(int) - wall).sum(axis=-1) > 0
    # Samples that half a pixel covers reach beyond what is seen at its centre.
    assert (mixed & ~person).any()
    assert abs(int(mixed.sum()) - int(person.sum())) < 0.25 * person.sum()
    assert bare.shape == smooth.image.shape


def test_nobody_leaves_the_background() -> None:
    rendered = picture()
    assert (rendered.person == -1).all() and not rendered.parts.any()
    assert np.ptp(rendered.image.reshape(-1, 3), axis=0).max() == 0


def test_someone_outside_is_not_drawn() -> None:
    rendered = picture(figure((50.0, 0, 4.0)))
    assert not rendered.silhouettes.any()


def test_someone_partly_behind_the_camera_is_drawn_as_far_as_they_show() -> None:
    turned = standing()[0][:, [0, 2, 1]] + (0.0, 0.4, 0.3)
    assert turned[:, 2].min() < 0
    with np.errstate(all="ignore"):
        screen = project(turned)
    rendered = picture(replace(figure(), vertices=turned, screen=screen))
    assert np.isfinite(rendered.depth[rendered.person == 0]).all()


def test_occluders_lie_over_people() -> None:
    alpha = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    alpha[40:60] = 1.0
    things = Occluders(alpha, np.full((HEIGHT, WIDTH, 3), 50.0, dtype=np.float32))
    rng = np.random.default_rng(0)
    rendered = render(body_mesh(), [figure()], plain(), things, CLEAN, rng)
    assert np.ptp(rendered.image[40:60].reshape(-1, 3), axis=0).max() == 0
    np.testing.assert_array_equal(rendered.occluded, alpha > 0)
    # Labels of the people do not know of it.
    np.testing.assert_array_equal(rendered.person, picture(figure()).person)


def test_shadows_darken_the_floor_only_there() -> None:
    someone = figure()
    below = project(standing()[0] * (1, 0, 1) + (0, 0.95, 4.0))
    with_shadow, without = picture(replace(someone, shadow=below)), picture(someone)
    darker = (with_shadow.image.astype(int) - without.image)[with_shadow.person < 0].min(axis=-1)
    assert darker.min() < -20 and (darker <= 0).all() and (darker == 0).mean() > 0.5


def test_clothes_stand_off_the_skin() -> None:
    mesh, vertices = body_mesh(), standing()[0].astype(np.float32) + np.float32([0, 0, 4])
    looks = draw_appearance(np.random.default_rng(5))
    screen = project(vertices)
    normals = vertex_normals(mesh, vertices)
    depth, moved = dress(mesh, looks, vertices, normals, screen)
    on = materials(mesh, looks, mesh.rest)
    np.testing.assert_array_equal(moved[on == SKIN], screen[on == SKIN])
    thick = looks.top.thickness
    exact = project(vertices + thick * normals)[on == TOP]
    np.testing.assert_allclose(moved[on == TOP], exact, atol=0.02)
    np.testing.assert_allclose(
        depth[on == TOP], (vertices + thick * normals)[on == TOP, 2], atol=1e-5
    )


def test_borders_of_clothes_are_not_borders_of_parts() -> None:
    """Where sleeves end depends on the person and on the side of the arm."""
    mesh = body_mesh()
    along = np.linspace(0.2, 0.7, 2001, dtype=np.float32)
    around = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ends = []
    for seed in range(40):
        looks = draw_appearance(np.random.default_rng(seed))
        ring = []
        for angle in around:
            y, z = 0.467 + 0.04 * np.sin(angle), 0.012 + 0.04 * np.cos(angle)
            points = np.stack([along, np.full_like(along, y), np.full_like(along, z)], axis=1)
            covered = materials(mesh, looks, points) == TOP
            ring.append(along[covered].max() if covered.any() else 0.0)
        ends.append(ring)
    found = np.array(ends)
    some = found[(found.min(axis=1) > 0.2) & (found.max(axis=1) < 0.69)]
    assert len(some) > 8
    assert (np.ptp(some, axis=1) > 0.002).all()
    assert np.ptp(some.mean(axis=1)) > 0.1


def test_every_pattern_and_cut_paints_colours() -> None:
    mesh = body_mesh()
    for seed in range(60):
        looks = draw_appearance(np.random.default_rng(seed))
        colours = paint(mesh, looks, mesh.rest)
        assert colours.shape == mesh.rest.shape
        assert np.isfinite(colours).all() and colours.min() >= 0 and colours.max() < 320


def test_any_number_of_vertices() -> None:
    """Every face split at its middle: another mesh, the same surface, nearly the same picture."""
    with resources.as_file(resources.files("gsam.body") / "assets" / "body_small.npz") as path:
        arrays = read_body_arrays(path)
    faces = arrays["f"]
    middles = np.arange(len(faces)) + len(arrays["v_template"])
    for key in ("v_template", "shapedirs", "posedirs", "weights"):
        arrays[key] = np.concatenate([arrays[key], arrays[key][faces].mean(axis=1)])
    for key in ("J_regressor", "J_regressor_h36m"):
        arrays[key] = np.pad(arrays[key], ((0, 0), (0, len(faces))))
    corners = [(faces[:, a], faces[:, b], middles) for a, b in ((0, 1), (1, 2), (2, 0))]
    arrays["f"] = np.concatenate([np.stack(corner, axis=1) for corner in corners])
    body = SmplBody.from_arrays(arrays)
    pose = torch.zeros(1, 24, 3)
    pose[0, 16, 2], pose[0, 17, 2] = -1.2, 1.2
    vertices = body(torch.zeros(1, 10), pose).vertices[0].numpy() * (1, -1, -1) + (0, 0, 4)
    known = figure()
    other = Figure(vertices, project(vertices), known.joints, known.joints_screen, known.appearance)
    rng = np.random.default_rng(0)
    found = render(render_mesh(body), [other], plain(), None, CLEAN, rng)
    expected = picture(known)
    assert (found.person != expected.person).sum() < 0.06 * (expected.person >= 0).sum()
    assert np.abs(found.image.astype(int) - expected.image).mean() < 4

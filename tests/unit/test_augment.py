"""Views of a person as one matrix, half bodies, colours, mosaic tiles and mixes."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.configs import build
from gsam.detectors.augment import AugmentConfig, View, half_body, tint, vary
from gsam.detectors.crops import crop_matrix, transform, warp
from gsam.detectors.mosaic import TARGET_SHARE, assemble, draw_tiles, mix
from gsam.errors import ConfigError
from gsam.skeletons import COCO_17, H36M_17, MPII_16
from tests.synthetic_images import draw_dots

HEIGHT, WIDTH = 96, 72


def centroid(picture: np.ndarray) -> np.ndarray:
    weight = picture[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


@settings(deadline=None)
@given(
    turn=st.floats(-90, 90),
    zoom=st.floats(0.65, 1.35),
    flip=st.booleans(),
    x=st.floats(55, 75),
    y=st.floats(60, 80),
)
def test_points_follow_pixels(turn, zoom, flip, x, y):
    # A dot drawn at a joint is found where the matrix puts the joint.
    picture = draw_dots(np.array([[x, y]]), 140, 130)
    view = View(np.array([65.0, 70.0]), zoom * np.array([72.0, 96.0]), turn, flip)
    matrix = view.matrix(130, HEIGHT, WIDTH)
    found = centroid(warp(picture, matrix, HEIGHT, WIDTH))
    np.testing.assert_allclose(found, transform(matrix, np.array([[x, y]]))[0], atol=0.12)


@settings(deadline=None)
@given(st.floats(-90, 90), st.floats(0.5, 2.0))
def test_one_matrix_is_the_mirrored_image_then_the_crop(turn, zoom):
    # The reference mirrors the picture and the centre, then warps; here both are one matrix.
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (80, 100, 3)).astype(np.uint8)
    centre, size = np.array([40.0, 37.0]), zoom * np.array([60.0, 80.0])
    one = View(centre, size, turn, flip=True).matrix(100, HEIGHT, WIDTH)
    centre[0] = 100 - 1 - centre[0]
    two = crop_matrix(centre, size[0], turn, HEIGHT, WIDTH)
    points = rng.uniform(0, 80, (5, 2))
    mirrored = points * [-1, 1] + [99, 0]
    np.testing.assert_allclose(transform(one, points), transform(two, mirrored), atol=1e-9)
    difference = warp(picture, one, HEIGHT, WIDTH).astype(int) - warp(
        np.ascontiguousarray(picture[:, ::-1]), two, HEIGHT, WIDTH
    )
    assert np.abs(difference).max() <= 3


@settings(deadline=None)
@given(st.integers(8, 200), st.integers(8, 200))
def test_a_view_fits_in_a_crop_of_another_shape(height, width):
    view = View(np.array([50.0, 60.0]), np.array([40.0, 90.0]))
    corners = np.array([[30.0, 15.0], [70.0, 105.0]])
    moved = transform(view.matrix(200, height, width), corners)
    assert (moved > -1e-9).all() and (moved < np.array([width, height]) + 1e-9).all()


def test_half_body(oracles):
    with np.load(oracles / "hrnet" / "affine.npz") as a:
        aspect = json.loads((oracles / "hrnet" / "affine.json").read_text())["aspect_ratio"]
        rows = zip(
            a["halfbody_joints"], a["halfbody_vis"], a["halfbody_normal_draw"],
            a["halfbody_center"], a["halfbody_scale"], strict=True,
        )  # fmt: skip
        for joints, seen, draw, centre, scale in rows:
            view = half_body(joints[:, :2], seen > 0, COCO_17, draw, aspect)
            np.testing.assert_allclose(view.centre, centre, rtol=1e-5)
            np.testing.assert_allclose(view.size / 200, scale, rtol=1e-5)


@pytest.mark.parametrize("skeleton", [COCO_17, MPII_16, H36M_17])
def test_which_half(skeleton):
    points = np.arange(2.0 * skeleton.size).reshape(-1, 2)
    legs = np.array([("hip" in j or "knee" in j or "ankle" in j) for j in skeleton.joints])
    upper = half_body(points, ~legs, skeleton, 0.0, 0.75)
    np.testing.assert_allclose(
        upper.centre, points[~legs & (np.array(skeleton.joints) != "pelvis")].mean(0)
    )
    # The lower half when the draw says so, or when the upper has no more than 2 joints.
    everything = np.ones(skeleton.size, bool)
    lower = half_body(points, everything, skeleton, 0.6, 0.75)
    pelvis = np.array([joint == "pelvis" for joint in skeleton.joints])
    np.testing.assert_allclose(lower.centre, points[legs | pelvis].mean(0))
    np.testing.assert_array_equal(
        half_body(points, legs, skeleton, 0.0, 0.75).centre, points[legs].mean(0)
    )
    # Below two joints, or all in one place, there is nothing to show.
    one = np.arange(skeleton.size) == 3
    assert half_body(points, one, skeleton, 0.0, 0.75) is None
    assert half_body(np.ones_like(points), everything, skeleton, 0.0, 0.75) is None


def test_draws_stay_in_their_limits_and_do_what_they_say():
    config = AugmentConfig(scale=0.3, rotation=30, half_body=0.0)
    plain = View(np.array([5.0, 6.0]), np.array([30.0, 40.0]))
    rng = np.random.default_rng(1)
    points, seen = np.zeros((17, 2)), np.ones(17, bool)
    views = [vary(plain, points, seen, H36M_17, config, rng) for _ in range(600)]
    sizes = np.array([v.size[0] / 30 for v in views])
    turns = np.array([v.rotation for v in views])
    assert sizes.min() == pytest.approx(0.7) and sizes.max() == pytest.approx(1.3)
    assert 40 < np.abs(turns).max() <= 60
    assert np.mean(turns != 0) == pytest.approx(0.6, abs=0.08)
    assert np.mean([v.flip for v in views]) == pytest.approx(0.5, abs=0.08)
    still = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=0)
    view = vary(plain, points, seen, H36M_17, still, rng)
    assert (view.size == plain.size).all() and (view.rotation, view.flip) == (0.0, False)


def test_half_bodies_need_more_than_eight_joints():
    config = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=1.0)
    plain = View(np.array([500.0, 600.0]), np.array([30.0, 40.0]))
    points = np.random.default_rng(0).uniform(0, 100, (17, 2))
    for count, half in ((8, False), (9, True)):
        seen = np.arange(17) < count
        view = vary(plain, points, seen, H36M_17, config, np.random.default_rng(0))
        assert (view.centre[0] != 500.0) == half


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(32, 128), st.integers(32, 128))
def test_tiles_cover_the_input_once_and_the_target_holds_its_middle(seed, height, width):
    tiles = draw_tiles(height, width, np.random.default_rng(seed))
    covered = np.zeros((height, width), int)
    for tile in tiles:
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert (covered == 1).all() and len(tiles) == 4
    target = tiles[0]
    assert target.left <= width / 2 < target.left + target.width
    assert target.top <= height / 2 < target.top + target.height
    assert target.width * target.height == max(t.width * t.height for t in tiles)
    crops = [np.full((t.height, t.width, 3), 50 * i, np.uint8) for i, t in enumerate(tiles)]
    image = assemble(tiles, crops, height, width)
    for i, t in enumerate(tiles):
        assert (image[t.top : t.top + t.height, t.left : t.left + t.width] == 50 * i).all()


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_mix_keeps_most_of_the_target(seed):
    white, black = np.full((4, 4, 3), 255, np.uint8), np.zeros((4, 4, 3), np.uint8)
    mixed = mix(white, black, np.random.default_rng(seed)) / 255
    assert TARGET_SHARE[0] - 0.01 <= mixed.min() == mixed.max() <= TARGET_SHARE[1] + 0.01
    assert (mix(white, white, np.random.default_rng(seed)) == 255).all()


def test_tint_scales_channels():
    grey = np.full((2, 2, 3), 100, np.uint8)
    tinted = tint(grey, 0.2, np.random.default_rng(0))
    assert (tinted == tinted[0, 0]).all() and len(set(tinted[0, 0].tolist())) == 3
    assert (np.abs(tinted.astype(int) - 100) <= 20).all()
    assert (tint(grey, 0.0, np.random.default_rng(0)) == grey).all()


def test_impossible_values_are_named():
    with pytest.raises(ConfigError) as error:
        build(AugmentConfig, {"flip": 1.5, "scale": 1.0, "rotation": -3}, "augment")
    for key in ("flip = 1.5", "scale = 1.0", "rotation = -3"):
        assert key in str(error.value)
    assert build(AugmentConfig, {}, "augment") == AugmentConfig()

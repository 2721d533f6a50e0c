"""Mesh regressors at work: batches, bodies in the picture, where a grey patch hurts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gsam.detectors.crops import invert, transform
from gsam.errors import ConfigError, DataError
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.crops import plain_matrix
from gsam.meshes.inference import MeshRegressor, translation_in_image
from gsam.meshes.output import MeshOutput
from gsam.meshes.sensitivity import GREY, occlusion_sensitivity, patch_corners
from gsam.metrics import mesh
from gsam.weak_perspective import CROP_FOCAL, project_perspective, weak_to_translation
from tests.labelled_bodies import small_bodies

CONFIG = MeshConfig(
    size=32, channels=4, stem=8, bottlenecks=1, modules=(1, 1, 1), blocks=1, deconv_filters=8,
    shape_features=4,
)  # fmt: skip
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def body():
    return small_bodies().neutral


def crops(count, size=32):
    return RNG.integers(0, 255, (count, size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", ["pare", "hmr"])
def test_batches_do_not_matter(body, name):
    torch.manual_seed(0)
    config = MeshConfig(**{**CONFIG.as_dict(), "name": name})
    model, pictures = build_mesh(config), crops(5)
    single, many = (MeshRegressor(model, config, body, batch_size=n) for n in (1, 100))
    alone, together = single.regress(pictures), many.regress(pictures)
    assert together.vertices.shape == (5, len(body.v_template), 3)
    assert together.joints.shape == (5, 17, 3) and together.camera.shape == (5, 3)
    assert (together.attention is None) == (name == "hmr")
    for one, other in zip(alone, together, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    expected = body(together.shape, together.rotations).vertices
    torch.testing.assert_close(together.vertices, expected)
    torch.testing.assert_close(together.joints, body.h36m_joints(expected))


@settings(max_examples=30)
@given(
    st.tuples(*(st.floats(-50, 400) for _ in range(2)), *(st.floats(20, 300) for _ in range(2))),
    st.tuples(st.floats(0.4, 1.2), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    st.floats(2000, 20000),
)
def test_a_body_is_seen_at_the_same_pixels_of_picture_and_crop(box, camera, focal):
    points = torch.from_numpy(RNG.uniform(-1, 1, (1, 9, 3)) * [0.5, 1, 0.0])
    weak, size, picture = torch.tensor([camera], dtype=torch.float64), 64, (320, 480)
    near = weak_to_translation(weak, crop_size=size)
    in_crop = project_perspective(points, near, CROP_FOCAL, size / 2)[0]
    far = translation_in_image(weak, [box], picture, focal)
    in_picture = project_perspective(points, far, focal, torch.tensor(picture) / 2)[0]
    back = transform(invert(plain_matrix(box, size)), in_crop.numpy())
    np.testing.assert_allclose(in_picture.numpy(), back, atol=1e-3)


def test_a_box_without_an_area_has_no_place():
    with pytest.raises(DataError, match="box 0 is"):
        translation_in_image(torch.ones(1, 3), [[0, 0, 0, 5]], (10, 10), 100)


@pytest.mark.parametrize(
    ("size", "patch", "stride", "expected"),
    [
        (10, 4, 3, [0, 3, 6]),
        (10, 4, 4, [0, 4, 6]),  # the last touches the border
        (10, 10, 5, [0]),
        (3, 1, 1, [0, 1, 2]),
    ],
)
def test_places_of_the_patch(size, patch, stride, expected):
    assert patch_corners(size, patch, stride).tolist() == expected


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 64))
def test_every_pixel_is_covered(size, patch, stride):
    if patch > size or stride > patch:
        with pytest.raises(ConfigError, match=r"sensitivity\.(patch|stride)"):
            patch_corners(size, patch, stride)
        return
    corners = patch_corners(size, patch, stride)
    covered = {int(c) + i for c in corners for i in range(patch)}
    assert covered == set(range(size)) and len(set(corners.tolist())) == len(corners)


class LooksAtOnePixel(nn.Module):
    """Bends the left elbow where a pixel of the crop is grey."""

    def __init__(self, row, column):
        super().__init__()
        self.place = row, column

    def forward(self, images):
        grey = (images[:, 0, self.place[0], self.place[1]] < 1).to(torch.float64)
        turn = torch.eye(3).repeat(len(images), 24, 1, 1)
        angle = 1.5 * grey
        turn[:, 18, 0, 0], turn[:, 18, 0, 1] = angle.cos(), -angle.sin()
        turn[:, 18, 1, 0], turn[:, 18, 1, 1] = angle.sin(), angle.cos()
        zeros = torch.zeros(len(images), 10)
        return MeshOutput(turn, zeros, torch.ones(len(images), 3), None, None, None)


def test_a_patch_hurts_where_the_network_looks(body):
    crop = np.full((32, 32, 3), 250, np.uint8)
    regressor = MeshRegressor(LooksAtOnePixel(9, 25), CONFIG, body, batch_size=7)
    target = regressor.regress(crop[None]).joints[0].numpy()
    errors = occlusion_sensitivity(regressor, crop, target, patch=8, stride=8)
    assert errors.shape == (4, 4, 14)
    wrist = mesh.LSP_14.index("left_wrist")
    assert errors[1, 3, wrist] > 0.1
    errors[1, 3, wrist] = 0
    assert errors.max() < 0.05
    assert (crop == 250).all() and GREY == 128


def test_a_target_of_other_joints(body):
    regressor = MeshRegressor(LooksAtOnePixel(0, 0), CONFIG, body)
    with pytest.raises(DataError, match=r"expected \(..., 17, 3\)"):
        occlusion_sensitivity(regressor, crops(1)[0], np.zeros((14, 3)), 8, 8)

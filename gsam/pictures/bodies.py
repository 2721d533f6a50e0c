"""A regressed body drawn with the z-buffer: over the picture it was regressed from, and from the
side.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gsam.render.light import Light, shade
from gsam.render.mesh import RenderMesh, vertex_normals
from gsam.render.raster import Raster, rasterise
from gsam.weak_perspective import CROP_FOCAL, weak_to_translation

__all__ = ["body_from_side", "body_over_picture", "enlarged"]

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

COLOUR = (116, 167, 230)
OPACITY = 0.85
# From above the camera's left: limbs stand out from the trunk.
LIGHT = Light(
    direction=np.array([-0.4, -0.55, -0.73], dtype=np.float32),
    lamp=0.65,
    sky=0.15,
    ambient=0.4,
    tint=np.ones(3, dtype=np.float32),
)
SIDE_DISTANCE = 6.0
"""Metres from which the side is seen: near enough to look like a body, far enough not to bulge."""
SIDE_FILL = 0.85
"""Share of the picture that the body's larger extent takes from the side."""


def body_over_picture(
    picture: Image, mesh: RenderMesh, vertices: Floats, camera: Floats, size: int
) -> Image:
    """The body over a picture, (H, W, 3) uint8 RGB.

    Args:
        picture: (H, H, 3) the crop, at any magnification.
        mesh: the surface of the body.
        vertices: (V, 3) metres, camera frame, before the camera's translation.
        camera: (3,) weak perspective (s, tx, ty) on a crop of `size` pixels.
        size: of the crop as the regressor sees it.
    """
    height, width = picture.shape[:2]
    shift = weak_to_translation(torch.from_numpy(np.asarray(camera)), crop_size=size).numpy()
    placed = vertices + shift
    zoom = width / size
    focal = CROP_FOCAL * zoom
    # The crop's pixel S / 2 is the middle of what the regressor saw; enlarging moves its centre.
    middle = np.array([width, height]) / 2 + zoom / 2 - 0.5
    screen = focal * placed[:, :2] / np.maximum(placed[:, 2:], 1e-6) + middle
    raster = rasterise(screen, placed[:, 2], mesh.faces, height, width)
    lit = raster.image(_lit(mesh, vertices, raster), 0)
    covered = raster.image(np.full((len(raster.pixels), 1), OPACITY, dtype=np.float32), 0)
    return np.rint(picture * (1 - covered) + lit * covered).astype(np.uint8)


def body_from_side(mesh: RenderMesh, vertices: Floats, side: int) -> Image:
    """The body as somebody on the camera's right sees it, (side, side, 3) uint8 RGB on white.

    vertices: (V, 3) metres, camera frame; it fills the picture whatever its place and size.
    """
    turned = np.stack([vertices[:, 2], vertices[:, 1], -vertices[:, 0]], axis=1)
    low, high = turned.min(axis=0), turned.max(axis=0)
    turned = turned - (low + high) / 2
    extent = max(float((high - low)[:2].max()), 1e-6)
    depth = turned[:, 2] + SIDE_DISTANCE
    focal = SIDE_FILL * side * SIDE_DISTANCE / extent
    screen = focal * turned[:, :2] / depth[:, None] + (side - 1) / 2
    raster = rasterise(screen, depth, mesh.faces, side, side)
    return np.rint(raster.image(_lit(mesh, turned, raster), 255)).astype(np.uint8)


def _lit(mesh: RenderMesh, vertices: Floats, raster: Raster) -> Floats:
    """Lit colours (P, 3), 0..255, of the pixels of a body with these vertices."""
    normals = vertex_normals(mesh, np.asfortranarray(vertices, dtype=np.float32))
    corners = mesh.faces[raster.faces]
    mixed = (normals[corners] * raster.weights[..., None]).sum(axis=1)
    albedo = np.broadcast_to(np.array(COLOUR, dtype=np.float32), mixed.shape).copy()
    return np.clip(shade(albedo, mixed, LIGHT), 0, 255).astype(np.float32)


def enlarged(picture: Image, side: int) -> Image:
    """A crop at the sheet's size, (side, side, 3)."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC))

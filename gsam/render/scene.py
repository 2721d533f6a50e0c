"""One picture: figures in a common z-buffer, shaded, before a background and behind occluders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Appearance
from gsam.render.clothes import dress, paint
from gsam.render.film import expose
from gsam.render.light import Light, crevices, draw_light, shade
from gsam.render.mesh import RenderMesh, vertex_normals
from gsam.render.occluders import Occluders
from gsam.render.raster import Raster, rasterise

__all__ = ["Figure", "RenderOptions", "Rendered", "render"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Figure:
    """One posed body before the camera.

    vertices (V, 3) and joints (J, 3): camera frame, metres. screen (V, 2) and joints_screen (J, 2):
    where they project to, pixels of the picture, pixel centres at whole numbers. shadow: (V, 2),
    where the vertices' shadows on the floor project to, or None for no shadow.
    """

    vertices: NDArray[np.floating]
    screen: NDArray[np.floating]
    joints: NDArray[np.floating]
    joints_screen: NDArray[np.floating]
    appearance: Appearance
    shadow: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class RenderOptions:
    """supersample: samples per pixel and axis; blur: of lens or motion, in about half of the
    pictures; noise: of the sensor, and a tone curve.
    """

    supersample: int = 2
    blur: bool = True
    noise: bool = True


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture with its exact labels, all of its size (H, W); occluders count only in `occluded`.

    image: uint8 (H, W, 3) RGB. person: int8, index of the figure seen, -1 for none. parts: uint8,
    1..24 on figures, 0 elsewhere. depth: float32 metres, infinite elsewhere. occluded: bool.
    silhouettes: bool (N, H, W), each figure as if it were alone.
    """

    image: NDArray[np.uint8]
    person: NDArray[np.int8]
    parts: NDArray[np.uint8]
    depth: Floats
    occluded: NDArray[np.bool_]
    silhouettes: NDArray[np.bool_]


def render(
    mesh: RenderMesh,
    figures: Sequence[Figure],
    background: NDArray[np.uint8],
    occluders: Occluders | None,
    options: RenderOptions,
    rng: np.random.Generator,
) -> Rendered:
    """Draw figures over a background.

    Args:
        mesh: the surface that all figures share.
        figures: any number of bodies, in any order.
        background: uint8 (H, W, 3) RGB; its size is the picture's.
        occluders: of the same size, drawn over everything, or None.
        options: quality.
        rng: light, blur and noise are drawn from it; equal states give equal bytes.
    """
    height, width = background.shape[:2]
    light = draw_light(rng)
    fine = options.supersample
    layers = [_layer(mesh, figure, fine, (height, width)) for figure in figures]
    person, depth = _merge([layer.raster for layer in layers], fine * height, fine * width)
    canvas = _shadows(background.astype(np.float32), figures)
    shaded = np.zeros((fine * height, fine * width, 4), dtype=np.float32)
    crevice = crevices(depth, person, fine)
    parts = np.zeros(person.shape, dtype=np.uint8)
    for index, layer in enumerate(layers):
        raster = layer.raster
        seen = np.flatnonzero(person.ravel()[raster.pixels] == index)
        pixels, faces = raster.pixels[seen], raster.faces[seen]
        colours = _colours(mesh, layer, figures[index].appearance, light, seen)
        shaded.reshape(-1, 4)[pixels, :3] = colours * crevice.ravel()[pixels, None]
        shaded.reshape(-1, 4)[pixels, 3] = 1.0
        parts.ravel()[pixels] = mesh.parts[faces]
    if fine > 1:
        shaded = cv2.resize(shaded, (width, height), interpolation=cv2.INTER_AREA)
    canvas *= 1.0 - shaded[..., 3:]
    canvas += shaded[..., :3]
    occluded = np.zeros((height, width), dtype=bool)
    if occluders is not None:
        canvas += (occluders.colour - canvas) * occluders.alpha[..., None]
        occluded = occluders.alpha >= 0.5
    image = expose(canvas, options.blur, options.noise, rng)
    centre = slice(fine // 2, None, fine)
    silhouettes = np.zeros((len(figures), height, width), dtype=bool)
    for index, layer in enumerate(layers):
        full = layer.raster.image(np.ones(len(layer.raster.pixels), dtype=bool), False)
        silhouettes[index] = full[centre, centre]
    return Rendered(
        image=image,
        person=np.ascontiguousarray(person[centre, centre]),
        parts=np.ascontiguousarray(parts[centre, centre]),
        depth=np.ascontiguousarray(depth[centre, centre]),
        occluded=occluded,
        silhouettes=silhouettes,
    )


@dataclass(frozen=True, eq=False)
class _Layer:
    """A figure's pixels and the normals (V, 3) of its dressed surface."""

    raster: Raster
    normals: Floats


def _layer(mesh: RenderMesh, figure: Figure, fine: int, size: tuple[int, int]) -> _Layer:
    """Dress and rasterise one figure at `fine` samples per pixel and axis."""
    vertices = np.asarray(figure.vertices, dtype=np.float32)
    vertices, screen = dress(mesh, figure.appearance, vertices, np.asarray(figure.screen))
    samples = (screen + 0.5) * fine - 0.5
    raster = rasterise(samples, vertices[:, 2], mesh.faces, fine * size[0], fine * size[1])
    return _Layer(raster, vertex_normals(mesh, vertices))


def _merge(
    rasters: Sequence[Raster], height: int, width: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whose pixel each is (-1: nobody's) and its depth (infinite: nobody's), both (H, W)."""
    person = np.full(height * width, -1, dtype=np.int8)
    depth = np.full(height * width, np.inf, dtype=np.float32)
    for index, raster in enumerate(rasters):
        nearer = raster.depth < depth[raster.pixels]
        person[raster.pixels[nearer]] = index
        depth[raster.pixels[nearer]] = raster.depth[nearer]
    return person.reshape(height, width), depth.reshape(height, width)


def _colours(
    mesh: RenderMesh,
    layer: _Layer,
    appearance: Appearance,
    light: Light,
    seen: NDArray[np.int64],
) -> Floats:
    """Lit colours (P, 3), 0..255, of some of a figure's pixels."""
    corners = mesh.faces[layer.raster.faces[seen]]
    weights = layer.raster.weights[seen]
    attributes = np.concatenate([mesh.rest, layer.normals], axis=1)
    mixed = np.einsum("pkc,pk->pc", attributes[corners], weights)
    albedo = paint(mesh, appearance, mixed[:, :3])
    return shade(albedo, mixed[:, 3:], light)


def _shadows(canvas: Floats, figures: Sequence[Figure]) -> Floats:
    """Darken the floor where figures cast soft shadows."""
    height, width = canvas.shape[:2]
    cast = [figure.shadow for figure in figures if figure.shadow is not None]
    if not cast:
        return canvas
    points = np.rint(np.concatenate(cast) / 2).astype(np.int64)
    small = np.zeros((-(-height // 2), -(-width // 2)), dtype=np.float32)
    inside = ((points >= 0) & (points < (small.shape[1], small.shape[0]))).all(axis=1)
    small[points[inside, 1], points[inside, 0]] = 1.0
    spread = 0.5 + 0.012 * height
    soft = np.minimum(cv2.GaussianBlur(small, (0, 0), spread) * 2.5, 1.0)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas *= (1.0 - 0.45 * soft)[..., None]
    return canvas

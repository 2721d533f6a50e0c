"""What the renderer needs to know of a body's surface, for any number of vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.body.smpl import SmplBody

__all__ = ["RenderMesh", "render_mesh", "vertex_normals"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RenderMesh:
    """A surface and what is painted where on it.

    faces (F, 3) int64, counter-clockwise seen from outside; parts (F,) uint8, 1 + SMPL joint whose
    weights on the face's corners sum highest; rest (V, 3) and joints (24, 3) float32, T-pose of the
    mean shape in metres, y up, facing +z, left at +x; corners (3 F,), starts (V',), used (V',):
    the faces around each used vertex, one after another. faces and rest lie in memory column by
    column, since pixels read them so.
    """

    faces: NDArray[np.int64]
    parts: NDArray[np.uint8]
    rest: Floats
    joints: Floats
    corners: NDArray[np.int64]
    starts: NDArray[np.int64]
    used: NDArray[np.int64]


def render_mesh(body: SmplBody) -> RenderMesh:
    """The surface of a body in SMPL's format."""
    faces = np.asfortranarray(body.faces.numpy().astype(np.int64))
    weights = body.weights.double().numpy()
    rest = np.asfortranarray(body.v_template.float().numpy())
    order = np.argsort(faces.ravel(), kind="stable")
    used, starts = np.unique(faces.ravel()[order], return_index=True)
    return RenderMesh(
        faces=faces,
        parts=(weights[faces].sum(axis=1).argmax(axis=1) + 1).astype(np.uint8),
        rest=rest,
        joints=body.joint_template.float().numpy(),
        corners=order // 3,
        starts=starts,
        used=used.astype(np.int64),
    )


def vertex_normals(mesh: RenderMesh, vertices: Floats) -> Floats:
    """Unit normals (V, 3), out of the surface, area-weighted over the faces around each vertex.

    Args:
        mesh: the surface.
        vertices: (V, 3) float32 in any right-handed frame; the normals are in the same.
    """
    x, y, z = (vertices[:, axis][mesh.faces.T] for axis in range(3))
    ux, uy, uz = x[1] - x[0], y[1] - y[0], z[1] - z[0]
    vx, vy, vz = x[2] - x[0], y[2] - y[0], z[2] - z[0]
    across = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
    normals = np.zeros((3, len(vertices)), dtype=np.float32)
    for normal, area in zip(normals, across, strict=True):
        normal[mesh.used] = np.add.reduceat(area[mesh.corners], mesh.starts)
    length = np.sqrt(normals[0] ** 2 + normals[1] ** 2 + normals[2] ** 2)
    return (normals / np.maximum(length, np.float32(1e-12))).T

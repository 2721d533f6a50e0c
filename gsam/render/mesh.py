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

    faces (F, 3) int32, counter-clockwise seen from outside; parts (F,) uint8, 1 + SMPL joint whose
    weights on the face's corners sum highest; rest (V, 3) and joints (24, 3) float32, T-pose of the
    mean shape in metres, y up, facing +z, left at +x; corners (3 F,), starts (V',), used (V',):
    the faces around each used vertex, one after another.
    """

    faces: NDArray[np.int32]
    parts: NDArray[np.uint8]
    rest: Floats
    joints: Floats
    corners: NDArray[np.int64]
    starts: NDArray[np.int64]
    used: NDArray[np.int64]


def render_mesh(body: SmplBody) -> RenderMesh:
    """The surface of a body in SMPL's format."""
    faces = body.faces.numpy().astype(np.int32)
    weights = body.weights.double().numpy()
    rest = body.v_template.float().numpy()
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
    a, b, c = (vertices[mesh.faces[:, corner]] for corner in range(3))
    u, v = b - a, c - a
    across = np.empty_like(u)
    across[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
    across[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
    across[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    normals = np.zeros_like(vertices)
    normals[mesh.used] = np.add.reduceat(across[mesh.corners], mesh.starts, axis=0)
    length = np.sqrt(np.einsum("vc,vc->v", normals, normals))
    normals /= np.maximum(length, 1e-12)[:, None]
    return normals

"""Ten shape components from random adults, and the mesh made smaller."""

from dataclasses import dataclass

import fast_simplification
import numpy as np
import trimesh
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from tools.build_body.source import Source

BETAS = 10
NEIGHBOURS = 8  # vertices of the full mesh whose triangles are searched for the closest point


@dataclass(frozen=True)
class Shape:
    """Principal components: coefficients = `centre` + betas . `loadings`; betas ~ N(0, 1)."""

    centre: np.ndarray  # (K,)
    loadings: np.ndarray  # (BETAS, K)
    encoder: np.ndarray  # (K, BETAS): betas = (coefficients - centre) @ encoder
    explained: float  # share of the vertex variance


def principal_shapes(source: Source, coefficients: np.ndarray) -> Shape:
    """PCA of the T-posed vertices, done in the space of the K coefficients."""
    centre = coefficients.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(coefficients.T))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    directions = source.vertex_directions.reshape(len(centre), -1)
    gram = directions @ directions.T
    variances, axes = np.linalg.eigh(root.T @ gram @ root)
    variances, axes = variances[::-1], axes[:, ::-1]
    loadings = (root @ axes[:, :BETAS]).T
    # An eigenvector's sign is arbitrary: make the taller body the positive one.
    height = (source.vertices + np.tensordot(centre, source.vertex_directions, 1))[:, 1]
    rise = source.vertex_directions[:, [height.argmax(), height.argmin()], 1]
    loadings *= np.where(loadings @ (rise[:, 0] - rise[:, 1]) < 0, -1.0, 1.0)[:, None]
    encoder = gram @ loadings.T / variances[:BETAS]
    return Shape(centre, loadings, encoder, float(variances[:BETAS].sum() / variances.sum()))


def simplify(vertices: np.ndarray, faces: np.ndarray, target: int) -> tuple[csr_matrix, np.ndarray]:
    """Fewer vertices that lie on the old surface.

    Returns:
        Barycentric weights (V', V) of the new vertices in the old mesh, and new faces (F', 3).
    """
    moved, small_faces = fast_simplification.simplify(
        vertices, faces.astype(np.int64), target_count=target, agg=4
    )
    tree = cKDTree(vertices)
    near = tree.query(moved, k=NEIGHBOURS)[1]
    incident: list[list[int]] = [[] for _ in vertices]
    for face, corners in enumerate(faces):
        for corner in corners:
            incident[corner].append(face)
    rows, columns, shares = [], [], []
    for index, point in enumerate(moved):
        ids = np.unique(np.concatenate([incident[v] for v in near[index]]))
        triangles = vertices[faces[ids]]
        closest = trimesh.triangles.closest_point(triangles, np.tile(point, (len(ids), 1)))
        best = np.argmin(np.linalg.norm(closest - point, axis=1))
        barycentric = trimesh.triangles.points_to_barycentric(
            triangles[best : best + 1], closest[best : best + 1]
        )[0]
        barycentric = np.clip(barycentric, 0, None)
        rows += [index] * 3
        columns += list(faces[ids[best]])
        shares += list(barycentric / barycentric.sum())
    return csr_matrix((shares, (rows, columns)), (len(moved), len(vertices))), small_faces

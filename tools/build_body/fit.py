"""What SMPL's format needs and Anny has not: pose blend shapes and the two joint regressors."""

import numpy as np
from scipy.optimize import nnls

POSE_RIDGE = 0.1
POSE_FLOOR = 5e-4  # metres; smaller pose corrections are dropped so that the file compresses
JOINT_RIDGE = 3e-5
JOINT_VERTICES = 500  # nearest vertices that a rest joint may use
H36M_VERTICES = 200


def strongest_weights(weights: np.ndarray, keep: int) -> np.ndarray:
    """Only the `keep` largest weights of each row, scaled to sum to one."""
    order = np.argsort(-weights, axis=1, kind="stable")
    kept = weights.copy()
    np.put_along_axis(kept, order[:, keep:], 0.0, axis=1)
    return kept / kept.sum(axis=1, keepdims=True)


def pose_corrections(
    weights: np.ndarray,
    world: np.ndarray,
    rest: np.ndarray,
    placed: np.ndarray,
    template: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """Offsets (B, V, 3) to the rest vertices that make skinning by 24 joints hit `target`.

    Args:
        weights: (V, 24); world: rotations (B, 24, 3, 3); rest, placed: joints (24, 3), (B, 24, 3);
            template: (V, 3); target: (B, V, 3).
    """
    blended = np.einsum("vj,bjxy->bvxy", weights, world)
    offset = placed - (world @ rest[None, :, :, None])[..., 0]
    wanted = target - np.einsum("vj,bjx->bvx", weights, offset)
    # Where opposite rotations meet, the blend is nearly singular: damp instead of inverting.
    normal = np.swapaxes(blended, -1, -2) @ blended + 1e-3 * np.eye(3)
    residual = wanted - (blended @ template[None, :, :, None])[..., 0]
    return np.linalg.solve(normal, np.swapaxes(blended, -1, -2) @ residual[..., None])[..., 0]


def pose_directions(local: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    """Ridge regression of corrections (B, V, 3) on R - I: (V, 3, 207)."""
    features = (local[:, 1:] - np.eye(3)).reshape(len(local), -1)
    normal = features.T @ features + POSE_RIDGE * np.eye(features.shape[1])
    flat = np.linalg.solve(normal, features.T @ corrections.reshape(len(local), -1))
    flat[np.abs(flat) < POSE_FLOOR] = 0
    return flat.T.reshape(*corrections.shape[1:], -1)


def rest_regressor(
    template: np.ndarray, shapedirs: np.ndarray, joints: np.ndarray, joint_dirs: np.ndarray
) -> np.ndarray:
    """Signed weights (24, V), rows summing to one, that give joints of every shape from vertices.

    Args:
        template: (V, 3); shapedirs: (V, 3, K); joints: (24, 3); joint_dirs: (24, 3, K).
    """
    conditions = np.concatenate((template[:, :, None], shapedirs), axis=2).reshape(
        len(template), -1
    )
    conditions = np.concatenate((conditions, np.ones((len(template), 1))), axis=1)
    goals = np.concatenate((joints[:, :, None], joint_dirs), axis=2).reshape(len(joints), -1)
    goals = np.concatenate((goals, np.ones((len(joints), 1))), axis=1)
    regressor = np.zeros((len(joints), len(template)))
    for joint, goal in enumerate(goals):
        distance = np.linalg.norm(template - joints[joint], axis=1)
        near = np.sort(np.argsort(distance, kind="stable")[:JOINT_VERTICES])
        block = conditions[near]
        gram = block.T @ block + JOINT_RIDGE * np.eye(block.shape[1])
        row = block @ np.linalg.solve(gram, goal)
        regressor[joint, near] = row / row.sum()
    return regressor


# Human3.6M-17 joints in order, with the SMPL joint that each one follows (None: one vertex).
H36M_17 = {
    "Hip": "pelvis", "RHip": "hip.R", "RKnee": "knee.R", "RAnkle": "ankle.R", "LHip": "hip.L",
    "LKnee": "knee.L", "LAnkle": "ankle.L", "Spine": "spine2", "Thorax": "neck", "Nose": None,
    "HeadTop": None, "LShoulder": "shoulder.L", "LElbow": "elbow.L", "LWrist": "wrist.L",
    "RShoulder": "shoulder.R", "RElbow": "elbow.R", "RWrist": "wrist.R",
}  # fmt: skip


def posed_regressor_row(
    allowed: np.ndarray,
    rest_vertices: np.ndarray,
    rest_joint: np.ndarray,
    vertices: np.ndarray,
    joints: np.ndarray,
) -> np.ndarray:
    """Non-negative weights (V,) summing to one that give one joint from posed vertices.

    Args:
        allowed: (V,) bool; rest_vertices: (V, 3) and rest_joint: (3,) choose the nearest ones;
            vertices: (B, V, 3) and joints: (B, 3) posed bodies.
    """
    distance = np.where(allowed, np.linalg.norm(rest_vertices - rest_joint, axis=1), np.inf)
    near = np.sort(np.argsort(distance, kind="stable")[: min(H36M_VERTICES, allowed.sum())])
    system = np.moveaxis(vertices[:, near], 2, 1).reshape(-1, len(near))
    # Bodies move around the origin, which already asks for a sum near one; this row insists.
    insist = 10.0 * np.sqrt(len(joints))
    system = np.concatenate((system, np.full((1, len(near)), insist)))
    solution = nnls(system, np.append(joints.reshape(-1), insist))[0]
    row = np.zeros(len(rest_vertices))
    row[near] = solution / solution.sum()
    return row

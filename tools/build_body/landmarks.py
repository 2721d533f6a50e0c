"""The points that PARE reads off SMPL's surface, found on the asset: `extra_vertices` (21,) and
`J_regressor_extra` (9, V).

`python -m tools.build_body.landmarks` adds them to an asset that has none, without Anny.
"""

import argparse
import heapq
from pathlib import Path

import numpy as np
import torch

from gsam.body.files import read_body_arrays
from gsam.body.smpl import SmplBody
from tools.build_body import fit
from tools.build_body.asset import write

SEED = 20240502
POSES, POSE_SPREAD = 120, 0.4  # random poses of the neck's fit; rad per axis
# Middles of the eyeballs' fronts and of the ears, picked by eye: right eye, left eye, ears alike.
FACE = (3438, 3391, 1340, 3039)
FEET, HANDS = ((7, 10), (8, 11)), ((20, 22), (21, 23))  # (ankle, foot), (wrist, hand); left, right
FINGERS = 5
UPPER_NECK = 15  # where the neck meets the skull: SMPL's head joint
# Rows of the Human3.6M regressor that say the same: right hip, left hip, -, head top; pelvis,
# thorax; spine, jaw (its "nose"), head (its "head top"). The neck between them is LSP's, which is
# MPII's upper neck.
SAME = (1, 4, None, 10, 0, 8, 7, 9, 10)


def landmark_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Both arrays for a body's `arrays` (SMPL's keys and `J_regressor_h36m`)."""
    template, owner = arrays["v_template"], arrays["weights"].argmax(axis=1)
    h36m = arrays["J_regressor_h36m"]
    nose = int(h36m[9].argmax())
    feet = [vertex for joints in FEET for vertex in foot(template, owner, joints)]
    tips = [vertex for joints in HANDS for vertex in fingertips(arrays, owner, joints)]
    rows = [neck_row(arrays) if row is None else h36m[row] for row in SAME]
    return {
        "extra_vertices": np.array([nose, *FACE, *feet, *tips]),
        "J_regressor_extra": np.stack(rows),
    }


def foot(template: np.ndarray, owner: np.ndarray, joints: tuple[int, int]) -> list[int]:
    """Big toe (foremost of the inner half), small toe (of the outer fifth), heel (hindmost of the
    lower half)."""
    toes, whole = np.flatnonzero(owner == joints[1]), np.flatnonzero(np.isin(owner, joints))
    across = np.abs(template[toes, 0])
    share = (across - across.min()) / np.ptp(across)
    inner, outer = toes[share < 0.5], toes[share > 0.8]
    height = template[whole, 1]
    low = whole[height < height.min() + 0.5 * np.ptp(height)]
    ends = inner[template[inner, 2].argmax()], outer[template[outer, 2].argmax()]
    return [int(vertex) for vertex in (*ends, low[template[low, 2].argmin()])]


def fingertips(
    arrays: dict[str, np.ndarray], owner: np.ndarray, joints: tuple[int, int]
) -> list[int]:
    """Thumb to little finger: the vertices of the hand that are farther from the wrist, along
    edges, than all their neighbours. Palms face down and thumbs forward in the rest pose."""
    template = arrays["v_template"]
    inside = np.isin(owner, joints)
    neighbours: dict[int, dict[int, float]] = {int(v): {} for v in np.flatnonzero(inside)}
    for triangle in arrays["f"][inside[arrays["f"]].all(axis=1)]:
        for one, other in zip(triangle, np.roll(triangle, 1), strict=True):
            length = float(np.linalg.norm(template[one] - template[other]))
            neighbours[int(one)][int(other)] = neighbours[int(other)][int(one)] = length
    away = _distances(neighbours, [int(v) for v in np.flatnonzero(owner == joints[0])])
    peaks = [v for v, near in neighbours.items() if all(away[v] > away[n] for n in near)]
    if len(peaks) != FINGERS:
        raise SystemExit(f"hand {joints[1]}: {len(peaks)} fingertips found, expected {FINGERS}")
    return sorted(peaks, key=lambda vertex: -template[vertex, 2])


def _distances(neighbours: dict[int, dict[int, float]], start: list[int]) -> dict[int, float]:
    """Shortest way along edges from any of `start` (Dijkstra)."""
    found = dict.fromkeys(neighbours, np.inf) | dict.fromkeys(start, 0.0)
    waiting = [(0.0, vertex) for vertex in start]
    while waiting:
        distance, vertex = heapq.heappop(waiting)
        if distance > found[vertex]:
            continue
        for other, length in neighbours[vertex].items():
            if distance + length < found[other]:
                found[other] = distance + length
                heapq.heappush(waiting, (found[other], other))
    return found


def neck_row(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Weights (V,) that follow the upper neck over random poses and shapes."""
    body = SmplBody.from_arrays(arrays).double()
    generator = torch.Generator().manual_seed(SEED)
    draw = {"generator": generator, "dtype": torch.float64}
    betas = torch.randn(POSES, body.num_betas, **draw).clamp(-2.5, 2.5)
    posed = body(betas, POSE_SPREAD * torch.randn(POSES, 24, 3, **draw))
    allowed = arrays["weights"][:, [12, UPPER_NECK]].max(axis=1) > 0.05
    rest = body.joint_template[UPPER_NECK].numpy()
    vertices, joints = posed.vertices.numpy(), posed.joints[:, UPPER_NECK].numpy()
    row = fit.posed_regressor_row(allowed, arrays["v_template"], rest, vertices, joints)
    error = 1e3 * np.linalg.norm(row @ vertices - joints, axis=-1)
    print(
        f"neck: {np.count_nonzero(row)} vertices, mean {error.mean():.1f}, max {error.max():.0f} mm"
    )
    return row


def main() -> None:
    """Add the landmarks to an asset in place."""
    parser = argparse.ArgumentParser(description="Add the landmarks to an asset.")
    parser.add_argument("--asset", type=Path, default=Path("gsam/body/assets/body_small.npz"))
    path = parser.parse_args().asset
    with np.load(path, allow_pickle=False) as archive:
        stored = dict(archive)
    write(path, stored | landmark_arrays(read_body_arrays(path)))


if __name__ == "__main__":
    main()

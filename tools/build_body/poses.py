"""Random poses inside human joint ranges."""

import numpy as np

from tools.build_body.rig import PARENTS, SMPL

# Degrees about the parent's x, y, z; R = Rz Ry Rx. Written for the left: right is (x, -y, -z).
LIMITS = {
    "hip": ((-115, 20), (-35, 40), (-25, 40)),
    "knee": ((0, 140), (-5, 5), (-3, 3)),
    "ankle": ((-20, 45), (-10, 10), (-15, 15)),
    "foot": ((-30, 15), (0, 0), (0, 0)),
    "spine1": ((-15, 35), (-15, 15), (-12, 12)),
    "spine2": ((-12, 25), (-15, 15), (-10, 10)),
    "spine3": ((-10, 20), (-15, 15), (-10, 10)),
    "neck": ((-25, 30), (-30, 30), (-18, 18)),
    "head": ((-25, 25), (-35, 35), (-15, 15)),
    "collar": ((-5, 5), (-15, 12), (-10, 20)),
    "shoulder": ((-60, 60), (-110, 30), (-85, 75)),
    "elbow": ((-75, 65), (-145, 0), (-3, 3)),
    "wrist": ((-5, 5), (-25, 20), (-55, 55)),
    "hand": ((0, 0), (0, 0), (-40, 10)),
    "pelvis": ((0, 0), (0, 0), (0, 0)),
}


def random_poses(count: int, rng: np.random.Generator) -> np.ndarray:
    """Local rotations (count, 24, 3, 3), each angle Beta(2, 2) inside `LIMITS`."""
    share = rng.beta(2, 2, (count, len(SMPL), 3))
    low, high = np.empty((len(SMPL), 3)), np.empty((len(SMPL), 3))
    mirror = np.ones((len(SMPL), 3))
    for index, joint in enumerate(SMPL):
        name, _, side = joint.partition(".")
        low[index], high[index] = np.array(LIMITS[name]).T
        if side == "R":
            mirror[index] = (1, -1, -1)
    return euler(np.radians(mirror * (low + share * (high - low))))


def euler(angles: np.ndarray) -> np.ndarray:
    """Rz Ry Rx of angles (..., 3) in radians."""
    (cx, cy, cz), (sx, sy, sz) = (
        np.moveaxis(np.cos(angles), -1, 0),
        np.moveaxis(np.sin(angles), -1, 0),
    )
    rows = (
        (cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        (sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        (-sy, cy * sx, cy * cx),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def world_turns(local: np.ndarray) -> np.ndarray:
    """World rotations (B, 24, 3, 3) of a chain of local ones."""
    world = local.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        world[:, joint] = world[:, parent] @ local[:, joint]
    return world

"""The 28 joints of MPI-INF-3DHP on the free body: where they lie at rest, and in every pose.

The original's joints come from a markerless capture with a skeleton of its own: one more vertebra
than SMPL's, hips further apart, a head joint in the middle of the head, and toes. Bones keep their
lengths exactly, as they do there.
"""

from dataclasses import dataclass

import numpy as np
import torch

from gsam.body.smpl import SmplBody
from gsam.skeletons import H36M_17, MPI_INF_3DHP_28, SMPL_24
from gsam.twin.blocks import Array
from gsam.twin.figure import TO_PERSON, Figure
from gsam.twin.solve import Pose

WIDER_HIPS = 1.12
"""The original's hips over the body's, measured from the middle."""
TOE_AHEAD = 0.07
"""Metres from the ball of the foot to the tip of the toes."""
UP_THE_HEAD = 0.35
"""Where the head joint lies between the body's head joint, at the jaw, and the head's top."""
UNIVERSAL_M = 0.92
"""Height of the neck above the knees, standing, of the universal skeleton."""

# Which part of the body carries the bones that start at a joint; sides are added by name.
_CARRIERS = {
    "pelvis": "pelvis",
    "spine": "spine1",
    "spine2": "spine2",
    "spine3": "spine3",
    "spine4": "spine3",
    "neck": "neck",
    "head": "head",
    "clavicle": "collar",
    **{name: name for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")},
}
# The body's joint at which a joint lies at rest, where the names differ.
_SAME_PLACE = {"spine": "spine1", "clavicle": "collar"}


@dataclass(frozen=True, eq=False)
class Build:
    """One person's skeleton: rest positions (28, 3) in the person's frame (x forward, y left, z
    up), metres, relative to the pelvis."""

    rest: Array

    @property
    def universal_scale(self) -> float:
        """What lengths are multiplied by to give the universal skeleton's."""
        neck, knee = (self.rest[MPI_INF_3DHP_28.index(joint), 2] for joint in ("neck", "left_knee"))
        return float(UNIVERSAL_M / (neck - knee))

    def joints(self, pose: Pose) -> Array:
        """The 28 joints (T, 28, 3) of every frame of a pose, in its world, metres."""
        at = np.empty((len(pose.at), MPI_INF_3DHP_28.size, 3))
        at[:, MPI_INF_3DHP_28.root] = pose.at[:, 0]
        placed = {MPI_INF_3DHP_28.root}
        while len(placed) < MPI_INF_3DHP_28.size:
            # The file's order names some children before their parents.
            for parent, child in MPI_INF_3DHP_28.bones:
                if parent in placed and child not in placed:
                    part = SMPL_24.index(_sided(MPI_INF_3DHP_28.joints[parent], _CARRIERS))
                    bone = self.rest[child] - self.rest[parent]
                    at[:, child] = at[:, parent] + pose.turn[:, part] @ bone
                    placed.add(child)
        return at


def build_of(body: SmplBody, betas: Array, figure: Figure) -> Build:
    """The skeleton of a shape: `betas` (10,), `figure` the same shape's."""
    shape = torch.from_numpy(betas.astype(np.float32))[None]
    posed = body(shape, torch.zeros(1, SMPL_24.size, 3))
    top = body.h36m_joints(posed.vertices)[0, H36M_17.index("head_top")].numpy() @ TO_PERSON.T
    own = figure.joints - figure.joints[0]
    # The regressor was fitted to people who do not hold their heads quite straight.
    top = np.array([top[0], 0.0, top[2]]) - figure.joints[0] * (1.0, 0.0, 1.0)
    rest = np.empty((MPI_INF_3DHP_28.size, 3))
    for row, joint in enumerate(MPI_INF_3DHP_28.joints):
        name = _sided(joint, _SAME_PLACE)
        if name in SMPL_24.joints:
            rest[row] = own[SMPL_24.index(name)]
    for joint in ("left_hip", "right_hip"):
        rest[MPI_INF_3DHP_28.index(joint), 1] *= WIDER_HIPS
    for side in ("left", "right"):
        # Legs hang straight under the wider hips.
        hip = MPI_INF_3DHP_28.index(f"{side}_hip")
        aside = (1.0 - 1.0 / WIDER_HIPS) * rest[hip, 1]
        for joint in ("knee", "ankle", "foot"):
            rest[MPI_INF_3DHP_28.index(f"{side}_{joint}"), 1] += aside
        toe, foot = (MPI_INF_3DHP_28.index(f"{side}_{joint}") for joint in ("toe", "foot"))
        rest[toe] = rest[foot] + (TOE_AHEAD, 0.0, 0.0)
    jaw = own[SMPL_24.index("head")]
    rest[MPI_INF_3DHP_28.index("head_top")] = top
    rest[MPI_INF_3DHP_28.index("head")] = jaw + UP_THE_HEAD * (top - jaw)
    collars = own[SMPL_24.indices(["left_collar", "right_collar"])].mean(axis=0)
    back = rest[MPI_INF_3DHP_28.index("spine3"), 0]
    rest[MPI_INF_3DHP_28.index("spine4")] = (0.5 * (back + collars[0]), 0.0, collars[2])
    return Build(rest)


def _sided(joint: str, names: dict[str, str]) -> str:
    """A joint's name under `names`, which leave the side out; its own where they do not have it."""
    side, _, plain = (
        joint.rpartition("_") if joint.startswith(("left_", "right_")) else ("", "", joint)
    )
    renamed = names.get(plain, plain)
    return f"{side}_{renamed}" if side else renamed

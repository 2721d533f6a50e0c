"""Joint sets: names, parents, root; mirroring and conversions follow from the names.

The sets themselves and the rules of conversion are data: `gsam.joint_sets`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gsam.errors import DataError
from gsam.joint_sets import JOINT_SETS, RULES

LEFT, RIGHT = "left_", "right_"


@dataclass(frozen=True)
class Skeleton:
    """One joint set: ``joints`` in file order, each with its parent's name (None for the root)."""

    name: str
    joints: tuple[str, ...]
    parent_names: tuple[str | None, ...]

    @property
    def size(self) -> int:
        """Number of joints J."""
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Row of ``joint`` in this set; DataError when the set has no such joint."""
        if joint not in self.joints:
            raise DataError(
                f"skeleton {self.name} has no joint {joint!r}: expected one of {self.joints}"
            )
        return self.joints.index(joint)

    def indices(self, joints: Sequence[str]) -> list[int]:
        """Rows of several joints, in the order given."""
        return [self.index(joint) for joint in joints]

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Parent index of every joint; -1 for the root."""
        return tuple(-1 if p is None else self.index(p) for p in self.parent_names)

    @cached_property
    def root(self) -> int:
        """Index of the joint without a parent."""
        return self.parents.index(-1)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, ordered by child."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    def partner(self, joint: str) -> str:
        """Name of the joint on the other side of the body; a central joint is its own partner."""
        for side, other in ((LEFT, RIGHT), (RIGHT, LEFT)):
            if joint.startswith(side):
                return other + joint.removeprefix(side)
        return joint

    @cached_property
    def left(self) -> tuple[int, ...]:
        """Indices of the left joints, ascending."""
        return tuple(i for i, joint in enumerate(self.joints) if joint.startswith(LEFT))

    @cached_property
    def right(self) -> tuple[int, ...]:
        """Indices of the right joints; element k mirrors ``left[k]``."""
        return tuple(self.index(self.partner(self.joints[i])) for i in self.left)

    @cached_property
    def mirror_permutation(self) -> tuple[int, ...]:
        """For every joint the index of its mirror image."""
        return tuple(self.index(self.partner(joint)) for joint in self.joints)


def _skeleton(name: str) -> Skeleton:
    pairs = [entry.partition("<") for entry in JOINT_SETS[name].split()]
    return Skeleton(name, tuple(p[0] for p in pairs), tuple(p[2] or None for p in pairs))


SKELETONS: dict[str, Skeleton] = {name: _skeleton(name) for name in JOINT_SETS}

H36M_32 = SKELETONS["human36m_32"]
H36M_17 = SKELETONS["human36m_17"]
COCO_17 = SKELETONS["coco_17"]
MPII_16 = SKELETONS["mpii_16"]
MPI_INF_3DHP_28 = SKELETONS["mpi_inf_3dhp_28"]
MPI_INF_3DHP_17 = SKELETONS["mpi_inf_3dhp_17"]
SMPL_24 = SKELETONS["smpl_24"]
SPIN_24 = SKELETONS["spin_24"]
OPENPOSE_18 = SKELETONS["openpose_18"]
BODY_25 = SKELETONS["body_25"]
HALPE_26 = SKELETONS["halpe_26"]


def conversion_sources(source: Skeleton, target: Skeleton) -> list[list[int]]:
    """For every joint of ``target`` the rows of ``source`` whose mean it is.

    Raises DataError when no rule leads from one set to the other (SMPL needs a vertex regressor
    instead).
    """
    if source == target:
        return [[i] for i in range(target.size)]
    rules = RULES.get((source.name, target.name))
    if rules is None:
        known = ", ".join(f"{a} -> {b}" for a, b in RULES)
        raise DataError(f"no conversion {source.name} -> {target.name}: expected one of {known}")
    return [source.indices(rules.get(joint, (joint,))) for joint in target.joints]


def _check(points: Any, skeleton: Skeleton) -> None:
    shape = tuple(points.shape)
    if len(shape) < 2 or shape[-2] != skeleton.size:
        expected = f"(..., {skeleton.size}, C)"
        raise DataError(f"points of shape {shape}: expected {expected} for {skeleton.name}")


def convert(points: np.ndarray, source: Skeleton, target: Skeleton) -> np.ndarray:
    """Re-express joints (..., J, C) of ``source`` as (..., J', C) of ``target``.

    Joints are copied by name or averaged by rule, for 2D and 3D alike; floating dtype, units and
    frame stay. Raises DataError for a wrong J or an unknown pair of sets.
    """
    _check(points, source)
    rows = conversion_sources(source, target)
    columns = [
        points[..., r[0], :] if len(r) == 1 else points[..., r, :].mean(axis=-2) for r in rows
    ]
    return np.stack(columns, axis=-2)


def mirror(points: Any, skeleton: Skeleton) -> Any:
    """Reflect left and right: negate channel 0 (x) and swap the sides of joints (..., J, C).

    Works on NumPy arrays and torch tensors (differentiable) and returns a new one; x must be
    measured from the axis of reflection (normalised screen or camera coordinates). Further channels
    (y, z, score) are kept.
    """
    _check(points, skeleton)
    mirrored = points[..., list(skeleton.mirror_permutation), :]
    mirrored[..., 0] *= -1
    return mirrored

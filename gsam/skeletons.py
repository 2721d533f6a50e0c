"""Every joint set as data (names, parents, root); mirroring and conversions follow from the names.

Sources: Human3.6M's 32 and 17 joints, COCO, MPII, MPI-INF-3DHP (28 raw, 17 "relevant"), SMPL, the
24 joints of SPIN's and PARE's labels, and OpenPose's 18.
Equal names mean the same anatomical point; where two sets call one point differently, ``_RULES``
names the joints it is made of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gsam.errors import DataError

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


def _skeleton(name: str, text: str) -> Skeleton:
    """Read 'joint<parent joint<parent ...'; the root stands alone."""
    pairs = [entry.partition("<") for entry in text.split()]
    return Skeleton(name, tuple(p[0] for p in pairs), tuple(p[2] or None for p in pairs))


H36M_32 = _skeleton(
    "human36m_32",
    """
    pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
        right_foot<right_ankle right_toe<right_foot
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
        left_toe<left_foot
    spine_base<pelvis spine<spine_base thorax<spine nose<thorax head_top<nose
    left_collar<spine left_shoulder<left_collar left_elbow<left_shoulder
        left_wrist<left_elbow
    left_hand_1<left_wrist left_hand_2<left_hand_1 left_hand_3<left_wrist
        left_hand_4<left_hand_3
    right_collar<spine right_shoulder<right_collar right_elbow<right_shoulder
        right_wrist<right_elbow
    right_hand_1<right_wrist right_hand_2<right_hand_1 right_hand_3<right_wrist
        right_hand_4<right_hand_3
    """,
)
H36M_17 = _skeleton(
    "human36m_17",
    """
    pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    spine<pelvis thorax<spine nose<thorax head_top<nose
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
    """,
)
COCO_17 = _skeleton(
    "coco_17",
    """
    nose left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
        left_shoulder<nose right_shoulder<nose
    left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow
        right_wrist<right_elbow
    left_hip<left_shoulder right_hip<right_shoulder left_knee<left_hip right_knee<right_hip
    left_ankle<left_knee right_ankle<right_knee
    """,
)
MPII_16 = _skeleton(
    "mpii_16",
    """
    right_ankle<right_knee right_knee<right_hip right_hip<pelvis left_hip<pelvis
        left_knee<left_hip left_ankle<left_knee
    pelvis thorax<pelvis upper_neck<thorax head_top<upper_neck
    right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    """,
)
MPI_INF_3DHP_28 = _skeleton(
    "mpi_inf_3dhp_28",
    """
    spine3<spine2 spine4<spine3 spine2<spine spine<pelvis pelvis neck<spine4 head<neck
        head_top<head
    left_clavicle<spine4 left_shoulder<left_clavicle left_elbow<left_shoulder
        left_wrist<left_elbow left_hand<left_wrist
    right_clavicle<spine4 right_shoulder<right_clavicle right_elbow<right_shoulder
        right_wrist<right_elbow
    right_hand<right_wrist
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
        left_toe<left_foot
    right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle
        right_toe<right_foot
    """,
)
MPI_INF_3DHP_17 = _skeleton(
    "mpi_inf_3dhp_17",
    """
    head_top<neck neck<spine right_shoulder<neck right_elbow<right_shoulder
        right_wrist<right_elbow
    left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    pelvis spine<pelvis head<neck
    """,
)
SMPL_24 = _skeleton(
    "smpl_24",
    """
    pelvis left_hip<pelvis right_hip<pelvis spine1<pelvis left_knee<left_hip
        right_knee<right_hip spine2<spine1
    left_ankle<left_knee right_ankle<right_knee spine3<spine2 left_foot<left_ankle
        right_foot<right_ankle
    neck<spine3 left_collar<spine3 right_collar<spine3 head<neck left_shoulder<left_collar
        right_shoulder<right_collar
    left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow
        right_wrist<right_elbow
    left_hand<left_wrist right_hand<right_wrist
    """,
)
SPIN_24 = _skeleton(
    "spin_24",
    """
    right_ankle<right_knee right_knee<right_hip right_hip<pelvis left_hip<pelvis
        left_knee<left_hip left_ankle<left_knee
    right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    neck<thorax head_top<head pelvis thorax<spine spine<pelvis jaw<neck head<jaw
    nose<head left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    """,
)
OPENPOSE_18 = _skeleton(
    "openpose_18",
    """
    nose<neck neck
    right_shoulder<neck right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<neck left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<neck right_knee<right_hip right_ankle<right_knee
    left_hip<neck left_knee<left_hip left_ankle<left_knee
    right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye
    """,
)

SKELETONS: dict[str, Skeleton] = {
    s.name: s
    for s in (
        H36M_32,
        H36M_17,
        COCO_17,
        MPII_16,
        MPI_INF_3DHP_28,
        MPI_INF_3DHP_17,
        SMPL_24,
        SPIN_24,
        OPENPOSE_18,
    )
}

_3DHP_TO_HUMAN36M = {"thorax": ("neck",), "nose": ("head",)}
# (source, target) -> {target joint: the source joints it is the mean of}; a joint that is not
# listed is the source joint of the same name.
_RULES: dict[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("human36m_32", "human36m_17"): {},
    ("mpi_inf_3dhp_28", "mpi_inf_3dhp_17"): {},
    ("mpi_inf_3dhp_28", "human36m_17"): _3DHP_TO_HUMAN36M,
    ("mpi_inf_3dhp_17", "human36m_17"): _3DHP_TO_HUMAN36M,
    ("human36m_17", "mpi_inf_3dhp_17"): {"neck": ("thorax",), "head": ("nose",)},
    ("mpii_16", "human36m_17"): {
        "nose": ("upper_neck",),
        "spine": ("right_hip", "left_hip", "right_shoulder", "left_shoulder"),
    },
    # The plain rule (mmpose, MotionBERT); spine is the mean of the derived pelvis and thorax.
    ("coco_17", "human36m_17"): {
        "pelvis": ("left_hip", "right_hip"),
        "thorax": ("left_shoulder", "right_shoulder"),
        "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
        "head_top": ("left_eye", "right_eye"),
    },
}


def conversion_sources(source: Skeleton, target: Skeleton) -> list[list[int]]:
    """For every joint of ``target`` the rows of ``source`` whose mean it is.

    Raises DataError when no rule leads from one set to the other (SMPL needs a vertex regressor
    instead).
    """
    if source == target:
        return [[i] for i in range(target.size)]
    rules = _RULES.get((source.name, target.name))
    if rules is None:
        known = ", ".join(f"{a} -> {b}" for a, b in _RULES)
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

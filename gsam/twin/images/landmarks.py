"""The points of the body that pictures are labelled with: all of Human3.6M, COCO and MPII."""

import torch

from gsam.body.smpl import Posed, SmplBody
from gsam.skeletons import H36M_17, SMPL_24, Skeleton

# Vertices of the shipped body: the fronts of the eyeballs, the middles of the ears.
FACE_VERTICES = {"left_eye": 3391, "right_eye": 3438, "left_ear": 3039, "right_ear": 1340}
# Where the neck meets the skull: the body's own joint.
UPPER_NECK = SMPL_24.index("head")
LANDMARKS = Skeleton(
    "twin_22",
    (*H36M_17.joints, "upper_neck", *FACE_VERTICES),
    (*H36M_17.parent_names, "thorax", "nose", "nose", "left_eye", "right_eye"),
)


def landmarks(body: SmplBody, posed: Posed) -> torch.Tensor:
    """Positions (B, 22, 3) of `LANDMARKS` on posed bodies, in their frame and metres."""
    face = posed.vertices[:, list(FACE_VERTICES.values())]
    neck = posed.joints[:, [UPPER_NECK]]
    return torch.cat([body.h36m_joints(posed.vertices), neck, face], dim=1)

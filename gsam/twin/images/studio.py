"""What every picture of the twin needs, made once per process: the body, its surface, the rooms."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.body.smpl import SmplBody
from gsam.render.background import BackgroundBank
from gsam.render.labels import JointParts, joint_parts
from gsam.render.mesh import RenderMesh, render_mesh
from gsam.twin.blocks import Array
from gsam.twin.images.landmarks import LANDMARKS, landmarks

Floats = NDArray[np.float32]

BODIES_AT_ONCE = 32
HEAD = 15


@dataclass(frozen=True, eq=False)
class Studio:
    """The body, its surface, which of its vertices are the head's (V,), where the landmarks lie on
    it, and pictures of rooms.
    """

    body: SmplBody
    mesh: RenderMesh
    head: NDArray[np.bool_]
    parts: JointParts
    backgrounds: BackgroundBank

    def pose(self, betas: Array, rotations: Array) -> tuple[Floats, Floats]:
        """Vertices (N, V, 3) and landmarks (N, 22, 3) of N bodies, metres from their pelvis joints.

        Single precision: a whole take of the original's length is held at once.

        Args:
            betas: (N, 10) or (1, 10) shapes.
            rotations: (N, 24, 3, 3) local rotations; the frame is the one the roots turn into.
        """
        shapes = torch.from_numpy(betas.astype(np.float32)).expand(len(rotations), -1)
        local = torch.from_numpy(rotations.astype(np.float32))
        vertices, points = [], []
        with torch.inference_mode():
            for beta, turns in zip(
                shapes.split(BODIES_AT_ONCE), local.split(BODIES_AT_ONCE), strict=True
            ):
                posed = self.body(beta, turns)
                origin = posed.joints[:, :1]
                vertices.append(posed.vertices - origin)
                points.append(landmarks(self.body, posed) - origin)
        return torch.cat(vertices).numpy(), torch.cat(points).numpy()


@cache
def open_studio(seed: int) -> Studio:
    """The studio of a seed; a process keeps the ones it has used."""
    body = load_body()
    head = body.weights.numpy().argmax(axis=1) == HEAD
    return Studio(body, render_mesh(body), head, joint_parts(LANDMARKS), BackgroundBank(seed))

"""Forward pass of an SMPL-format body of any vertex count (Loper et al. 2015, SMPL, section 3)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.body.rotations import axis_angle_to_matrix
from gsam.body.skinning import blend_skin
from gsam.errors import DataError

JOINTS = 24
POSE_FEATURES = 9 * (JOINTS - 1)
# Standard deviations within which the shipped body's shapes were checked to look human.
BETA_LIMIT = 2.5


class Posed(NamedTuple):
    """Posed surface (B, V, 3) and joints (B, 24, 3), metres, in the frame of the translation."""

    vertices: Tensor
    joints: Tensor


class SmplBody(nn.Module):
    """Linear-blend-skinned body: shape and pose blend shapes, joint regressor, 24-joint tree.

    The rest pose is a T-pose with y up, facing +z, left side at +x. Attributes, all but `parents`
    buffers (so `.to()` and `.double()` work), in metres:
        v_template: (V, 3) mean shape; shapedirs: (V, 3, K); posedirs: (207, 3 V); weights: (V, 24).
        joint_template, joint_shapedirs: (24, 3), (24, 3, K), the joint regressor applied to both.
        J_regressor_h36m: (17, V) acting on posed vertices, or None; faces: (F, 3) int64.
        J_regressor_extra: (9, V) acting on posed vertices, extra_vertices: (21,) int64, or None;
            `gsam.body.joints` says which points they are.
        parents: tuple of 24, the root's is -1.
    """

    v_template: Tensor
    shapedirs: Tensor
    posedirs: Tensor
    weights: Tensor
    joint_template: Tensor
    joint_shapedirs: Tensor
    faces: Tensor
    J_regressor_h36m: Tensor | None
    J_regressor_extra: Tensor | None
    extra_vertices: Tensor | None

    def __init__(self, buffers: Mapping[str, Tensor | None], parents: tuple[int, ...]):
        """Take ready buffers (see the class); `from_arrays` and `load_body` read SMPL arrays."""
        super().__init__()
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor, persistent=False)
        self.parents = parents
        self.depths = _depths(parents)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SmplBody":
        """Build from arrays under SMPL's own keys, as `gsam.body.files.read_body_arrays` returns
        them.

        The joint regressor is folded into the template and shape directions in float64 once,
        because its signed weights lose digits in float32 and because a subset of vertices could
        not be regressed from afterwards.
        """
        regressor = arrays["J_regressor"].astype(np.float64)
        template = arrays["v_template"].astype(np.float64)
        shapedirs = arrays["shapedirs"].astype(np.float64)
        vertices = len(template)
        posedirs = arrays["posedirs"].reshape(3 * vertices, POSE_FEATURES).T
        h36m, extra = arrays.get("J_regressor_h36m"), arrays.get("J_regressor_extra")
        picked = arrays.get("extra_vertices")
        buffers = {
            "v_template": _float(template),
            "shapedirs": _float(shapedirs),
            "posedirs": _float(posedirs),
            "weights": _float(arrays["weights"]),
            "joint_template": _float(regressor @ template),
            "joint_shapedirs": _float(np.einsum("jv,vck->jck", regressor, shapedirs)),
            "J_regressor_h36m": None if h36m is None else _float(h36m),
            "J_regressor_extra": None if extra is None else _float(extra),
            "extra_vertices": None if picked is None else torch.from_numpy(picked),
            "faces": torch.from_numpy(arrays["f"].astype(np.int64)),
        }
        return cls(buffers, tuple(int(p) for p in arrays["kintree_table"][0]))

    @property
    def num_betas(self) -> int:
        """Number of shape components K in the file."""
        return self.shapedirs.shape[-1]

    def rest_joints(self, betas: Tensor) -> Tensor:
        """Rest-pose joints (B, 24, 3) in metres of shapes `betas` (B, <= K)."""
        return _blend(self.joint_template, self.joint_shapedirs, betas)

    def forward(self, betas: Tensor, pose: Tensor, translation: Tensor | None = None) -> Posed:
        """Pose the body.

        Args:
            betas: (B, k) shape coefficients, k <= K; the missing ones are zero.
            pose: rotations of the joints relative to their parents, axis-angle (B, 24, 3) in
                radians or matrices (B, 24, 3, 3); joint 0 is the orientation of the whole body.
            translation: (B, 3) metres added to everything, or None.

        Returns:
            `Posed` with vertices (B, V, 3) and joints (B, 24, 3) in metres.
        """
        rotations = axis_angle_to_matrix(pose) if pose.dim() == 3 else pose
        rest = self.rest_joints(betas)
        world = self._chain(rotations, rest)
        turn, origin = world[..., :3], world[..., 3]
        identity = torch.eye(3, dtype=pose.dtype, device=pose.device)
        feature = (rotations[:, 1:] - identity).flatten(1)
        shaped = _blend(self.v_template, self.shapedirs, betas)
        posed = shaped + (feature @ self.posedirs).view_as(shaped)
        # x' = sum_j w_j (turn_j (x - rest_j) + origin_j), split into one blended matrix and one
        # blended offset.
        offset = origin - (turn @ rest[..., None])[..., 0]
        transforms = torch.cat((turn, offset[..., None]), dim=-1)
        vertices = blend_skin(self.weights, transforms, posed)
        if translation is not None:
            vertices = vertices + translation[:, None]
            origin = origin + translation[:, None]
        return Posed(vertices, origin)

    def joints(self, betas: Tensor, pose: Tensor, translation: Tensor | None = None) -> Tensor:
        """The kinematic joints (B, 24, 3) of `forward` without computing any vertex."""
        rotations = axis_angle_to_matrix(pose) if pose.dim() == 3 else pose
        origin = self._chain(rotations, self.rest_joints(betas))[..., 3]
        return origin if translation is None else origin + translation[:, None]

    def h36m_joints(self, vertices: Tensor) -> Tensor:
        """The 17 Human3.6M joints (B, 17, 3), regressed linearly from posed vertices (B, V, 3).

        Order: Hip, RHip, RKnee, RAnkle, LHip, LKnee, LAnkle, Spine, Thorax, Nose, HeadTop,
        LShoulder, LElbow, LWrist, RShoulder, RElbow, RWrist.

        Raises:
            DataError: The body carries no `J_regressor_h36m`.
        """
        return self._h36m_regressor() @ vertices

    def subset(self, vertex_ids: Tensor) -> "SmplBody":
        """The same body with only some vertices (in the order given) and no faces: cheap when few
        are regressed from.

        `extra_vertices` stay only if all of them are among `vertex_ids`.
        """
        vertices = len(self.v_template)
        columns = self.posedirs.view(POSE_FEATURES, vertices, 3)[:, vertex_ids]
        h36m, extra = self.J_regressor_h36m, self.J_regressor_extra
        buffers = {
            "v_template": self.v_template[vertex_ids],
            "shapedirs": self.shapedirs[vertex_ids],
            "posedirs": columns.flatten(1).contiguous(),
            "weights": self.weights[vertex_ids],
            "joint_template": self.joint_template,
            "joint_shapedirs": self.joint_shapedirs,
            "J_regressor_h36m": None if h36m is None else h36m[:, vertex_ids],
            "J_regressor_extra": None if extra is None else extra[:, vertex_ids],
            "extra_vertices": _positions(self.extra_vertices, vertex_ids),
            "faces": self.faces[:0],
        }
        return SmplBody(buffers, self.parents)

    def h36m_vertex_ids(self) -> Tensor:
        """Ascending ids of the vertices that `J_regressor_h36m` reads; `subset` of these keeps
        `h36m_joints` exact.
        """
        return torch.nonzero((self._h36m_regressor() != 0).any(dim=0))[:, 0]

    def _h36m_regressor(self) -> Tensor:
        if self.J_regressor_h36m is None:
            raise DataError(
                "body: J_regressor_h36m: missing; expected the key (17, V) in the body file or "
                "J_regressor_h36m.npy beside it"
            )
        return self.J_regressor_h36m

    def _chain(self, rotations: Tensor, rest: Tensor) -> Tensor:
        """Rotations and positions (B, 24, 3, 4) of the joints under the root's own position.

        All joints of one depth of the tree at once: its bones' matrices [R | bone; 0 0 0 1] times
        those of their parents, which lie one depth above.
        """
        bones = rest - functional.pad(rest[:, self.parents[1:]], (0, 0, 1, 0))
        local = functional.pad(torch.cat((rotations, bones[..., None]), dim=-1), (0, 0, 0, 1))
        local[..., 3, 3] = 1
        world = [local[:, self.depths[0]]]
        for above, joints in pairwise(self.depths):
            parents = [above.index(self.parents[joint]) for joint in joints]
            world.append(world[-1][:, parents] @ local[:, joints])
        order = [joint for joints in self.depths for joint in joints]
        return torch.cat(world, dim=1)[:, np.argsort(order), :3]


def clip_betas(betas: Tensor) -> Tensor:
    """Clamp shape coefficients (..., K) to +-`BETA_LIMIT`, where the body looks human."""
    return betas.clamp(-BETA_LIMIT, BETA_LIMIT)


def _blend(base: Tensor, directions: Tensor, betas: Tensor) -> Tensor:
    """base (N, 3) + directions (N, 3, K) . betas (B, k <= K) -> (B, N, 3)."""
    used = directions[..., : betas.shape[-1]]
    return base + torch.einsum("nck,bk->bnc", used, betas)


def _depths(parents: tuple[int, ...]) -> list[list[int]]:
    """Joints by their number of ancestors."""
    depth = [0]
    for parent in parents[1:]:
        depth.append(depth[parent] + 1)
    return [[j for j, found in enumerate(depth) if found == k] for k in range(max(depth) + 1)]


def _positions(wanted: Tensor | None, ids: Tensor) -> Tensor | None:
    """Where in `ids` (n,) the `wanted` ones are; None if there are none or some are missing."""
    if wanted is None:
        return None
    found = wanted[:, None] == ids
    return found.int().argmax(dim=1) if bool(found.any(dim=1).all()) else None


def _float(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))

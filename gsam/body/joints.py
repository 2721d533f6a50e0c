"""The 54 and 49 joints that PARE and SPIN are trained and compared on, from posed bodies.

54 = the 24 joints of the body, 21 picked vertices (`SmplBody.extra_vertices`: nose, right and left
eye, right and left ear; big toe, small toe and heel of the left, then of the right foot; tips of
thumb to little finger of the left, then of the right hand) and 9 joints regressed from the vertices
(`SmplBody.J_regressor_extra`: right hip, left hip, neck and head top of LSP; pelvis and thorax of
MPII; spine, jaw and head of Human3.6M).
49 = 25 of them in OpenPose's order, then 24 in the order of `gsam.skeletons.SPIN_24`.
Source: SPIN and PARE, models/smpl.py.
"""

import torch
from torch import Tensor, nn

from gsam.body.smpl import Posed, SmplBody
from gsam.errors import DataError

OPENPOSE_JOINTS = 25
"""How many of the 49 joints come before `SPIN_24`."""
PICKS = (
    *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7),
    *(25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
    *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27),
)


class BodyJoints(nn.Module):
    """Reads joints off a posed body; the `body` itself is a submodule, so that `.to()` moves all.

    Make one with `of`.
    """

    picks: Tensor
    vertices: Tensor
    regressor: Tensor

    def __init__(self, body: SmplBody, vertices: Tensor, regressor: Tensor):
        """`vertices` (21,) and `regressor` (9, V) are those of `body`."""
        super().__init__()
        self.body = body
        self.register_buffer("vertices", vertices, persistent=False)
        self.register_buffer("regressor", regressor, persistent=False)
        self.register_buffer("picks", torch.tensor(PICKS), persistent=False)

    @classmethod
    def of(cls, body: SmplBody) -> "BodyJoints":
        """The joints of `body`, of any vertex count.

        Raises:
            DataError: The body's file names no such vertices or carries no such regressor.
        """
        if body.extra_vertices is None:
            raise DataError(
                "body: extra_vertices: missing; expected the key (21,) in the body file, which "
                "only files of SMPL's 6890 vertices can do without"
            )
        if body.J_regressor_extra is None:
            raise DataError(
                "body: J_regressor_extra: missing; expected the key (9, V) in the body file or "
                "J_regressor_extra.npy beside it"
            )
        return cls(body, body.extra_vertices, body.J_regressor_extra)

    def joints54(self, posed: Posed) -> Tensor:
        """All 54 joints (B, 54, 3), in the frame and unit of `posed`."""
        picked, regressed = posed.vertices[:, self.vertices], self.regressor @ posed.vertices
        return torch.cat((posed.joints, picked, regressed), dim=1)

    def joints49(self, posed: Posed) -> Tensor:
        """The 49 joints (B, 49, 3) that PARE outputs, in the frame and unit of `posed`."""
        return self.joints54(posed)[:, self.picks]

    def compact(self) -> tuple[SmplBody, "BodyJoints"]:
        """The body with only the vertices that its 49 joints and `h36m_joints` are read from.

        Posing it is many times cheaper, and the joints are the same up to rounding.
        """
        body = self.body
        used = (self.regressor != 0).any(dim=0)
        used[self.vertices] = True
        if body.J_regressor_h36m is not None:
            used |= (body.J_regressor_h36m != 0).any(dim=0)
        small = body.subset(torch.nonzero(used)[:, 0])
        return small, BodyJoints.of(small)

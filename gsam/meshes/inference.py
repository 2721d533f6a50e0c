"""A trained mesh regressor at work: crops of people to posed bodies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from gsam.body.smpl import SmplBody
from gsam.meshes.config import MeshConfig
from gsam.meshes.crops import square_of_box
from gsam.meshes.inputs import normalise
from gsam.training.precision import numerics
from gsam.weak_perspective import full_image_translation

__all__ = ["MeshRegressor", "Regressed", "pose_body", "translation_in_image"]


class Regressed(NamedTuple):
    """B bodies as a regressor sees them; metres, camera frame (x right, y down, z forward).

    rotations (B, 24, 3, 3) relative to the parents, the first the root's in the camera frame;
    shape (B, 10) betas; camera (B, 3) weak perspective of the crop; vertices (B, V, 3) and joints
    (B, 17, 3) in the order of H36M_17, both without translation. Where the network has them: parts
    (B, C, h, w) logits of the part maps and attention (B, 24, h, w) of each part, summing to 1.
    """

    rotations: Tensor
    shape: Tensor
    camera: Tensor
    vertices: Tensor
    joints: Tensor
    parts: Tensor | None = None
    attention: Tensor | None = None

    def repeated(self, count: int) -> Regressed:
        """The one body of a batch of one, `count` times over."""
        return Regressed._make(None if v is None else v.expand(count, *v.shape[1:]) for v in self)


class MeshRegressor:
    """A network with the body that it poses; the same crops give the same bodies.

    Crops go through the network `batch_size` at a time, on `device`. The body is the neutral one,
    as PARE's; it needs `J_regressor_h36m`.
    """

    def __init__(
        self,
        model: nn.Module,
        config: MeshConfig,
        body: SmplBody,
        *,
        batch_size: int = 32,
        device: str | torch.device = "cpu",
    ) -> None:
        self.config = config
        self.batch_size = batch_size
        self.device = torch.device(device)
        self.body = body.to(self.device)
        # oneDNN's convolutions are faster in this order.
        model = model.to(self.device).eval()
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def regress(self, crops: NDArray[np.uint8]) -> Regressed:
        """The bodies in one or more crops (B, S, S, 3) RGB of the network's size S."""
        with numerics("float32"):
            starts = range(0, len(crops), self.batch_size)
            found = [self.look(crops[start : start + self.batch_size]) for start in starts]
        columns = zip(*found, strict=True)
        return Regressed._make(None if some[0] is None else torch.cat(some) for some in columns)

    @torch.inference_mode()
    def look(self, crops: NDArray[np.uint8]) -> Regressed:
        """The bodies of one batch of crops, on the device, which may still be at work on them.

        May be called by several threads at once.
        """
        found = self.model(normalise(torch.from_numpy(crops).to(self.device)))
        vertices, joints = pose_body(self.body, found.shape, found.rotations)
        return Regressed(
            rotations=found.rotations,
            shape=found.shape,
            camera=found.camera,
            vertices=vertices,
            joints=joints,
            parts=found.parts,
            attention=found.attention,
        )


def pose_body(body: SmplBody, shape: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices (B, V, 3) and Human3.6M's joints (B, 17, 3), metres, without translation.

    shape (B, k) betas; pose axis-angle (B, 24, 3) or matrices (B, 24, 3, 3).

    Raises:
        DataError: the body has no `J_regressor_h36m`.
    """
    vertices = body(shape, pose).vertices
    return vertices, body.h36m_joints(vertices)


def translation_in_image(
    camera: Tensor, boxes: ArrayLike, image_size: ArrayLike, focal: ArrayLike
) -> Tensor:
    """Where bodies (B) stand in the whole pictures' camera frames: (B, 3) metres.

    camera (B, 3) as regressed; boxes (B, 4) x, y, width, height px of the people's crops;
    image_size (B, 2) or (2,) width and height px; focal (B,) or one number, px, of cameras whose
    principal point is (width / 2, height / 2). Any focal length puts the body over the same pixels,
    the further away the longer it is.

    Raises:
        DataError: a box that is not finite or has no area.
    """
    centre, side = square_of_box(boxes)
    values = [torch.as_tensor(np.asarray(v, np.float64)) for v in (side, centre, image_size, focal)]
    sides, centres, sizes, focals = (value.to(camera) for value in values)
    return full_image_translation(
        camera, sides, centres, sizes.expand(len(camera), 2), focals.expand(len(camera))
    )

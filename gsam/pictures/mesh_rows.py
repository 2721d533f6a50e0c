"""Rows of a sheet about mesh regressors: a person, their body by several networks, what those look
at, and what covering the picture costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.images import ImageSet
from gsam.images.people import VISIBLE
from gsam.meshes.crops import plain_crop
from gsam.meshes.inference import MeshRegressor, Regressed
from gsam.meshes.scoring import Truth
from gsam.meshes.sensitivity import occlusion_sensitivity
from gsam.metrics import mesh as mesh_errors
from gsam.metrics.mesh import LSP_14
from gsam.pictures.bodies import body_from_side, body_over_picture, enlarged
from gsam.pictures.heat import heat_over_picture
from gsam.pictures.keypoints import Picture
from gsam.pictures.parts import coloured_parts
from gsam.render.mesh import RenderMesh
from gsam.skeletons import SMPL_24, SPIN_24
from gsam.training.feed import Arrays

__all__ = ["Subject", "attention_rows", "bodies_row", "sample_row", "sensitivity_rows"]

SIDE = 192
"""Pixels of a picture's side on a sheet."""
PARTS = ("head", "spine3", "left_shoulder", "left_wrist", "right_wrist", "left_knee", "right_ankle")
"""Parts whose attention is shown: one along every chain."""
JOINTS = ("head_top", "left_wrist", "right_wrist", "left_knee", "right_ankle")
PATCH_SHARE, STRIDE_SHARE = 0.2, 0.1
"""Side of the grey patch and step between its places, shares of the crop's side."""

Networks = Mapping[str, MeshRegressor]


@dataclass(frozen=True, eq=False)
class Subject:
    """A person of a labelled set: their picture, and their true body (vertices (V, 3) and
    Human3.6M's joints (17, 3), metres, camera frame without translation)."""

    images: ImageSet
    person: int
    sequence: str
    vertices: NDArray[np.float32]
    joints: NDArray[np.float32]

    @classmethod
    def of(cls, images: ImageSet, truth: Truth, person: int) -> Subject:
        """The person number `person` of both.

        Raises:
            DataError, LicensedDataMissing: as `Truth.meshes`.
        """
        _, vertices, joints = truth.meshes(np.array([person]))
        sequence = str(truth.labels.sequences[person])
        found = (array[0].cpu().numpy() for array in (vertices, joints))
        return cls(images, person, sequence, *found)

    def crop(self, size: int) -> NDArray[np.uint8]:
        """What a network of this input size sees (size, size, 3)."""
        return plain_crop(self.images, self.person, size)

    def picture(self) -> Picture:
        """The person at the sheet's size."""
        return Picture(self.crop(SIDE), self.sequence)


def bodies_row(subject: Subject, networks: Networks, mesh: RenderMesh) -> list[Picture]:
    """The picture, the true body from the side, then every network's over it and from the side.

    The true body has no weak camera of its own, so it is shown from the side alone.
    """
    true = body_from_side(mesh, subject.vertices, SIDE)
    row = [subject.picture(), Picture(true, "truth, from the side")]
    for name, network in networks.items():
        size = network.config.size
        found = network.regress(subject.crop(size)[None])
        vertices, camera = found.vertices[0].cpu().numpy(), found.camera[0].cpu().numpy()
        over = body_over_picture(subject.crop(SIDE), mesh, vertices, camera, size)
        error = 1000 * _mpjpe(subject, found)
        row.append(Picture(over, f"{name}  {error:.0f} mm"))
        row.append(Picture(body_from_side(mesh, vertices, SIDE), "from the side"))
    return row


def attention_rows(subject: Subject, networks: Networks) -> list[list[Picture]]:
    """For every network with attention: the picture, then where some parts are looked for."""
    rows = []
    for name, network in networks.items():
        maps = network.regress(subject.crop(network.config.size)[None]).attention
        if maps is None:
            continue
        picture = subject.crop(SIDE)
        row = [Picture(picture, name)]
        for part in PARTS:
            values = maps[0, SMPL_24.index(part)].cpu().numpy()
            row.append(Picture(heat_over_picture(picture, values), part.replace("_", " ")))
        rows.append(row)
    return rows


def sensitivity_rows(subject: Subject, networks: Networks) -> list[list[Picture]]:
    """For every network: the picture, then errors with a grey patch at each place, of all joints'
    mean and of some joints; from each map's lowest (dark) to its highest.
    """
    rows = []
    for name, network in networks.items():
        size = network.config.size
        patch, stride = (max(1, round(share * size)) for share in (PATCH_SHARE, STRIDE_SHARE))
        errors = 1000 * occlusion_sensitivity(
            network, subject.crop(size), subject.joints, patch, stride
        )
        picture = subject.crop(SIDE)
        maps = {"mean of 14 joints": errors.mean(axis=2)}
        maps |= {joint: errors[..., LSP_14.index(joint)] for joint in JOINTS}
        row = [Picture(picture, name)]
        for joint, values in maps.items():
            shown = heat_over_picture(picture, values)
            caption = f"{joint.replace('_', ' ')}: {values.min():.0f} to {values.max():.0f} mm"
            row.append(Picture(shown, caption))
        rows.append(row)
    return rows


def sample_row(samples: Mapping[str, Arrays]) -> list[Picture]:
    """Training samples by caption: each crop with its supervised joints, beside it its part map if
    it has one.
    """
    row = []
    for caption, sample in samples.items():
        image = sample["image"]
        spin = sample["keypoints"][-SPIN_24.size :]
        points = (spin[:, :2] + 1) * len(image) / 2
        levels = np.where(spin[:, 2] > 0, VISIBLE, 0).astype(np.uint8)
        zoom = SIDE / len(image)
        row.append(Picture(enlarged(image, SIDE), caption, [points * zoom], [levels]))
        if sample["has_smpl"]:
            parts = np.where(sample["parts"] > SMPL_24.size, 0, sample["parts"])
            row.append(Picture(coloured_parts(parts), "its parts"))
    return row


def _mpjpe(subject: Subject, found: Regressed) -> float:
    """Metres, pelvis-centred, over the 14 joints."""
    return float(mesh_errors.mpjpe(found.joints[0].cpu().numpy(), subject.joints))

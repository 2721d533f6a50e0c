"""The bodies of the people of ordinary pictures: a regressor at work, its table and its sheet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from gsam.ahead import each_alone
from gsam.body.rotations import matrix_to_axis_angle
from gsam.boxes.person_boxes import BoxSource
from gsam.datasets.threedpw.sequence import BOX_PADDING
from gsam.detectors.crops import warp
from gsam.detectors.inference import MOST_THREADS
from gsam.errors import DataError
from gsam.meshes.crops import plain_matrix
from gsam.meshes.inference import MeshRegressor, Regressed, translation_in_image
from gsam.pictures.bodies import body_from_side, body_over_picture
from gsam.pictures.keypoints import Picture
from gsam.render.mesh import RenderMesh
from gsam.storage import list_column
from pipelines.picture_people import Found, Image, Source, batches_of, find_people

__all__ = ["Fitted", "Shown", "enlarged", "fit", "fitted_columns", "sheet_of"]

Floats = NDArray[np.float32]

SHEET_SIDE = 192
"""Pixels of a picture's side on the sheet."""
CUDA_THREADS = 2
"""Each reads pictures and holds the activations of a batch; the device is one."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """The N people of one picture of `width` x `height` px and their bodies.

    boxes (N, 4) px as found; poses (N, 72) axis-angle, the root's in the camera frame; shapes
    (N, 10); cameras (N, 3) weak perspective of the crops; translations (N, 3) m, before a camera of
    `focal` px whose axis meets the middle of the picture; joints (N, 17, 3) m in the order of
    H36M_17, without translation.
    """

    source: Source
    width: int
    height: int
    focal: float
    boxes: Floats
    poses: Floats
    shapes: Floats
    cameras: Floats
    translations: Floats
    joints: Floats


@dataclass(frozen=True, eq=False)
class Shown:
    """A person for the sheet: the crop enlarged to its side, the vertices (V, 3) m without
    translation and the crop's weak camera (3,)."""

    caption: str
    crop: Image
    vertices: Floats
    camera: Floats

    @classmethod
    def of(cls, fitted: Fitted, image: Image, vertices: Floats, person: int) -> Shown:
        """The person number `person` of a picture whose people have `vertices` (N, V, 3)."""
        matrix = plain_matrix(enlarged(fitted.boxes[person]), SHEET_SIDE)
        crop = warp(image, matrix, SHEET_SIDE, SHEET_SIDE)
        # Copies, so that no batch is kept for the sake of one person.
        camera = fitted.cameras[person].copy()
        return cls(fitted.source.caption, crop, vertices[person].copy(), camera)


def enlarged(boxes: ArrayLike) -> NDArray[np.float64]:
    """Boxes (..., 4) about their centres by 1.2, px.

    Regressors are trained on 3DPW's boxes, which leave that much room around a person; who fills
    the crop more is taken for nearer and larger, and hands and feet fall outside.
    """
    box = np.asarray(boxes, np.float64)
    size = BOX_PADDING * box[..., 2:]
    return np.concatenate([box[..., :2] - (size - box[..., 2:]) / 2, size], axis=-1)


def fit(
    regressor: MeshRegressor, boxes: BoxSource, sources: Iterator[Source], focal: float | None
) -> Iterator[tuple[Fitted, Image, Floats]]:
    """The bodies of everybody in every picture, in order, the picture, and vertices (N, V, 3) m.

    `focal`: of the pictures' camera, px; None: as long as each picture's diagonal. A few pictures
    at a time are worked on by several threads, each alone on a CPU: numbers then do not depend on
    how many there are.

    Raises:
        DataError: a picture or a box cannot be used, an answer is not finite, or the body has no
            `J_regressor_h36m`.
    """

    def work(batch: list[Source]) -> list[tuple[Fitted, Image, Floats]]:
        return _fit(regressor, find_people(boxes, batch), focal)

    most = CUDA_THREADS if regressor.device.type == "cuda" else MOST_THREADS
    for some in each_alone(work, batches_of(sources), min(os.cpu_count() or 1, most)):
        yield from some


def _fit(
    regressor: MeshRegressor, pictures: list[Found], focal: float | None
) -> list[tuple[Fitted, Image, Floats]]:
    crops = np.concatenate([_crops(found, regressor.config.size) for found in pictures])
    bodies = regressor.regress(crops) if len(crops) else None
    ends = np.cumsum([0, *(len(found.boxes) for found in pictures)])
    return [
        _fitted(found, bodies, slice(*bounds), focal)
        for found, bounds in zip(pictures, pairwise(ends.tolist()), strict=True)
    ]


def _crops(found: Found, size: int) -> NDArray[np.uint8]:
    crops = np.empty((len(found.boxes), size, size, 3), np.uint8)
    for crop, matrix in zip(crops, plain_matrix(enlarged(found.boxes), size), strict=True):
        crop[:] = warp(found.image, matrix, size, size)
    return crops


def _fitted(
    found: Found, bodies: Regressed | None, mine: slice, focal: float | None
) -> tuple[Fitted, Image, Floats]:
    """One picture's part of a batch of bodies; None: nobody is in the batch."""
    height, width = found.image.shape[:2]
    length = float(np.hypot(width, height)) if focal is None else focal
    of_picture = partial(Fitted, found.source, width, height, length, found.boxes)
    if bodies is None:
        none = np.empty(0, np.float32)
        return of_picture(none, none, none, none, none), found.image, none
    squares = enlarged(found.boxes)
    camera = bodies.camera[mine]
    moved = translation_in_image(camera, squares, (width, height), length)
    pose = matrix_to_axis_angle(bodies.rotations[mine]).flatten(1)
    values = (pose, bodies.shape[mine], camera, moved, bodies.joints[mine], bodies.vertices[mine])
    if not all(bool(value.isfinite().all()) for value in values):
        raise DataError(f"{found.source.file}: the regressor's answer is not finite")
    *answer, vertices = (value.cpu().numpy() for value in values)
    return of_picture(*answer), found.image, vertices


def fitted_columns(rows: Sequence[Fitted]) -> dict[str, pa.Array]:
    """The columns of the table `fitted`: picture by picture, person by person."""
    rows = [row for row in rows if len(row.boxes)]
    counts = [len(row.boxes) for row in rows]

    def repeated(values: list[object], kind: pa.DataType) -> pa.Array:
        return pa.array(np.repeat(np.array(values), counts), kind)

    def joined(name: str) -> pa.Array:
        return list_column(np.concatenate([getattr(row, name) for row in rows]))

    return {
        "image": repeated([row.source.file for row in rows], pa.string()),
        "frame": repeated([row.source.frame for row in rows], pa.int32()),
        "person": pa.array(np.concatenate([np.arange(count) for count in counts]), pa.int32()),
        "width": repeated([row.width for row in rows], pa.int32()),
        "height": repeated([row.height for row in rows], pa.int32()),
        "box": joined("boxes"),
        "smpl_pose": joined("poses"),
        "smpl_shape": joined("shapes"),
        "camera": joined("cameras"),
        "focal": repeated([row.focal for row in rows], pa.float32()),
        "translation": joined("translations"),
        "joints": joined("joints"),
    }


def sheet_of(people: Sequence[Shown], mesh: RenderMesh, size: int) -> list[Picture]:
    """Each person's crop, the body over it and from the side; `size` px is the regressor's."""
    pictures = []
    for one in people:
        over = body_over_picture(one.crop, mesh, one.vertices, one.camera, size)
        side = body_from_side(mesh, one.vertices, SHEET_SIDE)
        pictures += [
            Picture(one.crop, one.caption),
            Picture(over, "body"),
            Picture(side, "from the side"),
        ]
    return pictures

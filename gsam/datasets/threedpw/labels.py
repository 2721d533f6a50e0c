"""From 3DPW's parameters to what is stored of each person: joints, keypoints, box, part map."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.bodies import Bodies
from gsam.body.joints import OPENPOSE_JOINTS, BodyJoints
from gsam.body.smpl import SmplBody
from gsam.datasets.threedpw.sequence import MIN_JOINTS, Sequence3dpw
from gsam.errors import LicensedDataMissing
from gsam.images import People
from gsam.images.bodies import PersonLabel
from gsam.images.people import VISIBLE
from gsam.render.mesh import RenderMesh, render_mesh
from gsam.render.part_labels import alone_part_map, part_square
from gsam.render.raster import NEAREST
from gsam.skeletons import SPIN_24

__all__ = ["LabelBody", "LabelledFrame", "image_name", "label_bodies", "label_frames", "people_of"]

Floats = NDArray[np.float64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelBody:
    """A body with what labels are read from it: name and hash for the record, joints, surface."""

    title: str
    hash: str
    model: SmplBody
    joints: BodyJoints
    mesh: RenderMesh

    def pelvis(self, shape: Floats) -> Floats:
        """Pelvis (3,) of a shape (10,) in the rest pose, metres."""
        rest = self.model.rest_joints(torch.from_numpy(shape[None].astype(np.float32)))
        return rest[0, 0].double().numpy()

    def posed(self, poses: Floats, shapes: Floats) -> tuple[Floats, Floats]:
        """Vertices (K, V, 3) and SPIN's joints (K, 24, 3) without a translation, metres.

        poses (K, 72) axis-angle, radians; shapes (K, 10).
        """
        with torch.inference_mode():
            posed = self.model(_tensor(shapes), _tensor(poses).unflatten(1, (24, 3)))
            joints = self.joints.joints49(posed)[:, OPENPOSE_JOINTS:]
        return posed.vertices.double().numpy(), joints.double().numpy()


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """An image's people, in the order of their labels."""

    sequence: str
    frame: int
    people: People
    labels: list[PersonLabel]

    @property
    def image(self) -> str:
        """What the images table calls it."""
        return image_name(self.sequence, self.frame)


def label_bodies(bodies: Bodies) -> dict[str, LabelBody]:
    """The body of each gender m, f and n; the neutral one where a user has no other."""
    found: dict[str, LabelBody] = {}
    for gender in ("n", "m", "f"):
        try:
            title, model = bodies.title(gender), bodies.of(gender)
        except LicensedDataMissing as missing:
            log.warning("%s; its people are labelled with the neutral one", missing)
            found[gender] = found["n"]
            continue
        same = next((one for one in found.values() if one.model is model), None)
        found[gender] = same or LabelBody(
            title, _hash(bodies, model), model, BodyJoints.of(model), render_mesh(model)
        )
    return found


def _hash(bodies: Bodies, model: SmplBody) -> str:
    return next(bodies.hashes[name] for name, one in bodies.models.items() if one is model)


def label_frames(
    sequence: Sequence3dpw,
    frames: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    bodies: Mapping[str, LabelBody],
    part_size: int,
) -> list[LabelledFrame]:
    """The people of some frames of a sequence, tracked, detected and in view.

    A person is in view when at least `MIN_JOINTS` of its body's joints project into the image.
    Keypoints are the body's joints: visible inside of the image, unlabelled outside.

    Args:
        sequence: the take.
        frames: (K,) numbers.
        sizes: (K,) width and height of their images, pixels.
        bodies: of `label_bodies`.
        part_size: side M of the part maps.
    """
    limits = dict(zip(frames, sizes, strict=True))
    wanted = np.asarray(frames, dtype=np.int64)
    found: dict[int, list[_Person]] = {frame: [] for frame in frames}
    for person, gender in enumerate(sequence.genders):
        good = wanted[(sequence.tracked & sequence.detected)[person, wanted]]
        if not len(good):
            continue
        for one in _people(sequence, person, good, limits, bodies[gender], part_size):
            found[one.frame].append(one)
    return [_frame(sequence.name, frame, people) for frame, people in found.items()]


@dataclass(frozen=True, eq=False)
class _Person:
    frame: int
    number: int
    points: Floats
    inside: NDArray[np.bool_]
    box: Floats
    label: PersonLabel


def _people(
    sequence: Sequence3dpw,
    person: int,
    frames: NDArray[np.int64],
    limits: Mapping[int, tuple[int, int]],
    body: LabelBody,
    part_size: int,
) -> Iterator[_Person]:
    """One person in those of the frames where it is in view."""
    shape = sequence.shapes[person]
    poses, shifts = sequence.before_camera(person, frames, body.pelvis(shape))
    vertices, joints = body.posed(poses, np.broadcast_to(shape, (len(frames), len(shape))))
    vertices, joints = vertices + shifts[:, None], joints + shifts[:, None]
    points, boxes = sequence.project(joints), sequence.boxes(person, frames)
    for row, frame in enumerate(frames.tolist()):
        ahead = joints[row, :, 2] > NEAREST
        ends = np.array(limits[frame]) - 0.5
        inside = ahead & ((points[row] >= -0.5) & (points[row] < ends)).all(axis=1)
        if inside.sum() < MIN_JOINTS or boxes[row, 2:].max() <= 0:
            continue
        square = part_square(boxes[row])
        screen, depth = sequence.project(vertices[row]), vertices[row, :, 2]
        label = PersonLabel(
            image=image_name(sequence.name, frame),
            person=0,
            sequence=sequence.name,
            gender=sequence.genders[person],
            pose=poses[row].astype(np.float32),
            shape=shape.astype(np.float32),
            joints=joints[row].astype(np.float32),
            translation=shifts[row].astype(np.float32),
            parts=alone_part_map(body.mesh, screen, depth, square, part_size),
            parts_box=square,
        )
        placed = np.where(ahead[:, None], points[row], 0.0)
        yield _Person(frame, person, placed, inside, boxes[row], label)


def _frame(sequence: str, frame: int, found: list[_Person]) -> LabelledFrame:
    people = people_of(
        np.array([one.points for one in found]),
        np.array([one.inside for one in found]),
        np.array([one.box for one in found]),
        np.array([one.number for one in found]),
    )
    labels = [replace(one.label, person=place) for place, one in enumerate(found)]
    return LabelledFrame(sequence, frame, people, labels)


def image_name(sequence: str, frame: int) -> str:
    """What the images table calls a sequence's frame."""
    return f"{sequence}/image_{frame:05d}"


def people_of(
    points: NDArray, inside: NDArray[np.bool_], boxes: NDArray, ids: NDArray[np.int64]
) -> People:
    """People with SPIN's joints (N, 24, 2) px and boxes (N, 4), whose areas are the boxes' own."""
    if not len(points):
        return People.none(SPIN_24.size)
    areas = boxes[:, 2] * boxes[:, 3]
    crowds = np.zeros(len(points), dtype=bool)
    return People(points, np.where(inside, VISIBLE, 0), boxes, areas, crowds, ids)


def _tensor(values: Floats) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))

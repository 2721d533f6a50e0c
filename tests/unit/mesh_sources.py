"""Posed bodies before one camera as images, labels and part maps, for tests of mesh samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gsam.body.files import load_body
from gsam.body.joints import OPENPOSE_JOINTS, BodyJoints
from gsam.body.rotations import axis_angle_to_matrix
from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.images.bodies import BodyLabels, PersonLabel, write_labels
from gsam.meshes.sources import MeshSource
from tests.synthetic_images import draw_dots

WIDTH, HEIGHT, FOCAL = 240, 200, 300.0
MIDDLE = np.array([WIDTH / 2, HEIGHT / 2])
PART_SIZE = 64
DISC = 5
"""Radius, in cells of the stored map, of the disc that stands for a body part."""


def project(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) of the camera frame in pixels (..., 2)."""
    return points[..., :2] / points[..., 2:] * FOCAL + MIDDLE


def posed_label(number: int, rng: np.random.Generator) -> tuple[PersonLabel, np.ndarray]:
    """A standing body, its feet down in the picture, and its skeleton's joints (24, 3), camera."""
    pose = rng.normal(0, 0.25, 72).astype(np.float32)
    pose[:3] = np.array([np.pi, 0, 0]) + rng.normal(0, 0.2, 3)
    shape = rng.normal(0, 1, 10).astype(np.float32)
    shift = np.array([rng.uniform(-0.4, 0.4), 0.1, 4.0], np.float32)
    body = load_body()
    with torch.no_grad():
        rotations = axis_angle_to_matrix(torch.from_numpy(pose).view(1, 24, 3))
        posed = body(torch.from_numpy(shape)[None], rotations, torch.from_numpy(shift)[None])
        joints = BodyJoints.of(body).joints49(posed)[0, OPENPOSE_JOINTS:].numpy()
    skeleton = posed.joints[0].numpy()
    points = project(joints)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    side = 1.5 * 1.2 * float(np.ptp(points, axis=0).max())
    square = np.array([*(centre - side / 2), side, side])
    label = PersonLabel(
        image=f"p/{number:03d}",
        person=0,
        sequence="s",
        gender="n",
        pose=pose,
        shape=shape,
        joints=joints,
        translation=shift,
        parts=disc_map(project(skeleton), square),
        parts_box=square,
    )
    return label, skeleton


def disc_map(points: np.ndarray, square: np.ndarray) -> np.ndarray:
    """A part map with a disc about every joint (24, 2) px, in the order of the joints."""
    cells = (points - square[:2]) * (PART_SIZE / square[2])
    grid = np.stack(np.meshgrid(np.arange(PART_SIZE), np.arange(PART_SIZE)), axis=-1)
    distance = np.linalg.norm(grid[:, :, None] - cells, axis=-1)
    near = distance.argmin(axis=-1)
    return np.where(distance.min(axis=-1) < DISC, near + 1, 0).astype(np.uint8)


def write_bodies(folder: Path, count: int = 3) -> tuple[MeshSource, np.ndarray]:
    """A source of `count` people with SMPL labels and a dot at each of their 24 joints, and their
    skeletons (count, 24, 3), camera frame."""
    rng = np.random.default_rng(5)
    made = [posed_label(number, rng) for number in range(count)]
    labels, skeletons = [label for label, _ in made], np.stack([joints for _, joints in made])
    with ImageWriter(folder / "images", "train", "drawn", "spin_24", "tests") as writer:
        for number, label in enumerate(labels):
            points = project(label.joints)
            low, high = points.min(axis=0), points.max(axis=0)
            box = np.array([*(low + high - 1.2 * (high - low)), *(2.4 * (high - low))]) / 2
            inside = ((points >= 0) & (points <= [WIDTH - 1, HEIGHT - 1])).all(axis=1)
            people = People(
                points=points[None],
                visibility=np.where(inside, 3, 0)[None],
                boxes=box[None],
                areas=np.array([1000.0]),
                crowds=np.zeros(1, bool),
                ids=np.array([number + 1]),
            )
            picture = draw_dots(points, HEIGHT, WIDTH)
            writer.add(encode_jpeg(picture), image=label.image, people=people)
    write_labels(folder / "labels/train.parquet", labels, "drawn", "free body", "0" * 64)
    images = ImageSet.load(folder / "images", "train")
    return MeshSource(
        "threedpw", images, BodyLabels.load(folder / "labels", "train", images)
    ), skeletons

"""Posed bodies that are drawn as dots, for tests of what learns bodies from images."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.body.joints import OPENPOSE_JOINTS, BodyJoints
from gsam.body.mean_params import MeanParams, mean_params_of
from gsam.body.rotations import axis_angle_to_matrix
from gsam.body.smpl import SmplBody
from gsam.training.feed import Arrays

UPRIGHT = np.array([np.pi, 0, 0])
"""Root orientation of a body that stands before a camera whose y points down."""
JOINT_SPREAD = 0.35
DISTANCE = 4.0


class Drawn(NamedTuple):
    """N people: poses (N, 72), shapes (N, 10), SPIN's joints (N, 24, 3) m in the camera's frame,
    translations (N, 3) m, points (N, 24, 2) with the picture as [-1, 1]."""

    poses: NDArray[np.float32]
    shapes: NDArray[np.float32]
    joints: NDArray[np.float32]
    translations: NDArray[np.float32]
    points: NDArray[np.float32]


@cache
def compact_body() -> tuple[SmplBody, BodyJoints]:
    """The free body, with few vertices."""
    return BodyJoints.of(load_body()).compact()


def random_people(count: int, seed: int = 0) -> Drawn:
    """People in poses about the rest pose, before a camera."""
    chance = np.random.default_rng(seed)
    poses = JOINT_SPREAD * chance.standard_normal((count, 24, 3))
    poses[:, 0] = UPRIGHT + 0.1 * chance.standard_normal((count, 3))
    shapes = 0.5 * chance.standard_normal((count, 10))
    body, joints = compact_body()
    posed = body(torch.from_numpy(shapes).float(), torch.from_numpy(poses).float())
    translations = chance.uniform((-0.2, -0.2, DISTANCE), (0.2, 0.2, DISTANCE + 1), (count, 3))
    found = joints.joints49(posed)[:, OPENPOSE_JOINTS:].numpy() + translations[:, None]
    points = DISTANCE * found[..., :2] / found[..., 2:] / 1.2
    arrays = (poses.reshape(count, 72), shapes, found, translations, points)
    return Drawn(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))


def draw(points: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """A square picture (size, size, 3) with a dot of its own colour at every point (J, 2)."""
    picture = np.zeros((size, size, 3), np.uint8)
    for number, (x, y) in enumerate((points + 1) * size / 2):
        colour = (40 + 9 * number, 250 - 9 * number, 60 + 60 * (number % 4))
        cv2.circle(picture, (round(float(x)), round(float(y))), size // 24 + 1, colour, -1)
    return picture


def arrays_of(people: Drawn, size: int, labelled: bool = True) -> Arrays:
    """Samples of people as a trainer is fed; those not `labelled` have joints in 2D alone."""
    count = len(people.poses)
    known = np.full(count, float(labelled), np.float32)
    keypoints = np.zeros((count, 49, 3), np.float32)
    keypoints[:, OPENPOSE_JOINTS:, :2], keypoints[:, OPENPOSE_JOINTS:, 2] = people.points, 1.0
    confidence = np.full((count, 24, 1), float(labelled), np.float32)
    images = np.stack([draw(points, size) for points in people.points])
    cells = images[:, ::4, ::4].sum(axis=-1) % 25
    return {
        "image": images,
        "keypoints": keypoints,
        "joints3d": np.concatenate([people.joints, confidence], axis=-1) * known[:, None, None],
        "pose": people.poses * known[:, None],
        "betas": people.shapes * known[:, None],
        "parts": np.where(known[:, None, None] > 0, cells, 255).astype(np.uint8),
        "has_smpl": known,
        "has_3d": known,
    }


def mean_of(people: Drawn) -> MeanParams:
    """Their mean parameters."""
    rotations = axis_angle_to_matrix(torch.from_numpy(people.poses).view(-1, 24, 3))
    return mean_params_of(rotations.numpy(), people.shapes)

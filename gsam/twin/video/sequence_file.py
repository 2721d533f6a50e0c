"""A sequence's labels as 3DPW's pickles hold them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.smpl import SmplBody
from gsam.twin.blocks import Array, turn
from gsam.twin.subjects import stream
from gsam.twin.video.detections import find_joints
from gsam.twin.video.people import EVERY, Person
from gsam.twin.video.shoot import Shoot

# Of the stretch in which the camera's pose was not found: share of the frames, and how far
# (radians) the poses that stand in the file are off.
LOST_SHARE, LOST_BY = (0.04, 0.10), (0.1, 0.4)


def sequence_content(shoot: Shoot, levels: NDArray[np.uint8]) -> dict[str, Any]:
    """What the pickle of a sequence holds.

    Args:
        shoot: the sequence.
        levels: (F, P, 22) how well the landmarks are seen in the pictures, of `Shoot.film`.

    Returns:
        the original's keys, of P people and N frames: see `gsam.datasets.threedpw.pickles`. World
        metres, y up; `cam_poses` map it to the camera, and are wrong where `campose_valid` is 0.
    """
    rows, people = len(shoot.cameras), shoot.cast.people
    body = shoot.studio.body
    offsets = [_rest_pelvis(body, person) for person in people]
    trans = [person.pelvis - offset for person, offset in zip(people, offsets, strict=True)]
    valid, cam_poses = _camera_poses(shoot)
    # Frames without a picture are taken to show what the nearest one with a picture shows.
    nearest = np.minimum((np.arange(rows) / shoot.config.step + 0.5).astype(int), len(levels) - 1)
    return {
        "sequence": shoot.plan.name,
        "poses": [person.pose[::EVERY].reshape(rows, 72) for person in people],
        "trans": [values[::EVERY] for values in trans],
        "poses_60Hz": [person.pose.reshape(-1, 72) for person in people],
        "trans_60Hz": trans,
        "betas": [person.betas for person in people],
        "genders": [person.gender for person in people],
        "jointPositions": [_joints(body, person).reshape(rows, 72) for person in people],
        "poses2d": [
            _detected(shoot, person, levels[nearest, person]) for person in range(len(people))
        ],
        "cam_poses": cam_poses,
        "cam_intrinsics": shoot.cameras[0].K,
        "campose_valid": [valid for _ in people],
        "img_frame_ids": EVERY * np.arange(rows),
    }


def _rest_pelvis(body: SmplBody, person: Person) -> Array:
    """Where the pelvis (3,) of the unposed body lies: SMPL turns about it, not about the origin."""
    betas = torch.from_numpy(person.betas.astype(np.float32))[None]
    return body.rest_joints(betas)[0, 0].double().numpy()


def _joints(body: SmplBody, person: Person) -> Array:
    """The body's 24 joints (N, 24, 3) in the world."""
    pose = torch.from_numpy(person.rotations[::EVERY].astype(np.float32))
    betas = torch.from_numpy(person.betas.astype(np.float32)).expand(len(pose), -1)
    joints = body.joints(betas, pose).double().numpy()
    return joints - joints[:, :1] + person.pelvis[::EVERY, None]


def _detected(shoot: Shoot, person: int, levels: NDArray[np.uint8]) -> Array:
    marks = shoot.marks[person]
    points = [
        camera.project(camera.world_to_camera(now))
        for camera, now in zip(shoot.cameras, marks, strict=True)
    ]
    words = ("video", shoot.plan.name, f"detections of {person}")
    return find_joints(stream(shoot.config.seed, *words), np.stack(points), levels)


def _camera_poses(shoot: Shoot) -> tuple[NDArray[np.int64], Array]:
    """Which frames (N,) have the camera's pose (1 or 0), and the poses (N, 4, 4)."""
    rows = len(shoot.cameras)
    poses = np.tile(np.eye(4), (rows, 1, 1))
    poses[:, :3, :3] = [camera.R for camera in shoot.cameras]
    poses[:, :3, 3] = [camera.t for camera in shoot.cameras]
    valid = np.ones(rows, dtype=np.int64)
    if shoot.plan.lost:
        rng = stream(shoot.config.seed, "video", shoot.plan.name, "lost")
        length = max(shoot.config.step, round(rng.uniform(*LOST_SHARE) * rows))
        first = int(rng.integers(rows - length + 1))
        lost = slice(first, first + length)
        valid[lost] = 0
        poses[lost, :3] = turn("y", rng.uniform(*LOST_BY)) @ poses[lost, :3]
    return valid, poses

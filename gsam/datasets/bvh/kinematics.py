"""From channel values to joints in space: local rotations, resampling in time, forward kinematics.

Rotations are unit quaternions (..., 4) in w, x, y, z order. The local rotation of a joint is the
product of its axis rotations in the order listed, the first one outermost; position channels
replace the offset. World: R_world = R_parent R_local, p_world = p_parent + R_parent t_local.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.bvh.parser import CHANNELS, Motion

Array = NDArray[np.float64]

_SAME_RATE = 5e-4


@dataclass(frozen=True)
class LocalMotion:
    """Joints relative to their parents: rotations (J, T, 4), translations (J, T, 3) in file
    units."""

    parents: tuple[int, ...]
    rotations: Array
    translations: Array


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product of quaternions (..., 4): the rotation b, then a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def rotate(rotation: Array, vector: Array) -> Array:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    w, axis = rotation[..., :1], rotation[..., 1:]
    cross = _cross(axis, vector) * 2
    return vector + w * cross + _cross(axis, cross)


def _cross(a: Array, b: Array) -> Array:
    # Several times faster than numpy.cross, which this is called too often for.
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def slerp(a: Array, b: Array, weight: Array) -> Array:
    """Spherical interpolation of unit quaternions (..., 4) along the shorter arc; weight (...) 0 to
    1."""
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0, 1))
    weight = np.broadcast_to(weight, angle.shape[:-1])[..., None]
    # Close quaternions: the sines vanish, and the straight line is exact to 1e-12.
    near = angle < 1e-6
    sine = np.where(near, 1.0, np.sin(angle))
    wa = np.where(near, 1 - weight, np.sin((1 - weight) * angle) / sine)
    wb = np.where(near, weight, np.sin(weight * angle) / sine)
    mixed = wa * a + wb * b
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def local_motion(motion: Motion, joints: list[int] | None = None) -> LocalMotion:
    """Local rotations and translations of `joints` (all, or a set closed under parents,
    ascending)."""
    keep = list(range(len(motion.names))) if joints is None else joints
    frames = len(motion.values)
    rotations = np.zeros((len(keep), frames, 4))
    rotations[..., 0] = 1
    translations = np.repeat(motion.offsets[keep][:, None], frames, axis=1)
    columns = motion.first_columns
    # Joints of the same channel list are turned together: one pass for most files.
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, joint in enumerate(keep):
        groups[motion.channels[joint]].append(row)
    for names, rows in groups.items():
        first = np.array([columns[keep[row]] for row in rows])
        turned = rotations[rows]
        for place, name in enumerate(names):
            kind, axis = CHANNELS[name]
            channel = motion.values[:, first + place].T
            if kind == "position":
                translations[rows, :, axis] = channel
            else:
                turned = multiply(turned, _about(axis, channel))
        rotations[rows] = turned
    place_of = {joint: row for row, joint in enumerate(keep)}
    parents = tuple(place_of.get(motion.parents[joint], -1) for joint in keep)
    return LocalMotion(parents, rotations, translations)


def _about(axis: int, degrees: Array) -> Array:
    half = np.deg2rad(degrees) / 2
    quaternion = np.zeros((*degrees.shape, 4))
    quaternion[..., 0] = np.cos(half)
    quaternion[..., 1 + axis] = np.sin(half)
    return quaternion


def resample(local: LocalMotion, frame_time: float, fps: float) -> LocalMotion:
    """The motion at `fps` instead of one frame per `frame_time` seconds, from the first frame on.

    Rotations are interpolated spherically and translations linearly, so bones keep their lengths,
    which interpolated joint positions would not. Files round their frame times (0.0333333, .03333),
    so a rate within 0.05 % of a whole number is that number; one that is `fps` already stays.
    """
    frames = local.rotations.shape[1]
    rate = round(1 / frame_time)
    if rate and abs(rate * frame_time - 1) < _SAME_RATE:
        frame_time = 1 / rate
    if frames < 2 or abs(frame_time * fps - 1) < _SAME_RATE:
        return local
    count = int(np.floor((frames - 1) * frame_time * fps + 1e-6)) + 1
    position = np.minimum(np.arange(count) / (fps * frame_time), frames - 1)
    before = np.minimum(position.astype(np.int64), frames - 2)
    weight = position - before
    moved = (1 - weight)[:, None] * local.translations[:, before]
    moved += weight[:, None] * local.translations[:, before + 1]
    turned = slerp(local.rotations[:, before], local.rotations[:, before + 1], weight)
    return LocalMotion(local.parents, turned, moved)


def forward(local: LocalMotion) -> tuple[Array, Array]:
    """World rotations (J, T, 4) and positions (J, T, 3) of every joint."""
    rotations = np.empty_like(local.rotations)
    positions = np.empty_like(local.translations)
    for joint, parent in enumerate(local.parents):
        if parent < 0:
            rotations[joint] = local.rotations[joint]
            positions[joint] = local.translations[joint]
        else:
            rotations[joint] = multiply(rotations[parent], local.rotations[joint])
            moved = rotate(rotations[parent], local.translations[joint])
            positions[joint] = positions[parent] + moved
    return rotations, positions

"""What a value that a reader returns must be, whatever the file was: shapes, numbers, ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.takes import Take

__all__ = ["PROMISES"]


def numbers(array: Any, shape: tuple[int | None, ...], kinds: str = "f") -> None:
    """Finite, of a kind, of a shape where it is told."""
    assert isinstance(array, np.ndarray)
    assert array.dtype.kind in kinds, array.dtype
    assert len(array.shape) == len(shape), array.shape
    assert all(want in (None, have) for want, have in zip(shape, array.shape, strict=True)), (
        array.shape
    )
    assert np.isfinite(array).all()


def camera(found: Camera) -> None:
    assert found.width > 0 and found.height > 0
    assert np.isfinite([found.fx, found.fy, found.cx, found.cy]).all()
    assert found.fx > 0 and found.fy > 0
    numbers(np.asarray(found.R), (3, 3))
    numbers(np.asarray(found.t), (3,))
    assert np.abs(found.R @ found.R.T - np.eye(3)).max() < 1e-2


def take(found: Take) -> None:
    numbers(found.joints, (None, 17, 3))
    assert 0 < found.fps < float("inf")
    thighs = np.linalg.norm(found.joints[:, 1] - found.joints[:, 2], axis=-1)
    assert 0.05 < np.median(thighs) < 5, np.median(thighs)
    for one in found.cameras:
        camera(one)


def takes(found: list[Take]) -> None:
    assert found
    for one in found:
        take(one)


def metres(found: np.ndarray) -> None:
    numbers(found, (None, 17, 3))
    assert found.dtype == np.float32 and len(found)


def views(found: Mapping[Any, Any]) -> None:
    for arrays in found.values():
        for array in arrays:
            if array is not None:
                numbers(array, (None, 17, 2))


def motion(found: Any) -> None:
    joints, channels = len(found.names), sum(map(len, found.channels))
    assert joints == len(found.parents) == len(found.channels)
    assert all(parent < index for index, parent in enumerate(found.parents))
    numbers(found.offsets, (joints, 3))
    numbers(found.values, (None, channels))
    assert 0 < found.frame_time < float("inf") and len(found.values)


def recordings(found: list[Any]) -> None:
    assert found == sorted(found)
    for one in found:
        assert not PurePath(one.file).is_absolute() and ".." not in PurePath(one.file).parts
        assert one.split in ("", "train", "test")


def recording(found: Any) -> None:
    frames = len(found.points)
    assert frames and all(side > 0 for side in found.size)
    numbers(found.points, (frames, 17, 2))
    numbers(found.scores, (frames, 17))
    assert found.scores.min() >= 0 and found.scores.max() <= 1


def custom(found: tuple[list[Take], Mapping[str, Any]]) -> None:
    takes(found[0])
    for one in found[0]:
        for points, scores in found[1][one.sequence]:
            numbers(points, (len(one.joints), 17, 2))
            numbers(scores, (len(one.joints), 17))


def body(found: Mapping[str, np.ndarray]) -> None:
    vertices = len(found["v_template"])
    numbers(found["v_template"], (vertices, 3))
    numbers(found["shapedirs"], (vertices, 3, None))
    numbers(found["posedirs"], (vertices, 3, 207))
    numbers(found["J_regressor"], (24, vertices))
    numbers(found["weights"], (vertices, 24))
    numbers(found["f"], (None, 3), "i")
    assert not found["f"].size or 0 <= found["f"].min() <= found["f"].max() < vertices
    numbers(found["kintree_table"], (2, 24), "i")
    parents = found["kintree_table"][0]
    assert parents[0] == -1 and all(parents[1:] >= 0)


def mean_parameters(found: Any) -> None:
    for name, size in (("pose", 144), ("shape", 10), ("cam", 3)):
        numbers(getattr(found, name), (size,))


def sequence_3dpw(found: Any) -> None:
    people, frames = found.tracked.shape
    sure = found.tracked
    for name, shape in (("poses", (72,)), ("translations", (3,)), ("points", (18, 3))):
        array = getattr(found, name)
        assert array.shape == (people, frames, *shape)
        assert np.isfinite(array[sure]).all()
    numbers(found.shapes, (people, 10))
    numbers(found.intrinsics, (3, 3))
    assert set(found.genders) <= {"m", "f"} and len(found.genders) == people


def people_3dpw(found: Mapping[str, Any]) -> None:
    for one in found.values():
        count = len(one.sequences)
        for name, size in (("boxes", 4), ("poses", 72), ("shapes", 10)):
            numbers(getattr(one, name), (count, size))
        assert len(one.frames) == len(one.genders) == count
        assert (one.boxes[:, 2:] > 0).all()


def annotations(found: list[tuple[Any, ...]]) -> None:
    for *_, one in found:
        frames = len(one.points)
        valid = np.ones(frames, bool) if one.valid is None else one.valid
        numbers(one.points, (frames, one.skeleton.size, 2), "fiu")
        numbers(one.universal, (frames, one.skeleton.size, 3), "fiu")
        assert frames and valid.shape == (frames,) and valid.any()


def cameras(found: tuple[Camera, ...] | Mapping[str, tuple[Camera, ...]]) -> None:
    groups = found.values() if isinstance(found, Mapping) else [found]
    for group in groups:
        assert group
        for one in group:
            camera(one)


def clips(found: Any) -> None:
    frames = found.num_frames
    numbers(found.keypoints.numpy(), (frames, None, 2))
    numbers(found.targets.numpy(), (frames, None, 3))
    numbers(found.roots.numpy(), (frames, 3))
    assert found.valid.shape == (frames,) and int(found.offsets[-1]) == frames
    assert all(one.fps > 0 and one.width > 0 and one.height > 0 for one in found.info)


def boxes(found: list[Any]) -> None:
    for one in found:
        numbers(one.xywh, (len(one.scores), 4))
        assert np.isfinite(one.scores).all() and (one.xywh[:, 2:] > 0).all()


def finite(found: Any) -> None:
    """Every float array within data classes, lists and dictionaries is finite."""
    if isinstance(found, np.ndarray) and found.dtype.kind == "f":
        assert np.isfinite(found).all()
    elif is_dataclass(found):
        for field in fields(found):
            finite(getattr(found, field.name))
    elif isinstance(found, list | tuple):
        for one in found:
            finite(one)
    elif isinstance(found, dict):
        finite(list(found.values()))


def anything(_: Any) -> None:
    """Plain containers promise no more than to be read."""


PROMISES: dict[str, Callable[[Any], None]] = {
    "human36m poses": takes,
    "human36m keypoints": views,
    "human36m cdf": metres,
    "human36m metadata": cameras,
    "bvh": motion,
    "bvh takes": takes,
    "bvh manifest": recordings,
    "coco": finite,
    "mpii json": finite,
    "boxes json": boxes,
    "npz": anything,
    "pickle": anything,
    "3dpw sequence": sequence_3dpw,
    "3dpw npz": people_3dpw,
    "smpl npz": body,
    "smpl pkl": body,
    "smpl regressor": body,
    "mean parameters": mean_parameters,
    "pare settings": anything,
    "clips parquet": clips,
    "table parquet": anything,
    "images parquet": anything,
    "json": anything,
    "params": anything,
    "published csv": anything,
    "3dhp calibration": cameras,
    "3dhp training archive": annotations,
    "3dhp test archive": annotations,
    "recordings": custom,
    "alphapose": recording,
    "alphapose by picture": recording,
    "detectron": recording,
    "mmpose": recording,
    "mmpose 0": recording,
    "videopose": recording,
    "keypoints csv": recording,
    "openpose": recording,
}
"""By the names of readers that need no process of their own."""

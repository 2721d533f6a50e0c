"""Human3.6M's calibration from the community files: four cameras for each of seven subjects."""

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from gsam.cameras import Camera, rotation_from_quaternion

MM_PER_M = 1000.0


def _camera(intrinsics: dict[str, Any], extrinsics: dict[str, Any]) -> Camera:
    """One lens in one place; the file's quaternion turns camera axes into world axes."""
    camera_to_world = rotation_from_quaternion(extrinsics["quaternion"])
    centre = [c / MM_PER_M for c in extrinsics["centre_mm"]]
    (fx, fy), (cx, cy) = intrinsics["focal"], intrinsics["centre"]
    return Camera(
        name=intrinsics["id"],
        width=intrinsics["width"],
        height=intrinsics["height"],
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        distortion=(*intrinsics["radial"], *intrinsics["tangential"]),
        model="human36m",
        R=camera_to_world.T,
        # Term by term: a BLAS product's last bit depends on the processor it was tuned for.
        t=-(camera_to_world * np.asarray(centre)[:, None]).sum(axis=0),
    )


@cache
def _load() -> dict[str, tuple[Camera, ...]]:
    text = resources.files("gsam.datasets.human36m").joinpath("cameras.json").read_text("utf-8")
    data = json.loads(text)
    return {
        subject: tuple(_camera(i, e) for i, e in zip(data["intrinsics"], placements, strict=True))
        for subject, placements in data["extrinsics"].items()
    }


def human36m_cameras() -> dict[str, tuple[Camera, ...]]:
    """Subject ("S1", "S5", ... "S11") to its four cameras, in the order of the 2D files.

    That order is 54138969, 55011271, 58860488, 60457274. Metres and pixels, model "human36m".
    Source: VideoPose3D's camera table, which agrees with the official metadata to 1e-7 (its
    tangential pair is stored in swapped order: t0 = p2, t1 = p1).
    """
    return dict(_load())

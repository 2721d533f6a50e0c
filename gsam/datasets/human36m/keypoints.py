"""2D keypoints of Human3.6M in the community's files: any layout in, Human3.6M-17 pixels out.

`positions_2d` holds {subject: {take: [four arrays (T_c, K, 2 or 3) or None]}} in pixels, in the
order of the cameras; `metadata` names the joint layout, or at least its size and symmetry.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.datasets.human36m.files import FPS, KEYPOINT_FILES, canonical_take, require_files
from gsam.datasets.takes import Take
from gsam.errors import ConfigError, DataError
from gsam.skeletons import COCO_17, H36M_17, MPII_16, Skeleton, convert
from gsam.unpickle import load_npz

Views = list[NDArray[np.float32] | None]
"""One array (T_c, 17, 2) per camera, None where the detector's file was missing."""

_LAYOUTS = {"h36m": H36M_17, "coco": COCO_17, "mpii": MPII_16}
_SURPLUS_SECONDS = 1.0

log = logging.getLogger(__name__)


def read_keypoints(folder: str | os.PathLike[str], source: str) -> dict[tuple[str, str], Views]:
    """Keypoints of a source ("gt", "cpn", "detectron", "sh", ...) by (subject, take name).

    Each entry is a list of four arrays (T_c, 17, 2) float32 pixels in Human3.6M-17 order, one per
    camera in the order of `human36m_cameras`, None where the file has none. Arrays are as long as
    the videos: `keypoints_of` cuts them to the motion capture.

    Raises ConfigError for an unknown source, LicensedDataMissing when its file is absent, and
    DataError, naming the file, subject, take, camera, frame and joint, for an unknown joint layout,
    a missing camera, a wrong shape or values that are not finite.
    """
    if source not in KEYPOINT_FILES:
        raise ConfigError(f"keypoints: {source!r}, expected one of {', '.join(KEYPOINT_FILES)}")
    require_files(folder, KEYPOINT_FILES[source])
    path = Path(folder) / KEYPOINT_FILES[source]
    content = load_npz(path, ["positions_2d", "metadata"])
    layout = joint_layout(content["metadata"], str(path))
    positions = content["positions_2d"]
    if not isinstance(positions, dict) or not positions:
        raise DataError(f"{path}: positions_2d holds no subjects, expected a dictionary of them")
    keypoints: dict[tuple[str, str], Views] = {}
    for subject, takes in positions.items():
        if not isinstance(takes, dict):
            raise DataError(f"{path}: {subject} holds no takes, expected a dictionary of them")
        for take, views in takes.items():
            where = f"{path}: {subject} {take!r}"
            keypoints[str(subject), canonical_take(str(take))] = _views(views, layout, where)
    return keypoints


def joint_layout(metadata: Any, where: str) -> Skeleton:
    """The joint layout by its name, and held to the size and symmetry that stand beside it."""
    if not isinstance(metadata, dict):
        raise DataError(f"{where}: metadata is no dictionary, expected num_joints and symmetry")
    size = metadata.get("num_joints")
    symmetry = metadata.get("keypoints_symmetry")
    name = metadata.get("layout_name")
    if name is not None and (not isinstance(name, str) or name not in _LAYOUTS):
        raise DataError(f"{where}: layout {name!r}, expected one of {', '.join(_LAYOUTS)}")
    found = [
        layout
        for layout_name, layout in _LAYOUTS.items()
        if name in (None, layout_name)
        and (size is None or np.array_equal(size, layout.size))
        and (
            symmetry is None
            or _sides(symmetry, where) == (layout.left, tuple(sorted(layout.right)))
        )
    ]
    if len(found) != 1 or (name is None and symmetry is None):
        raise DataError(
            f"{where}: layout {name!r} with {size} joints and symmetry {symmetry} is not known, "
            f"expected one of {', '.join(_LAYOUTS)}"
        )
    return found[0]


def _sides(symmetry: Any, where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Left joints and right joints, each ascending: the published MPII-16 lists are not paired
    element by element."""
    try:
        left, right = (tuple(sorted(int(joint) for joint in side)) for side in symmetry)
    except (OverflowError, TypeError, ValueError) as error:
        raise DataError(
            f"{where}: keypoints_symmetry is {symmetry!r}, expected lists of left and right joints"
        ) from error
    return left, right


def _views(views: Any, layout: Skeleton, where: str) -> Views:
    names = _camera_names()
    if isinstance(views, np.ndarray) and views.dtype == object:
        views = list(views)
    if not isinstance(views, list | tuple) or len(views) != len(names):
        count = len(views) if isinstance(views, list | tuple) else type(views).__name__
        raise DataError(f"{where}: {count} cameras, expected a list of {len(names)}")
    return [
        None if view is None else view_of(view, layout, f"{where} camera {name}")
        for view, name in zip(views, names, strict=True)
    ]


def _camera_names() -> list[str]:
    return [camera.name for camera in next(iter(human36m_cameras().values()))]


def view_of(view: Any, layout: Skeleton, where: str) -> NDArray[np.float32]:
    """One camera's keypoints (T, K, 2 or 3) px in a layout as (T, 17, 2) float32, checked.

    Raises DataError that begins with `where` for another type or shape, and values that are not
    finite.
    """
    if not isinstance(view, np.ndarray) or view.dtype.kind not in "fiu":
        raise DataError(f"{where}: found {type(view).__name__}, expected an array of pixels")
    if view.ndim != 3 or view.shape[1] != layout.size or view.shape[2] not in (2, 3):
        raise DataError(
            f"{where}: shape {view.shape}, expected (T, {layout.size}, 2 or 3) for {layout.name}"
        )
    points = convert(view[..., :2], layout, H36M_17).astype(np.float32)
    if not np.isfinite(points).all():
        frame, joint = np.argwhere(~np.isfinite(points).all(axis=-1))[0]
        raise DataError(f"{where}: joint {H36M_17.joints[joint]} is not finite in frame {frame}")
    return points


def keypoints_of(keypoints: Mapping[tuple[str, str], Views], take: Take, where: str) -> Views:
    """The keypoints of one take, cut to its frames; `where` names the source or file in messages.

    Raises DataError when the take has none, or fewer frames than the motion capture.
    """
    views = keypoints.get((take.subject, take.name))
    if views is None:
        raise DataError(
            f"{where}: no keypoints of {take.subject} {take.name!r}, expected four cameras"
        )
    return cut_to(views, len(take.joints), f"{where}: {take.subject} {take.name!r}")


def cut_to(views: Sequence[NDArray[Any] | None], frames: int, where: str) -> Views:
    """Views cut to the first `frames` frames: videos run a little longer than the motion capture.

    More than a second of surplus is logged as a warning. Raises DataError, naming the camera and
    both lengths, for a view that is shorter.
    """
    cut: Views = []
    for name, view in zip(_camera_names(), views, strict=True):
        if view is None:
            cut.append(None)
            continue
        if len(view) < frames:
            raise DataError(
                f"{where} camera {name}: {len(view)} frames of keypoints, expected at least the "
                f"{frames} of the 3D"
            )
        surplus = (len(view) - frames) / FPS
        if surplus > _SURPLUS_SECONDS:
            log.warning(
                "%s camera %s: %.1f s more keypoints than 3D, cut from %d to %d frames",
                *(where, name, surplus, len(view), frames),
            )
        cut.append(view[:frames])
    return cut

"""Labels of a rendered picture: which joints can be seen, part maps, boxes and areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.render.scene import Figure, Rendered
from gsam.skeletons import SMPL_24, Skeleton

__all__ = [
    "HIDDEN",
    "OUTSIDE",
    "SELF_OCCLUDED",
    "VISIBLE",
    "JointParts",
    "joint_parts",
    "joint_visibility",
    "part_map",
    "person_area",
    "person_box",
]

OUTSIDE, HIDDEN, SELF_OCCLUDED, VISIBLE = 0, 1, 2, 3

_TRUNK = "pelvis left_hip right_hip spine1 spine2 spine3"
_NECK = "neck left_collar right_collar spine3"
# joint: radius in metres, and the SMPL parts whose surface is the joint's own at twice the radius.
# What lies on the skin (nose, eyes, ears) has no such parts: it is seen or not.
_RULES: dict[str, tuple[float, str]] = {
    "pelvis": (0.16, _TRUNK),
    "spine": (0.15, _TRUNK),
    "thorax": (0.12, _NECK),
    "upper_neck": (0.10, "neck head"),
    "neck": (0.10, "neck head"),
    "nose": (0.035, ""),
    "left_eye": (0.03, ""),
    "right_eye": (0.03, ""),
    "left_ear": (0.03, ""),
    "right_ear": (0.03, ""),
    "head": (0.13, "head"),
    "head_top": (0.08, "head"),
    **{f"spine{i}": (0.15, _TRUNK) for i in (1, 2, 3)},
}
_SIDED: dict[str, tuple[float, str]] = {
    "hip": (0.12, "{}hip pelvis"),
    "knee": (0.09, "{}knee {}hip"),
    "ankle": (0.07, "{}ankle {}knee {}foot"),
    "foot": (0.06, "{}foot {}ankle"),
    "toe": (0.05, "{}foot"),
    "collar": (0.10, "{}collar spine3 neck"),
    "shoulder": (0.10, "{}shoulder {}collar"),
    "elbow": (0.07, "{}elbow {}shoulder"),
    "wrist": (0.05, "{}wrist {}elbow {}hand"),
    "hand": (0.06, "{}hand {}wrist"),
}


@dataclass(frozen=True, eq=False)
class JointParts:
    """Of each joint: own (J, 25) bool, the parts that it belongs to; radius (J,) metres."""

    own: NDArray[np.bool_]
    radius: NDArray[np.float64]


def joint_parts(skeleton: Skeleton) -> JointParts:
    """Parts and radii of a joint set.

    Raises:
        DataError: the set has a joint of which the renderer does not know where it lies.
    """
    own = np.zeros((skeleton.size, 25), dtype=bool)
    radius = np.zeros(skeleton.size)
    for row, joint in enumerate(skeleton.joints):
        side, _, name = joint.partition("_")
        if joint in _RULES:
            radius[row], parts = _RULES[joint]
        elif side in ("left", "right") and name in _SIDED:
            radius[row], parts = _SIDED[name]
        else:
            raise DataError(
                f"skeleton {skeleton.name}: joint {joint!r}: expected one of "
                f"{', '.join([*_RULES, *_SIDED])}"
            )
        names = parts.replace("{}", f"{side}_").split()
        own[row, [1 + part for part in SMPL_24.indices(names)]] = True
    return JointParts(own, radius)


def joint_visibility(
    rendered: Rendered, figures: Sequence[Figure], index: int, parts: JointParts
) -> NDArray[np.uint8]:
    """How well each joint (J,) of a figure is seen.

    `OUTSIDE` the picture; `HIDDEN` by a thing or another person; `SELF_OCCLUDED` by the person's
    own body; `VISIBLE`. A joint is visible if the surface seen there is within the joint's radius,
    or within twice of it and of a part that the joint belongs to, or if there is nothing at all.
    """
    figure = figures[index]
    height, width = rendered.person.shape
    place = np.rint(figure.joints_screen).astype(np.int64)
    ahead = figure.joints[:, 2] > 0
    inside = ahead & ((place >= 0) & (place < (width, height))).all(axis=1)
    column, row = np.where(inside[:, None], place, 0).T
    seen, depth = rendered.person[row, column], rendered.depth[row, column]
    before = figure.joints[:, 2] - depth
    hidden = rendered.occluded[row, column]
    hidden |= (seen >= 0) & (seen != index) & (before > 0)
    belongs = np.take_along_axis(parts.own, rendered.parts[row, column][:, None].astype(int), 1)
    reach = np.where(belongs[:, 0], 2.0, 1.0) * parts.radius
    near = (seen != index) | (before <= reach)
    levels = np.where(hidden, HIDDEN, np.where(near, VISIBLE, SELF_OCCLUDED))
    return np.where(inside, levels, OUTSIDE).astype(np.uint8)


def _mask(rendered: Rendered, index: int, amodal: bool) -> NDArray[np.bool_]:
    if amodal:
        return rendered.silhouettes[index]
    return (rendered.person == index) & ~rendered.occluded


def person_box(rendered: Rendered, index: int, amodal: bool = False) -> NDArray[np.float32] | None:
    """Tight box x, y, width, height (4,) in pixels around what is seen of a figure, None if nothing
    is; with `amodal` around all of it that lies in the picture. Pixels reach half to each side.
    """
    mask = _mask(rendered, index, amodal)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    box = (columns[0] - 0.5, rows[0] - 0.5, np.ptp(columns) + 1, np.ptp(rows) + 1)
    return np.array(box, dtype=np.float32)


def person_area(rendered: Rendered, index: int, amodal: bool = False) -> int:
    """Pixels in which a figure is seen, or with `amodal` in which it would be if it were alone."""
    return int(np.count_nonzero(_mask(rendered, index, amodal)))


def part_map(
    rendered: Rendered,
    index: int,
    size: int,
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Parts (size, size), 0 for all else, of what is seen of a figure.

    Args:
        rendered: the picture.
        index: of the figure.
        size: side of the map.
        box: x, y, width, height in pixels that the map spreads over, None for the whole picture;
            what lies outside the picture is 0.
    """
    height, width = rendered.person.shape
    x, y, w, h = box or (-0.5, -0.5, width, height)
    cells = (np.arange(size) + 0.5) / size
    columns = np.rint(x + w * cells).astype(np.int64)
    rows = np.rint(y + h * cells).astype(np.int64)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    grid = np.ix_(rows, columns)
    mine = inside & (rendered.person[grid] == index) & ~rendered.occluded[grid]
    return np.where(mine, rendered.parts[grid], 0).astype(np.uint8)

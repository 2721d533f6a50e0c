"""MPII's annotations for stills of the twin: who is labelled, by what numbers, and HRNet's JSON.

Coordinates are 1-based in every file of MPII, so they are from here on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsam.skeletons import MPII_16
from gsam.twin.blocks import Array
from gsam.twin.images.landmarks import LANDMARKS
from gsam.twin.images.parts import Labels

ROWS = LANDMARKS.indices(MPII_16.joints)
HEAD_JOINTS = MPII_16.indices(("upper_neck", "head_top"))
# Someone with fewer joints in sight, or whose head is outside, has a place and a size only.
FEWEST_SEEN = 6
# HRNet moves a centre down by this much per unit of scale, from the chest to the body's middle.
SHIFT = 15.0
FIRST_NUMBER = {"train": 100_000_001, "valid": 300_000_001, "test": 500_000_001}


@dataclass(frozen=True, eq=False)
class Rectangle:
    """One person of a picture, pixels from 1: place (2,), scale (height / 200 px) and, of a
    labelled person, points (16, 2), levels (16,) (0 not labelled, 1 hidden, 2 by the own body, 3
    visible) and head (x1, y1, x2, y2).
    """

    place: Array
    scale: float
    points: Array
    levels: np.ndarray
    head: Array
    labelled: bool


def file_name(split: str, number: int) -> str:
    """Name of the still `number` of a split: nine digits, as in the original."""
    return f"{FIRST_NUMBER[split] + number:09d}.jpg"


def rectangles(label: Labels) -> list[Rectangle]:
    """The people of a still, by its labels of `draw_stills`, of whom anything is seen."""
    return [_rectangle(person) for person in label["people"] if "box" in person]


def _rectangle(person: Labels) -> Rectangle:
    left, top, width, height = person["extent"]
    scale = round(max(width, height) / 200.0, 6)
    levels = np.array(person["levels"])[ROWS]
    from_one: Array = np.array(person["points"], dtype=float)[ROWS] + 1.0
    points: Array = np.where(levels[:, None] > 0, from_one, np.full_like(from_one, -1.0))
    x, y, across, down = person["head"]
    middle = np.array([left + width / 2, top + height / 2 - SHIFT * scale])
    seen = int((levels >= 2).sum()) >= FEWEST_SEEN
    return Rectangle(
        place=np.round(middle + 1.0, 1),
        scale=scale,
        points=np.round(points, 2),
        levels=levels,
        head=np.rint(np.array([x, y, x + across, y + down]) + 1.0),
        labelled=seen and bool((levels[HEAD_JOINTS] > 0).all()),
    )


def hrnet_entries(people: Iterable[tuple[str, list[Rectangle]]]) -> list[dict[str, Any]]:
    """HRNet's list of labelled people, missing joints at [-1, -1]; `people` by file name."""
    return [
        {
            "image": name,
            "center": person.place.tolist(),
            "scale": person.scale,
            "joints": person.points.tolist(),
            "joints_vis": (person.levels > 0).astype(int).tolist(),
        }
        for name, found in people
        for person in found
        if person.labelled
    ]

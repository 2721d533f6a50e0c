"""Image sets of drawn people, for tests: noise with a coloured dot at every joint."""

from pathlib import Path

import cv2
import numpy as np

from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.skeletons import SKELETONS

DOT_RADIUS = 3


def draw_dots(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """A black picture with a white dot at every point (J, 2)."""
    picture = np.zeros((height, width, 3), np.uint8)
    for x, y in points:
        # Sixteenths of a pixel, so that the dot is where the point is.
        centre = round(16 * float(x)), round(16 * float(y))
        cv2.circle(picture, centre, 16 * DOT_RADIUS, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    return picture


def stick_person(joints: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Joints (J, 2) scattered over the middle of a picture of `size` (height, width)."""
    height, width = size
    return rng.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height), (joints, 2))


def write_images(
    folder: Path,
    split: str = "train",
    *,
    joint_set: str = "human36m_17",
    count: int = 6,
    people_each: int = 1,
    size: tuple[int, int] = (96, 128),
    seed: int = 0,
    dots: bool = False,
) -> ImageSet:
    """Write `count` pictures with people whose joints have every level; and load them."""
    rng = np.random.default_rng(seed)
    joints = SKELETONS[joint_set].size
    with ImageWriter(folder, split, f"drawn_{joint_set}", joint_set, "tests") as writer:
        for number in range(count):
            points = np.stack([stick_person(joints, size, rng) for _ in range(people_each)])
            picture = rng.integers(0, 60, (*size, 3)).astype(np.uint8)
            if dots:
                picture = draw_dots(points.reshape(-1, 2), *size)
            low, high = points.min(axis=1) - 4, points.max(axis=1) + 4
            first = 1 + number * people_each
            people = People(
                points=points,
                visibility=rng.integers(1, 4, (people_each, joints)),
                boxes=np.concatenate([low, high - low], axis=1),
                areas=(high - low).prod(axis=1) / 2,
                crowds=np.zeros(people_each, bool),
                ids=np.arange(first, first + people_each),
                head_sizes=np.full(people_each, 12.0) if joint_set == "mpii_16" else None,
            )
            writer.add(encode_jpeg(picture), image=f"{split}/{number:04d}", people=people)
    return ImageSet.load(folder, split)

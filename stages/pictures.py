"""Draw the pictures that detectors learn from and what they find in those of the test subjects.

    python -m stages.pictures

Reads data/images/ and data/keypoints/<detector>/. Writes results/pictures/: one sheet of labelled
samples per set of pictures (hollow joints are hidden), and detections.jpg, the same test pictures
under every detector with the truth in white. Sets without pictures are left out.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gsam.datasets.takes import file_stem
from gsam.images import ImageSet
from gsam.pictures.keypoints import Picture, draw_sheet
from gsam.schemas import KEYPOINTS, metadata_of
from gsam.storage import array_column, atomic_directory, read_table
from stages.common import run_stage
from stages.params import DETECTORS
from stages.paths import IMAGES
from stages.paths import KEYPOINTS as FOUND

OUT = Path("results/pictures")
SETS = ("human36m", "coco", "mpii", "threedpw")
SPLIT = "train"
SAMPLES = 12
TEST_PICTURES = 6
CAPTION = 24
"""Characters of a name that fit over a picture: its end, which tells pictures apart."""

View = tuple[str, str, int]
"""Take, camera and frame."""


def main(arguments: list[str]) -> str:
    """Write results/pictures; returns the summary line."""
    there = [key for key in SETS if not (IMAGES / key / "missing.json").exists()]
    with atomic_directory(OUT) as folder:
        for key in there:
            images = ImageSet.load(IMAGES / key, SPLIT)
            chosen = evenly(len(images), SAMPLES)
            title = f"{images.dataset}: labelled pictures of the split {SPLIT}"
            draw_sheet(
                [labelled(images, i) for i in chosen], title, folder / f"{key}.jpg", images.skeleton
            )
        if "human36m" in there:
            draw_detections(folder / "detections.jpg")
        drawn = len(list(folder.iterdir()))
    return f"{OUT}  {drawn} sheets"


def evenly(total: int, count: int) -> list[int]:
    """At most `count` of `total` indices, evenly spread; none of none."""
    places = {total * (2 * i + 1) // (2 * count) for i in range(count)}
    return sorted(places) if total else []


def labelled(images: ImageSet, index: int) -> Picture:
    """A picture with the labels of everyone in it."""
    mine = np.flatnonzero(images.person_image == index)
    return Picture(
        image=images.decode(index),
        caption=str(images.rows["image"][index].as_py())[-CAPTION:],
        people=list(images.points[mine]),
        levels=list(images.visibility[mine]),
    )


def draw_detections(path: Path) -> None:
    """The same test pictures under every detector: one row each."""
    images = ImageSet.load(IMAGES / "human36m", "test")
    chosen = evenly(len(images), TEST_PICTURES)
    pictures = []
    for detector in DETECTORS:
        found = keypoints(detector, {sequence_of(images, i) for i in chosen})
        pictures += [detected(images, i, detector, found) for i in chosen]
    title = f"{images.dataset}: test subjects, true joints in white under those found"
    draw_sheet(pictures, title, path, images.skeleton, columns=TEST_PICTURES)


def sequence_of(images: ImageSet, index: int) -> str:
    """The take that a picture is of."""
    return str(images.rows["sequence"][index].as_py())


def keypoints(detector: str, sequences: Iterable[str]) -> dict[View, np.ndarray]:
    """Points (J, 2) px of the camera's frame that a detector found, by take, camera and frame."""
    found: dict[View, np.ndarray] = {}
    for sequence in sequences:
        path = FOUND / detector / f"{file_stem(sequence)}.parquet"
        if not path.exists():  # nobody was found in its pictures
            continue
        table = read_table(path, KEYPOINTS, ["sequence", "camera", "frame", "points"])
        names = metadata_of(table)["joint_names"]
        assert isinstance(names, list)
        points = array_column(table, "points", (len(names), 2))
        columns = (table[key].to_pylist() for key in ("sequence", "camera", "frame"))
        found |= dict(zip(zip(*columns, strict=True), points, strict=True))
    return found


def detected(images: ImageSet, index: int, detector: str, found: dict[View, np.ndarray]) -> Picture:
    """A test picture with the true joints and those found, in pixels of the stored picture."""
    row = {key: images.rows[key][index].as_py() for key in images.rows.column_names}
    origin, zoom = np.array([row["origin_x"], row["origin_y"]]), row["zoom"]
    points = found.get((row["sequence"], row["camera"], row["frame"]))
    return Picture(
        image=images.decode(index),
        caption=f"{detector}: {row['sequence']}",
        people=[] if points is None else [(points - origin) * zoom],
        truth=list(images.points[images.person_image == index]),
    )


if __name__ == "__main__":
    run_stage(main)

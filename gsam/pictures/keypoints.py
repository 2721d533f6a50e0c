"""A sheet of pictures with the joints of their people drawn in, a caption under each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gsam.images import encode_jpeg
from gsam.images.people import VISIBLE
from gsam.pictures.poses import LEFT_COLOUR, RIGHT_COLOUR
from gsam.skeletons import Skeleton
from gsam.storage import atomic_path

# Bright against rooms and clothes, unlike the grey that stands for the middle on white paper.
MIDDLE_COLOUR, TRUTH_COLOUR = "#ffd43b", "#ffffff"
CELL_INCHES, CAPTION_INCHES, TITLE_INCHES, DPI = 2.0, 0.3, 0.5, 80
QUALITY = 88


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture (H, W, 3) uint8 RGB and what to draw in it, px of the picture.

    people: joints (J, 2) of each, in the colours of their sides. levels: for each of them (J,)
    visibility as an image set has it: joints of level 0 are left out, hidden ones are hollow; None:
    all are drawn as visible. truth: joints (J, 2) drawn thin and white below the people's.
    """

    image: NDArray[np.uint8]
    caption: str
    people: Sequence[NDArray[np.floating]] = ()
    levels: Sequence[NDArray[np.uint8]] | None = None
    truth: Sequence[NDArray[np.floating]] = ()


def draw_sheet(
    pictures: Sequence[Picture], title: str, path: Path, skeleton: Skeleton, columns: int = 6
) -> None:
    """Write a JPEG with `columns` pictures to a row; equal pictures give equal bytes."""
    rows = max(1, -(-len(pictures) // columns))
    aspect = max((p.image.shape[0] / p.image.shape[1] for p in pictures), default=1.0)
    cell = CELL_INCHES * aspect + CAPTION_INCHES
    height = rows * cell + TITLE_INCHES
    figure = Figure(figsize=(columns * CELL_INCHES, height), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):
        _draw_picture(axis, picture, skeleton)
    top = 1 - (TITLE_INCHES + CAPTION_INCHES) / height
    figure.subplots_adjust(0.005, 0.005, 0.995, top, 0.03, CAPTION_INCHES / (cell - CAPTION_INCHES))
    figure.text(0.005, 1 - 0.3 / height, title, fontsize=11)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    with atomic_path(path) as temporary:
        temporary.write_bytes(encode_jpeg(pixels, QUALITY))


def _draw_picture(axis: Axes, picture: Picture, skeleton: Skeleton) -> None:
    height, width = picture.image.shape[:2]
    axis.imshow(picture.image, interpolation="bilinear")
    for joints in picture.truth:
        for bone in skeleton.bones:
            axis.plot(*joints[list(bone)].T, color=TRUTH_COLOUR, linewidth=0.9)
    everything = [np.full(skeleton.size, VISIBLE, np.uint8)] * len(picture.people)
    for joints, levels in zip(picture.people, picture.levels or everything, strict=True):
        _draw_person(axis, joints, levels, skeleton)
    # Joints may lie outside; the picture stays as large as it is.
    axis.set_xlim(-0.5, width - 0.5)
    axis.set_ylim(height - 0.5, -0.5)
    axis.set_title(picture.caption, fontsize=8)


def _draw_person(
    axis: Axes, joints: NDArray[np.floating], levels: NDArray[np.uint8], skeleton: Skeleton
) -> None:
    """Bones between labelled joints and a dot at each, hollow where the joint is hidden."""
    for parent, child in skeleton.bones:
        if levels[parent] and levels[child]:
            colour = _colour(child, skeleton)
            axis.plot(*joints[[parent, child]].T, color=colour, linewidth=1.6)
    for joint in np.flatnonzero(levels):
        colour = _colour(int(joint), skeleton)
        inside = colour if levels[joint] == VISIBLE else "none"
        axis.plot(*joints[joint], "o", ms=3.2, mec=colour, mfc=inside, mew=0.9)


def _colour(joint: int, skeleton: Skeleton) -> str:
    if joint in skeleton.left:
        return LEFT_COLOUR
    return RIGHT_COLOUR if joint in skeleton.right else MIDDLE_COLOUR

"""A sheet of rendered samples: pictures with their joints by visibility, and part maps.

python -m gsam.pictures.rendered OUT.jpg [SEED]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.errors import ConfigError
from gsam.pictures.parts import coloured_parts
from gsam.pictures.samples import Sample, open_sampler
from gsam.render.labels import HIDDEN, OUTSIDE, SELF_OCCLUDED, VISIBLE, part_map, person_box
from gsam.render.scene import Rendered
from gsam.storage import atomic_path

__all__ = ["draw_rendered"]

Image = NDArray[np.uint8]

# RGB. What is outside of the picture cannot be drawn in it.
LEVELS = {HIDDEN: (230, 50, 40), SELF_OCCLUDED: (250, 180, 20), VISIBLE: (40, 210, 60)}
BOX_COLOUR = (255, 255, 255)
# A box begins at the corner of its first pixel, half a pixel before the centre.
BOX_CORNER = np.array([0.5, 0.5, 0.0, 0.0])
LEGEND = (("visible", VISIBLE), ("self-occluded", SELF_OCCLUDED), ("hidden", HIDDEN))
LEGEND_HEIGHT = 22
QUALITY = 92
SAMPLES, SIZE = 16, (256, 192)


def draw_rendered(
    samples: Sequence[Sample], path: Path, columns: int = 4, height: int = 256
) -> None:
    """Write a JPEG: each sample's picture, `height` pixels high, beside its labels.

    The labels are the part map of everyone who is seen, darker where things stand in front, with
    the tight box of what is seen, and the joints in the colour of their level. Equal samples give
    equal bytes. All samples must have pictures of one shape.
    """
    cells = [_cell(sample, height) for sample in samples]
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    sheet = np.concatenate([_legend(rows[0].shape[1]), *rows])
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), options)
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _cell(sample: Sample, height: int) -> Image:
    """The picture with joints, and beside it the parts with boxes."""
    picture = sample.rendered.image
    zoom = height / picture.shape[0]
    size = (round(zoom * picture.shape[1]), height)
    shown = np.array(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    labels = np.array(cv2.resize(_parts(sample.rendered), size, interpolation=cv2.INTER_NEAREST))
    for index, (joints, levels) in enumerate(zip(sample.joints, sample.levels, strict=True)):
        box = person_box(sample.rendered, index)
        if box is not None:
            x, y, w, h = (round(float(v)) for v in zoom * (box + BOX_CORNER))
            cv2.rectangle(labels, (x, y), (x + w, y + h), BOX_COLOUR, 1)
        for (x, y), level in zip(joints, levels, strict=True):
            if level != OUTSIDE:
                place = round(zoom * (float(x) + 0.5)), round(zoom * (float(y) + 0.5))
                cv2.circle(shown, place, 3, (0, 0, 0), -1, cv2.LINE_AA)
                cv2.circle(shown, place, 2, LEVELS[int(level)], -1, cv2.LINE_AA)
    return np.concatenate([shown, labels], axis=1)


def _parts(rendered: Rendered) -> Image:
    """Everyone's parts (H, W, 3), each part in a colour of its own."""
    height, width = rendered.person.shape
    side = max(height, width)
    # A map is square: its first rows and columns are the picture, the rest lies outside.
    square = (-0.5, -0.5, side, side)
    parts = sum(
        part_map(rendered, index, side, square) for index in range(len(rendered.silhouettes))
    )
    drawn = coloured_parts(np.broadcast_to(parts, (side, side))[:height, :width])
    drawn[rendered.occluded] = 20
    return drawn


def _legend(width: int) -> Image:
    bar = np.full((LEGEND_HEIGHT, width, 3), 255, dtype=np.uint8)
    left = 8
    for name, level in LEGEND:
        cv2.circle(bar, (left, LEGEND_HEIGHT // 2), 5, LEVELS[level], -1, cv2.LINE_AA)
        place = (left + 10, LEGEND_HEIGHT - 7)
        cv2.putText(bar, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        left += 40 + 9 * len(name)
    return bar


def main(arguments: list[str]) -> int:
    """Draw random samples to the path given; 0 when done, 2 with a line on standard error if not
    called rightly.
    """
    if len(arguments) not in (1, 2) or not all(word.isdecimal() for word in arguments[1:]):
        print("usage: python -m gsam.pictures.rendered OUT.jpg [SEED]", file=sys.stderr)
        return ConfigError.exit_code
    seed = int(arguments[1]) if len(arguments) == 2 else 0
    samples = open_sampler(seed).draw(np.random.default_rng(seed), SAMPLES, *SIZE, 2)
    draw_rendered(list(samples), Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

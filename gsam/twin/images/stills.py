"""Stills of one to three people in front of anything, with all that COCO and MPII annotate."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gsam.images import encode_jpeg
from gsam.render.appearance import draw_appearance
from gsam.render.labels import joint_visibility
from gsam.render.occluders import draw_occluders
from gsam.render.scene import Figure, Rendered, RenderOptions, render
from gsam.twin.images.config import JPEG_QUALITY, TwinImagesConfig
from gsam.twin.images.parts import Labels
from gsam.twin.images.poses import draw_poses, draw_shape
from gsam.twin.images.scenes import (
    KINDS,
    Scene,
    StillKind,
    draw_camera,
    draw_counts,
    draw_scene,
    shadow_on_floor,
)
from gsam.twin.images.studio import Floats, Studio, open_studio
from gsam.twin.subjects import stream

STILLS_PER_BLOCK = 32
# Outlines of fewer pixels are no polygons.
SMALLEST_OUTLINE = 6


def draw_stills(
    config: TwinImagesConfig, dataset: str, split: str, first: int, last: int
) -> Iterator[tuple[int, bytes, Labels]]:
    """Number, JPEG and labels of the stills `first` to `last` - 1 of a split of "coco" or "mpii".

    Labels, all in pixels with the first pixel's centre at 0: width, height, people (a list) and
    crowd (a list, empty or with one entry). A person has points (22, 2) and levels (22,) of
    `LANDMARKS`, extent (whole body, whatever is hidden) and head as x, y, width, height;
    a person or crowd of which anything is seen has box, area and outline (polygons of x, y, ...),
    a crowd also counts (run lengths of its mask down the columns).
    """
    studio, kind = open_studio(config.seed), KINDS[dataset]
    words = ("images", dataset, split)
    counts = [
        draw_counts(stream(config.seed, *words, str(number), "people"), kind)
        for number in range(first, last)
    ]
    rng = stream(config.seed, *words, f"poses from {first}")
    bodies = sum(people + crowd for people, crowd in counts)
    rotations = draw_poses(rng, studio.body, bodies)
    betas = np.stack([draw_shape(rng) for _ in range(bodies)])
    vertices, points = studio.pose(betas, rotations)
    begin = 0
    for number, (people, crowd) in zip(range(first, last), counts, strict=True):
        own = slice(begin, begin + people + crowd)
        begin = own.stop
        still = stream(config.seed, *words, str(number))
        posed = vertices[own], points[own]
        yield number, *_draw_still(studio, still, kind, config, posed, people)


def _draw_still(
    studio: Studio,
    rng: np.random.Generator,
    kind: StillKind,
    config: TwinImagesConfig,
    posed: tuple[Floats, Floats],
    people: int,
) -> tuple[bytes, Labels]:
    camera = draw_camera(rng, kind, config.still_size)
    vertices, points = (array @ camera.R.T for array in posed)
    scene = draw_scene(rng, kind, camera, list(vertices), people)
    figures = []
    for body, marks, place in zip(vertices, points, scene.places, strict=True):
        at, joints = body + place, marks + place
        screen, looks = camera.project(at), draw_appearance(rng)
        shadow = shadow_on_floor(camera, at, scene.floor)
        figures.append(Figure(at, screen, joints, camera.project(joints), looks, shadow))
    height, width = camera.height, camera.width
    rendered = render(
        studio.mesh,
        figures,
        studio.backgrounds.draw(rng, height, width),
        draw_occluders(rng, height, width, _focus(figures[0], width, height)),
        RenderOptions(supersample=config.supersample),
        rng,
    )
    return encode_jpeg(rendered.image, JPEG_QUALITY), _labels(studio, scene, figures, rendered)


def _focus(figure: Figure, width: int, height: int) -> tuple[float, float, float, float]:
    """Box x, y, width, height of what of a figure lies within the picture."""
    low = np.clip(figure.screen.min(axis=0), 0.0, (width - 1, height - 1))
    high = np.clip(figure.screen.max(axis=0), 0.0, (width - 1, height - 1))
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _labels(studio: Studio, scene: Scene, figures: list[Figure], rendered: Rendered) -> Labels:
    people = []
    for i, figure in enumerate(figures[: scene.people]):
        levels = joint_visibility(rendered, figures, i, studio.parts)
        person = {
            "points": _rounded(figure.joints_screen),
            "levels": [int(level) for level in levels],
            "extent": _rounded(_extent(figure.screen)),
            "head": _rounded(_extent(figure.screen[studio.head])),
        }
        people.append(person | _seen(rendered, i))
    crowd = []
    members = range(scene.people, len(figures))
    mask = np.isin(rendered.person, members) & ~rendered.occluded
    if mask.any():
        crowd.append(_shape(mask) | {"counts": run_lengths(mask)})
    return {
        "width": scene.camera.width,
        "height": scene.camera.height,
        "people": people,
        "crowd": crowd,
    }


def _seen(rendered: Rendered, i: int) -> Labels:
    mask = (rendered.person == i) & ~rendered.occluded
    return _shape(mask) if mask.any() else {}


def _shape(mask: NDArray[np.bool_]) -> Labels:
    """Box, area and outline of a mask (H, W) that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = [line.ravel().tolist() for line in lines if line.size >= SMALLEST_OUTLINE]
    left, top = int(columns[0]), int(rows[0])
    box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
    return {"box": box, "area": int(mask.sum()), "outline": outline}


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """COCO's uncompressed run lengths of a mask (H, W): down the columns, zeros first."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


def _extent(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """x, y, width and height (4,) of points (N, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low, high - low])


def _rounded(values: NDArray[np.floating]) -> list:
    return np.round(values, 3).tolist()

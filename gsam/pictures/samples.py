"""Complete labelled samples of random people, as the sheet shows and the benchmark times them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.render.appearance import draw_appearance
from gsam.render.labels import joint_visibility, part_map, person_area, person_box
from gsam.render.occluders import draw_occluders
from gsam.render.scene import Figure, Rendered, RenderOptions, render
from gsam.twin.blocks import Array, turn
from gsam.twin.images.poses import draw_poses, draw_shape
from gsam.twin.images.scenes import LEVEL, shadow_on_floor
from gsam.twin.images.studio import Studio, open_studio

__all__ = ["Sample", "Sampler", "open_sampler"]

BATCH = 16  # bodies posed at once
SECOND = 0.15  # share of the pictures with a second person
PART_MAP = 56
# Of the picture's height, what the person takes up; metres to the camera.
FILLED, DISTANCE = 0.8, (3.5, 6.5)


@dataclass(frozen=True, eq=False)
class Sample:
    """A rendered picture; of each figure in it the joints (J, 2) in pixels and how well each is
    seen (J,); of the first one the part map, tight box or None, and the pixels that show it.
    """

    rendered: Rendered
    joints: list[NDArray[np.floating]]
    levels: list[NDArray[np.uint8]]
    parts: NDArray[np.uint8]
    box: NDArray[np.float32] | None
    area: int


@dataclass(frozen=True, eq=False)
class Sampler:
    """A studio and poses (N, 24, 3, 3) to pick from; everything else is drawn for each sample."""

    studio: Studio
    poses: Array

    def draw(
        self, rng: np.random.Generator, count: int, height: int, width: int, supersample: int
    ) -> Iterator[Sample]:
        """`count` samples of one person, sometimes two, who fill most of the picture."""
        for first in range(0, count, BATCH):
            people = 1 + (rng.uniform(size=min(BATCH, count - first)) < SECOND)
            bodies = int(people.sum())
            poses = self.poses[rng.integers(len(self.poses), size=bodies)]
            shapes = np.stack([draw_shape(rng) for _ in range(bodies)])
            vertices, points = self.studio.pose(shapes, poses)
            ends = np.cumsum(people)
            for begin, end in zip(ends - people, ends, strict=True):
                figures = _figures(rng, vertices[begin:end], points[begin:end], (height, width))
                yield self._sample(rng, figures, (height, width), RenderOptions(supersample))

    def _sample(
        self,
        rng: np.random.Generator,
        figures: list[Figure],
        size: tuple[int, int],
        options: RenderOptions,
    ) -> Sample:
        low, high = figures[0].screen.min(axis=0), figures[0].screen.max(axis=0)
        focus = (float(low[0]), float(low[1]), *(high - low).tolist())
        background = self.studio.backgrounds.draw(rng, *size)
        occluders = draw_occluders(rng, *size, focus)
        rendered = render(self.studio.mesh, figures, background, occluders, options, rng)
        return Sample(
            rendered,
            [figure.joints_screen for figure in figures],
            [
                joint_visibility(rendered, figures, index, self.studio.parts)
                for index in range(len(figures))
            ],
            part_map(rendered, 0, PART_MAP),
            person_box(rendered, 0),
            person_area(rendered, 0),
        )


def open_sampler(seed: int, poses: int = 64) -> Sampler:
    """A sampler whose poses follow from the seed."""
    studio = open_studio(seed)
    rng = np.random.default_rng([seed, 1])
    return Sampler(studio, draw_poses(rng, studio.body, poses))


def _figures(
    rng: np.random.Generator,
    vertices: NDArray[np.floating],
    points: NDArray[np.floating],
    size: tuple[int, int],
) -> list[Figure]:
    """Bodies in front of a camera that looks a little down at the first of them.

    vertices (N, V, 3) and points (N, J, 3): metres from the pelvis, z up.
    """
    height, width = size
    turned = turn("x", rng.uniform(0.0, 0.35)) @ LEVEL
    bodies, marks = vertices @ turned.T, points @ turned.T
    middle = 0.5 * (bodies[0].min(axis=0) + bodies[0].max(axis=0))
    extent = np.ptp(bodies[0], axis=0)
    away = np.array([0.0, 0.0, rng.uniform(*DISTANCE)])
    focal = FILLED * away[2] * min(height / extent[1], width / extent[0])
    centre = (0.5 * (width - 1), 0.5 * (height - 1))
    camera = Camera(
        "sample", width, height, focal, focal, *centre, (), "pinhole", turned, np.zeros(3)
    )
    up = turned[:, 2]
    floor = float((bodies[0] @ up).min() + (away - middle) @ up)
    figures = []
    for index, (body, joints) in enumerate(zip(bodies, marks, strict=True)):
        place = away - middle
        if index:
            place = place + rng.uniform(-1.0, 1.0, 3) * (0.7, 0.0, 1.0)
            place = place + (floor - ((body + place) @ up).min()) * up
        at, joints_at = body + place, joints + place
        shadow = shadow_on_floor(camera, at, floor)
        looks = draw_appearance(rng)
        screen, seen = camera.project(at), camera.project(joints_at)
        figures.append(Figure(at, screen, joints_at, seen, looks, shadow))
    return figures

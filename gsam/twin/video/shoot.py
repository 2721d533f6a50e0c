"""A sequence as it is filmed: people, cameras, scenery and light are drawn once, then frame after
frame is rendered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.images import encode_jpeg
from gsam.render.labels import joint_visibility
from gsam.render.scene import Figure, Rendered, RenderOptions, render
from gsam.twin.blocks import Array
from gsam.twin.images.config import JPEG_QUALITY
from gsam.twin.images.studio import Floats, Studio, open_studio
from gsam.twin.subjects import stream
from gsam.twin.video.boards import Scenery, Things, draw_scenery, draw_things
from gsam.twin.video.config import TwinVideoConfig
from gsam.twin.video.filming import draw_lens, film_by_hand
from gsam.twin.video.people import EVERY
from gsam.twin.video.sequences import SequencePlan
from gsam.twin.video.staging import Cast, draw_cast

# Share of the picture's height that people usually fill, alone and in twos, and what hardly
# anybody exceeds in one frame of twenty.
ALONE, IN_TWOS, MOST = (0.5, 0.7), (0.5, 0.64), 0.78
# The landmarks reach from the ankles to the top of the head; the soles are lower.
ANKLES = 0.08
UPRIGHT, UPRIGHT_TWO = 0.6, 0.35
# Share of the occluded pairs before whom things stand as well.
BOTH = 0.5


@dataclass(frozen=True, eq=False)
class Shoot:
    """One sequence about to be filmed.

    cameras: of the N frames; vertices (F, V, 3) of each person in the F frames that have a picture;
    marks (N, 22, 3): the `LANDMARKS` of each in all frames, world metres. things: what stands in
    front, or None.
    """

    studio: Studio
    config: TwinVideoConfig
    plan: SequencePlan
    cast: Cast
    cameras: list[Camera]
    vertices: list[Floats]
    marks: list[Floats]
    scenery: Scenery
    things: Things | None

    def film(self, number: int) -> tuple[bytes, NDArray[np.uint8]]:
        """JPEG of the picture `number`, of frame `number * step`, and how well each landmark of
        each person is seen (P, 22), of `gsam.render.labels`.
        """
        rendered, figures = self.render(number)
        levels = [
            joint_visibility(rendered, figures, person, self.studio.parts)
            for person in range(len(figures))
        ]
        return encode_jpeg(rendered.image, JPEG_QUALITY), np.stack(levels)

    def render(self, number: int) -> tuple[Rendered, list[Figure]]:
        """The picture `number` before it is compressed, and who is on it."""
        frame = number * self.config.step
        camera = self.cameras[frame]
        figures = [
            self._figure(camera, vertices[number], marks[frame], person)
            for person, (vertices, marks) in enumerate(zip(self.vertices, self.marks, strict=True))
        ]
        rendered = render(
            self.studio.mesh,
            figures,
            self.scenery.seen(camera),
            None if self.things is None else self.things.seen(camera),
            RenderOptions(supersample=self.config.supersample),
            # The same light, lens and film in every frame.
            stream(self.config.seed, "video", self.plan.name, "light"),
        )
        return rendered, figures

    def _figure(self, camera: Camera, vertices: Floats, marks: Floats, person: int) -> Figure:
        body, joints = camera.world_to_camera(vertices), camera.world_to_camera(marks)
        # Shadows are soft: a part of the vertices is enough.
        below = camera.world_to_camera(vertices[::3] * (1.0, 0.0, 1.0))
        return Figure(
            body,
            camera.project(body),
            joints,
            camera.project(joints),
            self.cast.people[person].looks,
            camera.project(below) if below[:, 2].min() > 0 else None,
        )


def open_shoot(config: TwinVideoConfig, plan: SequencePlan) -> Shoot:
    """Stage a sequence: everything about it is drawn from streams of its own name."""
    studio = open_studio(config.seed)
    cast = draw_cast(config.seed, studio.body, plan, config.rows)
    vertices, marks = [], []
    for person in cast.people:
        at = person.pelvis[::EVERY, None].astype(np.float32)
        surface, points = studio.pose(person.betas[None], person.rotations[::EVERY])
        vertices.append(surface[:: config.step] + at[:: config.step])
        marks.append(points + at)
    rng = stream(config.seed, "video", plan.name, "camera")
    portrait = rng.uniform() < (UPRIGHT if plan.people == 1 else UPRIGHT_TWO * plan.occluded)
    lens = draw_lens(rng, config.longer_side, bool(portrait))
    share = rng.uniform(*(ALONE if plan.people == 1 else IN_TWOS))
    followed = cast.followed[::EVERY]
    distance = _distance(lens, cast, followed, marks, share)
    cameras = film_by_hand(rng, lens, followed, cast.azimuth, distance)
    middle = len(cameras) // 2
    # What stands behind and in front is arranged for the camera at half time.
    scenery = draw_scenery(rng, cameras[middle], followed[middle], plan.indoors)
    things = None
    if plan.occluded and (plan.people == 1 or rng.uniform() < BOTH):
        now = [points[middle].astype(np.float64) for points in marks]
        nearest = min(cameras[middle].world_to_camera(points)[:, 2].min() for points in now)
        things = draw_things(rng, cameras[middle], now[0], float(nearest))
    return Shoot(studio, config, plan, cast, cameras, vertices, marks, scenery, things)


def _distance(
    lens: Camera, cast: Cast, followed: Array, marks: list[Floats], share: float
) -> float:
    """Metres from the camera to what it follows, for the first person to fill a share of the
    picture's height, or less if somebody would often fill more than `MOST`.
    """
    away = []
    for person, points in enumerate(marks):
        usual, tall = np.quantile(np.ptp(points[..., 1], axis=1), (0.5, 0.95)) + ANKLES
        nearer = float(((cast.people[person].pelvis[::EVERY] - followed) @ cast.toward).max())
        away.append(nearer + lens.fy * tall / (MOST * lens.height))
        if person == 0:
            away.append(lens.fy * usual / (share * lens.height))
    return float(max(away))

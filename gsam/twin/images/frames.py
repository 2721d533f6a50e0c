"""Pictures of the twin's takes: the performances of `gsam.twin.generate`, seen through the same
cameras, around the person.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.images import encode_jpeg
from gsam.render.appearance import Appearance, draw_appearance
from gsam.render.labels import joint_visibility
from gsam.render.occluders import Occluders, draw_occluders
from gsam.render.scene import Figure, RenderOptions, render
from gsam.skeletons import H36M_17
from gsam.twin.blocks import Array
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer
from gsam.twin.images.config import CAMERAS, JPEG_QUALITY, TwinImagesConfig
from gsam.twin.images.parts import Labels
from gsam.twin.images.studio import Studio, open_studio
from gsam.twin.solve import local_rotations
from gsam.twin.subjects import TakePlan, plan_takes, stream

# The window is this much longer than the person.
WINDOW = 1.5
# Share of the joints' extent by which their box is wider on each side.
PADDING = 0.1
OUTFITS = 3
# In this share of the shots things may stand in front (`draw_occluders` leaves half of them bare).
OBSTRUCTED = 0.4
JOINTS = H36M_17.size

Box = tuple[float, float, float, float]


def draw_frames(
    twin: TwinConfig, config: TwinImagesConfig, number: int
) -> Iterator[tuple[str, bytes, Labels]]:
    """Member name, JPEG and labels of every picture of the take `number` of `plan_takes`.

    Labels, by the names of the raw layout: origin_x, origin_y, zoom of the stored window (stored px
    = (frame px - origin) * zoom), visibility (17) of the joints, box (x, y, width, height in pixels
    of the whole frame) of the joints, padded by a tenth of its longer side.
    """
    studio = open_studio(config.seed)
    plan = plan_takes(twin)[number]
    performer = Performer(plan.subject, twin, studio.body)
    pose = performer.perform(plan)
    frames = np.arange(0, plan.frames, config.step)
    rotations = local_rotations(performer.figure, pose)[frames]
    vertices, points = studio.pose(performer.betas.numpy(), rotations)
    # The joint that is the origin here stands where the motion put it.
    origin = pose.at[frames, :1]
    looks = _outfit(config, plan)
    for index in filming_cameras(number, config.views):
        camera = human36m_cameras()[plan.subject][index]
        shoot = _Shot(studio, config, camera, looks, f"{plan.subject}/{plan.name}")
        for frame, body, marks, at in zip(frames, vertices, points, origin, strict=True):
            name = f"{plan.name}.{camera.name}/{frame:06d}.jpg"
            yield name, *shoot.take(body + at, marks + at)


def filming_cameras(number: int, views: int) -> list[int]:
    """Which cameras film a take: they take turns, so that all have equally much to do."""
    return [(number + view) % CAMERAS for view in range(views)]


def _outfit(config: TwinImagesConfig, plan: TakePlan) -> Appearance:
    """What the subject wears in a take: one of its few sets of clothes, on the same skin."""
    words = ("images", plan.subject)
    drawn = stream(config.seed, *words, plan.name, "outfit").integers(OUTFITS)
    person = draw_appearance(stream(config.seed, *words))
    clothes = draw_appearance(stream(config.seed, *words, f"outfit {drawn}"))
    return replace(clothes, skin=person.skin, hair=person.hair)


@dataclass(frozen=True, eq=False)
class _Shot:
    """A take seen by one camera: light, lens and what stands in front stay as they are."""

    studio: Studio
    config: TwinImagesConfig
    camera: Camera
    looks: Appearance
    name: str

    def take(self, vertices: Array, points: Array) -> tuple[bytes, Labels]:
        """JPEG and labels of one frame: vertices (V, 3) and landmarks (22, 3) in world metres."""
        camera, size = self.camera, self.config.size
        body, joints = camera.world_to_camera(vertices), camera.world_to_camera(points)
        screen, marks = camera.project(body), camera.project(joints)
        x, y, side = window(screen, camera)
        zoom = size / side
        stored = [(pixels - (x, y)) * zoom for pixels in (screen, marks, self._shadow(vertices))]
        figure = Figure(body, stored[0], joints, stored[1], self.looks, stored[2])
        frame = (camera.height, camera.width)
        rendered = render(
            self.studio.mesh,
            [figure],
            self.studio.backgrounds.fixed(camera.name, size, size, frame, (x, y), zoom),
            self._obstruction(_extent(stored[0])),
            RenderOptions(supersample=self.config.supersample),
            self._rng("light"),
        )
        levels = joint_visibility(rendered, [figure], 0, self.studio.parts)[:JOINTS]
        labels = {
            "origin_x": x,
            "origin_y": y,
            "zoom": zoom,
            "visibility": levels.tolist(),
            "box": np.round(padded_box(marks[:JOINTS]), 3).tolist(),
        }
        return encode_jpeg(rendered.image, JPEG_QUALITY), labels

    def _rng(self, purpose: str) -> np.random.Generator:
        """The same stream for every frame of the shot."""
        return stream(self.config.seed, "images", self.name, self.camera.name, purpose)

    def _shadow(self, vertices: Array) -> Array:
        # Shadows are soft: a part of the vertices is enough.
        below = vertices[::3] * (1.0, 1.0, 0.0)
        return self.camera.project(self.camera.world_to_camera(below))

    def _obstruction(self, focus: Box) -> Occluders | None:
        rng = self._rng("obstruction")
        if rng.uniform() >= OBSTRUCTED:
            return None
        return draw_occluders(rng, self.config.size, self.config.size, focus)


def window(points: Array, camera: Camera) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of the square around points (V, 2), inside the frame."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = min(round(WINDOW * float((high - low).max())), camera.width, camera.height)
    room = np.array([camera.width, camera.height]) - side
    corner = np.clip(np.rint(0.5 * (low + high) - 0.5 * side), 0, room).astype(int)
    return int(corner[0]), int(corner[1]), side


def padded_box(points: Array) -> Array:
    """x, y, width and height (4,) of the joints (17, 2), padded on each side."""
    low, high = points.min(axis=0), points.max(axis=0)
    pad = PADDING * float((high - low).max())
    return np.concatenate([low - pad, high - low + 2.0 * pad])


def _extent(points: Array) -> Box:
    low, high = points.min(axis=0), points.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))

"""Where the people of a still stand and where its camera looks: sizes, places and cuts vary."""

from dataclasses import dataclass

import numpy as np

from gsam.cameras import Camera
from gsam.twin.blocks import Array, turn

# Camera axes (x right, y down, z forward) of one that looks level along the world's y axis.
LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
STATURE = 1.7
# Nothing of a person comes nearer to the camera, and no two people nearer to each other, metres.
NEAREST, APART = 0.5, 0.55
TRIES = 8


@dataclass(frozen=True)
class StillKind:
    """What the pictures of one dataset look like.

    shapes: (width, height) as shares of the longer side; tall: range of the first person's standing
    height as a share of the picture's; people: chances of 1, 2, ... people; crowd: chance
    of a distant group that is annotated as a whole.
    """

    shapes: tuple[tuple[float, float], ...]
    tall: tuple[float, float]
    people: tuple[float, ...]
    crowd: float


KINDS = {
    "coco": StillKind(
        shapes=((1.0, 0.75), (0.75, 1.0), (1.0, 1.0), (1.0, 0.67)),
        tall=(0.5, 1.8),
        people=(0.55, 0.30, 0.15),
        crowd=0.04,
    ),
    "mpii": StillKind(
        shapes=((1.0, 0.75), (1.0, 1.0)),
        tall=(0.6, 1.15),
        people=(0.65, 0.25, 0.10),
        crowd=0.0,
    ),
}


@dataclass(frozen=True)
class Scene:
    """One still to take: its camera, and the pelvis (3,) of each person in camera metres.

    The first `people` are annotated one by one, the others together as a crowd. floor is its
    height, metres above the camera.
    """

    camera: Camera
    places: tuple[Array, ...]
    people: int
    floor: float


def draw_counts(rng: np.random.Generator, kind: StillKind) -> tuple[int, int]:
    """How many people a still has, and how many more stand in a distant crowd."""
    people = 1 + int(rng.choice(len(kind.people), p=np.array(kind.people)))
    return people, int(rng.integers(3, 6)) if rng.uniform() < kind.crowd else 0


def draw_camera(rng: np.random.Generator, kind: StillKind, longer: int) -> Camera:
    """A camera at the origin without distortion that looks about level, rather down than up."""
    shares = kind.shapes[rng.integers(len(kind.shapes))]
    width, height = (round(share * longer) for share in shares)
    pitch, roll = np.radians(rng.uniform(-8.0, 25.0)), np.radians(rng.normal(0.0, 4.0))
    focal = rng.uniform(1.1, 2.2) * longer
    return Camera(
        name="still",
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=0.5 * (width - 1),
        cy=0.5 * (height - 1),
        distortion=(),
        model="pinhole",
        R=turn("z", roll) @ turn("x", pitch) @ LEVEL,
        t=np.zeros(3),
    )


def draw_scene(
    rng: np.random.Generator,
    kind: StillKind,
    camera: Camera,
    bodies: list[Array],
    people: int,
) -> Scene:
    """Place bodies, each (V, 3) from its pelvis in camera axes and metres, on one floor.

    The first stands where and as large as the kind says; the others anywhere across the picture,
    those past `people` in a group far behind.
    """
    share = np.exp(rng.uniform(*np.log(kind.tall)))
    depth = camera.fx * STATURE / (share * camera.height)
    u, v = camera.width * rng.uniform(0.2, 0.8), camera.height * rng.uniform(0.35, 0.65)
    ray = np.array([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1.0])
    places = [_pushed(depth * ray, bodies[0])]
    up = camera.R[:, 2]
    floor = float(up @ places[0] + (bodies[0] @ up).min())
    for body in bodies[1:people]:
        tries = []
        for _ in range(TRIES):
            distance = depth * np.exp(rng.uniform(-0.25, 0.6))
            tries.append(_standing(camera, rng.uniform(0.02, 0.98), distance, body, floor))
            if _clearance(tries[-1], places) > APART:
                break
        places.append(max(tries, key=lambda place: _clearance(place, places)))
    centre, small = rng.uniform(0.1, 0.9), rng.uniform(0.14, 0.25)
    for body in bodies[people:]:
        distance = camera.fx * STATURE / (small * camera.height) * rng.uniform(0.93, 1.07)
        across = centre + small * rng.uniform(-0.6, 0.6)
        places.append(_standing(camera, across, distance, body, floor))
    return Scene(camera, tuple(places), people, floor)


def shadow_on_floor(camera: Camera, vertices: Array, floor: float) -> Array | None:
    """Where points of the floor below vertices (V, 3) show (S, 2), camera metres and pixels.

    None where some of them lie beside or behind the camera.
    """
    up = camera.R[:, 2]
    # Shadows are soft: a part of the vertices is enough.
    some = vertices[::3]
    below = some - (some @ up - floor)[:, None] * up
    return camera.project(below) if below[:, 2].min() > NEAREST / 2 else None


def _standing(camera: Camera, across: float, depth: float, body: Array, floor: float) -> Array:
    """The pelvis of a body that stands on the floor at a share of the picture's width."""
    up = camera.R[:, 2]
    x = depth * (across * camera.width - camera.cx) / camera.fx
    height = floor - float((body @ up).min())
    y = (height - up[0] * x - up[2] * depth) / up[1]
    return _pushed(np.array([x, y, depth]), body)


def _pushed(place: Array, body: Array) -> Array:
    """The place, moved back where a part of the body would come too near to the camera."""
    short = max(0.0, NEAREST - float(place[2] + body[:, 2].min()))
    return place + np.array([0.0, 0.0, short])


def _clearance(place: Array, others: list[Array]) -> float:
    return min(float(np.linalg.norm((place - other)[[0, 2]])) for other in others)

"""What somebody does in one recording: several acts, one flowing into the next."""

from dataclasses import dataclass

import numpy as np
import torch

from gsam.body.smpl import SmplBody
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import Array, min_jerk
from gsam.twin.config import FPS, TwinConfig
from gsam.twin.figure import Figure
from gsam.twin.images.poses import draw_shape
from gsam.twin.performance import Actor, Style, clock
from gsam.twin.solve import Pose, solve
from gsam.twin.steps import AREA_AXES, AREA_CENTRE
from gsam.twin.subjects import stream, style
from gsam.twin.threedhp.skeleton import Build, build_of

STATURES = (-1.6, 0.7)
"""Range of the first shape component: people of 1.58 to 1.91 m."""
CHANGE_SECONDS = 1.0
"""In which one act turns into the next."""
ACT_SECONDS = (2.8, 4.2)
RIGHT_HANDED = 0.8
STARTS_WITHIN = 0.6
"""Of the area's half-axes: where the first act begins."""

ACTIVITIES: dict[int, tuple[str, ...]] = {
    1: ("Walking", "Waiting", "Directions"),
    2: ("Posing",),
    3: ("Sitting", "Eating"),
    4: ("Purchases",),
    5: ("SittingDown",),
    6: ("Posing", "Greeting"),
    7: ("Phoning", "Photo", "Smoking", "Discussion"),
}
"""The test set's activities (standing and walking, exercising, sitting, reaching and crouching, on
the floor, sports, miscellaneous) and the twin's actions that come nearest to each."""
ROAMING = ("Walking", "WalkDog", "WalkTogether", "Phoning")
"""Actions that lead round the whole area, so that none can begin where another ended."""


@dataclass(frozen=True, eq=False)
class Performer:
    """One person of the dataset, ready to act."""

    name: str
    seed: int
    figure: Figure
    style: Style
    build: Build

    @classmethod
    def draw(cls, name: str, seed: int, body: SmplBody) -> "Performer":
        """The person called `name` (S1, TS1): shape and style follow from name and seed."""
        rng = stream(seed, "3dhp", name, "shape")
        betas = draw_shape(rng)
        betas[0] = rng.uniform(*STATURES)
        shape = torch.from_numpy(betas.astype(np.float32))[None]
        lowest = float((body.v_template[:, 1] + body.shapedirs[:, 1] @ shape[0]).min())
        figure = Figure.from_rest(body.rest_joints(shape)[0].numpy(), lowest, body.parents)
        moving = style(TwinConfig(seed=seed), f"3dhp {name}")
        return cls(name, seed, figure, moving, build_of(body, betas, figure))

    def act(self, words: tuple[str, ...], activities: list[int], frames: int) -> "Performance":
        """One recording of `frames` frames at the studio's rate.

        `words` name its random stream; `activities` say what is done at first, then, and so on, as
        far as the frames reach.
        """
        rng = stream(self.seed, "3dhp", self.name, *words)
        change = round(CHANGE_SECONDS * FPS)
        pose, labels = None, np.empty(0, np.int64)
        for activity in activities:
            wanted = round(rng.uniform(*ACT_SECONDS) * FPS)
            left = frames - len(labels)
            # What would be left for a next act is too short for one: this one goes on.
            length = left if left - wanted < 2 * change else wanted
            action = _pick(rng, activity, first=pose is None)
            acted = solve(self.figure, ACTIONS[action](self._actor(rng, length, pose)))
            pose = acted if pose is None else joined(self.figure, pose, acted, change)
            labels = np.concatenate([labels, np.full(length, activity)])
            if len(labels) == frames:
                return Performance(self.build.joints(pose), labels)
        raise AssertionError("activities end before the frames do")

    def _actor(self, rng: np.random.Generator, frames: int, before: Pose | None) -> Actor:
        if before is None:
            angle, radius = rng.uniform(-np.pi, np.pi), STARTS_WITHIN * np.sqrt(rng.uniform())
            place = AREA_CENTRE + AREA_AXES * radius * np.array([np.cos(angle), np.sin(angle)])
            facing = float(rng.uniform(-np.pi, np.pi))
        else:
            place = before.at[-1, 0, :2]
            ahead = before.turn[-1, 0, :, 0]
            facing = float(np.arctan2(ahead[1], ahead[0]))
        side = int(rng.uniform() < RIGHT_HANDED)
        return Actor(rng, clock(frames), self.figure, self.style, side, place, facing)


@dataclass(frozen=True, eq=False)
class Performance:
    """joints (T, 28, 3): the studio's world (z up), metres; activities (T,): keys of ACTIVITIES."""

    joints: Array
    activities: np.ndarray


def _pick(rng: np.random.Generator, activity: int, first: bool) -> str:
    choice = [a for a in ACTIVITIES[activity] if first or a not in ROAMING]
    return str(rng.choice(choice))


def joined(figure: Figure, before: Pose, after: Pose, overlap: int) -> Pose:
    """Two poses in a row, of which the last `overlap` frames of the one turn into the first of the
    other: joints bend along the shorter way, the pelvis goes straight.

    `before` is held at its last frame meanwhile, so that no frame of it is lost.
    """
    # On use: it takes a third of a second to import.
    from scipy.spatial.transform import Rotation

    def bent(turn: Array) -> Array:
        """Rotations (T, 24, 3, 3) relative to the parents'; the pelvis' own."""
        relative = np.swapaxes(turn[:, figure.parents[1:]], -1, -2) @ turn[:, 1:]
        return np.concatenate([turn[:, :1], relative], axis=1)

    share = min_jerk(np.arange(1, overlap + 1) / (overlap + 1))
    held = np.broadcast_to(bent(before.turn[-1:]), (overlap, 24, 3, 3)).reshape(-1, 3, 3)
    start = Rotation.from_matrix(held)
    goal = Rotation.from_matrix(bent(after.turn[:overlap]).reshape(-1, 3, 3))
    way = (start.inv() * goal).as_rotvec() * np.repeat(share, 24)[:, None]
    turned = (start * Rotation.from_rotvec(way)).as_matrix().reshape(overlap, 24, 3, 3)
    mixed = Pose(turned.copy(), np.empty((overlap, 24, 3)))
    mixed.at[:, 0] = before.at[-1, 0] + share[:, None] * (after.at[:overlap, 0] - before.at[-1, 0])
    for joint, parent in enumerate(figure.parents):
        if parent >= 0:
            mixed.turn[:, joint] = mixed.turn[:, parent] @ turned[:, joint]
            reach = mixed.turn[:, parent] @ figure.bone(joint)
            mixed.at[:, joint] = mixed.at[:, parent] + reach
    turns = [before.turn, mixed.turn, after.turn[overlap:]]
    places = [before.at, mixed.at, after.at[overlap:]]
    return Pose(np.concatenate(turns), np.concatenate(places))

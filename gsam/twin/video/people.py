"""Who is filmed: shape, looks, and the motion in 3DPW's world and rates.

The world here is 3DPW's: metres, y up, the floor at y = 0. The actors move in the studio's axes (z
up) around its middle, which becomes the origin.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from gsam.body.rotations import axis_angle_to_matrix
from gsam.body.smpl import SmplBody
from gsam.render.appearance import Appearance, draw_appearance
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import Array, turn, wander
from gsam.twin.config import FPS
from gsam.twin.figure import TO_PERSON, Figure
from gsam.twin.images.poses import draw_shape
from gsam.twin.performance import Actor, Style, clock
from gsam.twin.solve import local_rotations, solve
from gsam.twin.steps import AREA_CENTRE
from gsam.twin.video.config import VIDEO_FPS

POSE_FPS = 60
"""Rate of the poses that the video's were taken from."""
EVERY = POSE_FPS // VIDEO_FPS
RIGHT_HANDED = 0.85
# Shape component that leads from female to male.
BUILD = 1
# Seconds by which turning runs before or behind the clock.
TURNING_SWAY = 1.5


@dataclass(frozen=True, eq=False)
class Person:
    """One person of one sequence.

    betas (10,); gender m or f; pose (M, 24, 3): axis-angle of the joints relative to their
    parents at 60 Hz, joint 0 in the world; pelvis (M, 3): the pelvis joint in the world, metres.
    """

    betas: Array
    gender: str
    looks: Appearance
    pose: Array
    pelvis: Array

    @cached_property
    def rotations(self) -> Array:
        """The poses as matrices (M, 24, 3, 3)."""
        return axis_angle_to_matrix(torch.from_numpy(self.pose)).numpy()


def perform(
    rng: np.random.Generator,
    body: SmplBody,
    action: str,
    rows: int,
    place: Array,
    facing: float,
    turning: float,
) -> Person:
    """Draw a person and let them act for `rows` frames of a video.

    Args:
        rng: all choices.
        body: the parametric body.
        action: one of `ACTIONS`.
        rows: frames N of the video; the person has 2 N poses.
        place: (2,) metres from the middle, forward and left in the studio's axes, where those
            stand who do not walk.
        facing: radians, studio.
        turning: radians per second by which the person turns on the spot meanwhile, about.
    """
    betas = draw_shape(rng)
    shape = torch.from_numpy(betas.astype(np.float32))[None]
    lowest = float((body.v_template[:, 1] + body.shapedirs[:, 1] @ shape[0]).min())
    figure = Figure.from_rest(body.rest_joints(shape)[0].numpy(), lowest, body.parents)
    actor = Actor(
        rng=rng,
        t=clock(int(np.ceil(rows * FPS / VIDEO_FPS)) + 1),
        figure=figure,
        style=_draw_style(rng),
        side=int(rng.uniform() < RIGHT_HANDED),
        place=AREA_CENTRE + place,
        facing=facing,
    )
    acted = solve(figure, ACTIONS[action](actor))
    local = local_rotations(figure, acted)
    t = actor.t
    heading = turning * (t - t.mean() + wander(rng, t, TURNING_SWAY, 0.1))
    local[:, 0] = turn("y", heading) @ TO_PERSON.T @ local[:, 0]
    pelvis = (acted.at[:, 0] - (*AREA_CENTRE, 0.0)) @ TO_PERSON
    gender = "m" if betas[BUILD] > 0 else "f"
    return Person(betas, gender, draw_appearance(rng), *_resampled(local, pelvis, EVERY * rows))


def _draw_style(rng: np.random.Generator) -> Style:
    """How somebody moves; livelier than in a studio."""
    return Style(
        energy=rng.uniform(0.9, 1.7),
        slump=rng.uniform(-0.05, 0.15),
        stance=rng.uniform(0.18, 0.32),
        toe_out=rng.uniform(0.05, 0.32),
        cadence=rng.uniform(0.9, 1.15),
        elbow_out=rng.uniform(-0.2, 0.4),
        right_handed=RIGHT_HANDED,
    )


def _resampled(local: Array, pelvis: Array, poses: int) -> tuple[Array, Array]:
    """Axis-angle (poses, 24, 3) and pelvis (poses, 3) at 60 Hz of rotations (T, 24, 3, 3) and
    positions (T, 3) at the studio's rate; in between along the shorter way.
    """
    # On use: it takes a third of a second to import.
    from scipy.spatial.transform import Rotation

    at = np.arange(poses) * (FPS / POSE_FPS)
    before = np.minimum(at.astype(int), len(pelvis) - 2)
    share = (at - before)[:, None]
    quaternions = Rotation.from_matrix(local.reshape(-1, 3, 3)).as_quat().reshape(-1, 24, 4)
    one, two = quaternions[before], quaternions[before + 1]
    nearer = np.where((one * two).sum(axis=-1, keepdims=True) < 0.0, -1.0, 1.0)
    mixed = one + share[..., None] * (nearer * two - one)
    pose = Rotation.from_quat(mixed.reshape(-1, 4)).as_rotvec().reshape(-1, 24, 3)
    return pose, pelvis[before] + share * (pelvis[before + 1] - pelvis[before])

"""Two-bone inverse kinematics (arm, leg) in closed form, smooth and free of Euler angles."""

from typing import NamedTuple

import numpy as np

from gsam.twin.blocks import Array, apply, smooth, soft_max, soft_min, unit

# Largest flexion of elbow and knee: the straight joint is 0.
MOST_FLEXION = np.radians(145.0)


class TwoBones(NamedTuple):
    """Global rotations (T, 3, 3) of the two bones, the middle joint and the end (T, 3) reached."""

    upper: Array
    lower: Array
    middle: Array
    end: Array


def reach_limits(upper: float, lower: float) -> tuple[float, float]:
    """Shortest (flexion 145 degrees) and longest distance from first joint to end, metres."""
    shortest = upper**2 + lower**2 + 2.0 * upper * lower * np.cos(MOST_FLEXION)
    return float(np.sqrt(shortest)), upper + lower


def bend(
    start: Array,
    target: Array,
    pole: Array,
    rest_upper: Array,
    rest_lower: Array,
    rest_pole: Array,
    slack: float,
) -> TwoBones:
    """Bend two bones from `start` (T, 3) so that they end at `target` (T, 3).

    `pole` (T, 3) is where the middle joint points; `rest_upper`, `rest_lower` (3,) are the bones in
    the rest pose and `rest_pole` (3,) the direction their middle joint points to there. The
    distance is held smoothly (over `slack` metres) between a flexion of 145 degrees and the
    straight limb, so the end can fall short of the target.
    """
    upper, lower = float(np.linalg.norm(rest_upper)), float(np.linalg.norm(rest_lower))
    shortest, longest = reach_limits(upper, lower)
    gap = target - start
    distance = np.linalg.norm(gap, axis=-1)
    if slack > 0:
        distance = soft_max(soft_min(distance, 0.998 * longest, slack), shortest, slack)
    distance = np.clip(distance, shortest, 0.9995 * longest)
    along = unit(gap)
    out = unit(pole - (pole * along).sum(-1, keepdims=True) * along)
    inner = (upper**2 + distance**2 - lower**2) / (2.0 * upper * distance)
    inner = np.clip(inner, -1.0, 1.0)[:, None]
    middle = start + upper * (inner * along + np.sqrt(1.0 - inner**2) * out)
    end = start + distance[:, None] * along
    normal = np.cross(along, out)
    rest_normal = np.cross(rest_upper, rest_pole)
    return TwoBones(
        _frame(middle - start, normal) @ _frame(rest_upper, rest_normal).T,
        _frame(end - middle, normal) @ _frame(rest_lower, rest_normal).T,
        middle,
        end,
    )


def _frame(along: Array, normal: Array) -> Array:
    """Orthonormal columns (bone, perpendicular in the plane of the bend, that plane's normal)."""
    x = unit(along)
    z = unit(normal - (normal * x).sum(-1, keepdims=True) * x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def steady(start: Array, target: Array, pole: Array, seconds: float = 0.3) -> Array:
    """The part of the poles (T, 3) that turns the middle joint, averaged over time.

    Where a limb points along its own pole, that part shrinks to nothing and may come back on the
    other side; unaveraged, the elbow would jump there.
    """
    along = unit(target - start)
    aside = pole - (pole * along).sum(-1, keepdims=True) * along
    return np.stack([smooth(lane, seconds) for lane in aside.T], axis=-1)


def frame_apply(rotation: Array, offset: Array, origin: Array) -> Array:
    """Points (T, 3) at `offset` (T, 3) or (3,) in moving frames."""
    return origin + apply(rotation, np.broadcast_to(offset, origin.shape))

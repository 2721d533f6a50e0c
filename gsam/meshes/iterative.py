"""PARE's iterative regression: every round is told what the one before answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.regressors import BETAS, CAMERA, ROT6D, State

__all__ = ["Regressors", "pose_width", "regress_iteratively", "shape_width"]

POSE = ROT6D * PARTS
# Two neighbours of each SMPL joint, in the order of PARE's own table.
NEIGHBOURS = (
    (1, 2), (4, 0), (0, 5), (0, 6), (7, 1), (2, 8), (3, 9), (10, 4),
    (5, 11), (13, 14), (7, 4), (8, 5), (9, 15), (16, 9), (9, 17), (9, 12),
    (18, 13), (14, 19), (20, 16), (17, 21), (22, 18), (19, 23), (20, 18), (19, 21),
)  # fmt: skip


class Regressors(NamedTuple):
    """What answers pose (B, 6, 24), shape (B, 10) and camera (B, 3)."""

    pose: nn.Module
    shape: nn.Module
    camera: nn.Module


def pose_width(names: Sequence[str], features: int) -> int:
    """Channels per part that the pose is regressed from; `features` are the part's own."""
    widths = {
        "feats": features,
        "neighbor_pose_feats": 2 * features,
        "all_pose": POSE,
        "self_pose": ROT6D,
        "neighbor_pose": 2 * ROT6D,
        "shape": BETAS,
        "cam": CAMERA,
    }
    return sum(widths[name] for name in names)


def shape_width(names: Sequence[str], features: int) -> int:
    """Numbers that shape and camera are regressed from; `features` those of all parts."""
    widths = {"feats": features, "all_pose": POSE, "shape": BETAS, "cam": CAMERA}
    return sum(widths[name] for name in names)


def regress_iteratively(
    config: MeshConfig, regressors: Regressors, local: Tensor, flat: Tensor, start: State
) -> State:
    """`config.iterations` rounds from the features of the parts.

    Args:
        config: its `pose_inputs`, `shape_inputs`, `residual` and `iterations`.
        regressors: the final layers.
        local: (B, C, 24) features of each part, for the pose.
        flat: (B, F) features of all parts, for shape and camera.
        start: the guess that the first round is told; its shape is added to that of every round
            that is not residual.
    """
    state = start
    for _ in range(config.iterations):
        part = _pose_inputs(config.pose_inputs, local, state)
        whole = _shape_inputs(config.shape_inputs, flat, state)
        found = State(regressors.pose(part), regressors.shape(whole), regressors.camera(whole))
        if config.residual:
            state = State(*(old + new for old, new in zip(state, found, strict=True)))
        else:
            state = found._replace(shape=found.shape + start.shape)
    return state


def _pose_inputs(names: Sequence[str], local: Tensor, state: State) -> Tensor:
    makers = {
        "feats": lambda: local,
        "neighbor_pose_feats": lambda: _of_neighbours(local),
        "all_pose": lambda: _everywhere(state.pose.flatten(1)),
        "self_pose": lambda: state.pose,
        "neighbor_pose": lambda: _of_neighbours(state.pose),
        "shape": lambda: _everywhere(state.shape),
        "cam": lambda: _everywhere(state.camera),
    }
    return torch.cat([makers[name]() for name in names], dim=1)


def _shape_inputs(names: Sequence[str], flat: Tensor, state: State) -> Tensor:
    parts = {
        "feats": flat,
        "all_pose": state.pose.flatten(1),
        "shape": state.shape,
        "cam": state.camera,
    }
    return torch.cat([parts[name] for name in names], dim=1)


def _everywhere(vector: Tensor) -> Tensor:
    """(B, n) the same for every part: (B, n, 24)."""
    return vector[..., None].expand(-1, -1, PARTS)


def _of_neighbours(values: Tensor) -> Tensor:
    """(B, c, 24) to (B, 2 c, 24): channel by channel, of the two neighbours of every part."""
    first, second = (values[..., list(side)] for side in zip(*NEIGHBOURS, strict=True))
    return torch.stack((first, second), dim=2).flatten(1, 2)

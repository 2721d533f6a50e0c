"""The last layers of PARE: one linear map per part for the pose, one for all parts for the rest."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gsam.meshes.config import PARTS

__all__ = ["BETAS", "CAMERA", "ROT6D", "LocallyConnected", "State", "linear_layers", "part_layers"]

ROT6D, BETAS, CAMERA = 6, 10, 3
"""Numbers of a joint's rotation, of the shape, of the camera."""


class State(NamedTuple):
    """A guess: pose (B, 6, 24), rot6d of every joint; shape (B, 10); camera (B, 3)."""

    pose: Tensor
    shape: Tensor
    camera: Tensor


class LocallyConnected(nn.Module):
    """(B, inputs, 24) to (B, outputs, 24), a linear map of its own for every part, no bias.

    The weight has the reference's shape (1, outputs, inputs, 24, 1, 1).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, outputs, inputs, PARTS, 1, 1))
        nn.init.normal_(self.weight, std=inputs**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the parts, each by its own matrix."""
        return torch.einsum("ocj,bcj->boj", self.weight[0, ..., 0, 0], features)


def part_layers(inputs: int, hidden: int, layers: int) -> nn.Module:
    """`layers` locally connected layers to six numbers per part, nothing in between."""
    if layers == 1:
        return LocallyConnected(inputs, ROT6D)
    widths = [inputs, *[hidden] * (layers - 1), ROT6D]
    return nn.Sequential(*map(LocallyConnected, widths[:-1], widths[1:]))


def linear_layers(inputs: int, hidden: int, outputs: int, layers: int) -> nn.Module:
    """`layers` linear layers, nothing in between."""
    if layers == 1:
        return nn.Linear(inputs, outputs)
    widths = [inputs, *[hidden] * (layers - 1), outputs]
    return nn.Sequential(*map(nn.Linear, widths[:-1], widths[1:]))

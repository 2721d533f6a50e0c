"""Layers over tokens, applied along the joints or along the frames of (B, T, J, C)."""

from collections.abc import Callable

from torch import Tensor

Layer = Callable[[Tensor], Tensor]
"""Maps (N, L, C) -> (N, L, C)."""


def along_joints(layer: Layer, tokens: Tensor) -> Tensor:
    """Joints are the tokens of every frame: (B, T, J, C) -> (B, T, J, C)."""
    return layer(tokens.flatten(0, 1)).view_as(tokens)


def along_frames(layer: Layer, tokens: Tensor) -> Tensor:
    """Frames are the tokens of every joint: (B, T, J, C) -> (B, T, J, C)."""
    turned = tokens.transpose(1, 2)
    paths = layer(turned.flatten(0, 1))
    return paths.view(turned.shape).transpose(1, 2)

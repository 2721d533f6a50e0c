"""Batches gathered by index from resident clips, and the loss on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gsam.clips import ClipSet
from gsam.skeletons import H36M_17, mirror
from gsam.training.order import Head, Order

__all__ = ["Batch", "Gather", "batch_errors"]


@dataclass(frozen=True)
class Batch:
    """keypoints (B, T, J, 2), target (B, T', J, 3), weight (B, T'): 1 on supervised frames, else 0.

    T' is T for sequence heads and 1 for centre heads.
    """

    keypoints: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor


class Gather:
    """Gathers windows of clips; frames outside a clip repeat its edge frame, unsupervised.

    Holds every frame twice, as it is and mirrored, so that a batch is one copy of contiguous rows:
    twice the memory of the clips' keypoints and targets, beside the clips themselves.
    """

    def __init__(self, clips: ClipSet, frames: int, head: Head) -> None:
        """Make the tables that every gather reads, on the clips' device."""
        self.head = head
        self.offsets = torch.arange(frames, device=clips.device)
        self.middle = frames // 2
        self.joints, self.num_frames = clips.joints, clips.num_frames
        self.valid = None if bool(clips.valid.all()) else clips.valid
        self.keypoints, self.targets = _with_mirror(clips.keypoints), _with_mirror(clips.targets)

    def __call__(self, order: Order) -> Batch:
        """The windows of `order`, in its order."""
        places = order.starts[:, None] + self.offsets
        inside = places.clamp(order.first[:, None], order.last[:, None])
        if self.head == "centre":
            supervised = inside[:, self.middle : self.middle + 1]
            weight = torch.ones_like(supervised, dtype=torch.float32)
        else:
            supervised = inside
            weight = (inside == places).to(torch.float32)
        if self.valid is not None:
            weight = weight * self.valid[supervised]
        half = order.mirrored[:, None] * self.num_frames
        keypoints = self._rows(self.keypoints, inside + half)
        return Batch(keypoints, self._rows(self.targets, supervised + half), weight)

    def _rows(self, table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """(2 N, J * C) at (B, T) -> (B, T, J, C)."""
        return table.index_select(0, index.flatten()).view(*index.shape, self.joints, -1)


def _with_mirror(frames: torch.Tensor) -> torch.Tensor:
    """(N, J, C) -> (2 N, J * C): the frames, then their mirror images."""
    return torch.cat([frames, mirror(frames, H36M_17)]).flatten(1)


def batch_errors(
    predicted: torch.Tensor, batch: Batch, *, motion: bool = False
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Sums over supervised frames of the mean joint error and, with `motion`, of the mean error of
    the frame-to-frame difference, in metres.

    predicted (B, T', J, 3) metres. Sums, not means, so that uneven slices of a batch add up.
    """
    difference = predicted.float() - batch.target
    per_frame = torch.linalg.vector_norm(difference, dim=-1).mean(dim=-1)
    position = (per_frame * batch.weight).sum()
    if not motion:
        return position, None
    step = difference[:, 1:] - difference[:, :-1]
    per_step = torch.linalg.vector_norm(step, dim=-1).mean(dim=-1)
    return position, (per_step * pair_weight(batch.weight)).sum()


def pair_weight(weight: torch.Tensor) -> torch.Tensor:
    """Weight of consecutive pairs of frames (B, T' - 1): 1 where both are supervised."""
    return weight[:, 1:] * weight[:, :-1]

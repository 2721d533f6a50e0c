"""Batches gathered by index from resident clips, and the loss on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gsam.clips import ClipSet
from gsam.skeletons import H36M_17
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
    """Gathers windows of clips; frames outside a clip repeat its edge frame, unsupervised."""

    def __init__(self, clips: ClipSet, frames: int, head: Head) -> None:
        """Keep the clips and what every gather needs on their device."""
        device = clips.device
        self.clips = clips
        self.head = head
        self.offsets = torch.arange(frames, device=device)
        self.middle = frames // 2
        self.swap = torch.tensor(H36M_17.mirror_permutation, device=device)
        self.all_valid = bool(clips.valid.all())
        # x changes its sign in a mirror; joints are swapped by index afterwards.
        self.flip2 = torch.tensor([-1.0, 1.0], device=device)
        self.flip3 = torch.tensor([-1.0, 1.0, 1.0], device=device)

    def __call__(self, order: Order) -> Batch:
        """The windows of `order`, in its order."""
        places = order.starts[:, None] + self.offsets
        inside = places.clamp(order.first[:, None], order.last[:, None])
        keypoints = self.clips.keypoints[inside]
        if self.head == "centre":
            supervised = inside[:, self.middle : self.middle + 1]
            weight = torch.ones_like(supervised, dtype=torch.float32)
        else:
            supervised = inside
            weight = (inside == places).to(torch.float32)
        if not self.all_valid:
            weight = weight * self.clips.valid[supervised]
        target = self.clips.targets[supervised]
        mirrored = order.mirrored[:, None, None, None]
        keypoints = torch.where(mirrored, keypoints[:, :, self.swap] * self.flip2, keypoints)
        target = torch.where(mirrored, target[:, :, self.swap] * self.flip3, target)
        return Batch(keypoints, target, weight)


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

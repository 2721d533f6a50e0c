"""Detection as a training task: crops of people, the family's own loss, people kept back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from gsam.detectors.config import DetectorConfig
from gsam.detectors.feed import Cropper
from gsam.detectors.inputs import normalise
from gsam.detectors.objective import decode, make_targets, per_sample_loss
from gsam.detectors.order import held_out_people
from gsam.errors import DataError
from gsam.images import ImageSet
from gsam.metrics.keypoint_accuracy import CROP_HEIGHT
from gsam.training.config import SampleConfig
from gsam.training.feed import ArrayBatch, Feed, side_by_side, stack
from gsam.training.ranks import Ranks
from gsam.training.sampling import SampleOrder
from gsam.training.task import Checked, CurveRow, Epoch, Loss

__all__ = ["DetectionTask", "TrainingBatch"]

PROBED_PEOPLE = 32
CHECKED_AT_ONCE = 64

Outputs = tuple[torch.Tensor, ...]


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """On the task's device: images (B, h, w, 3) uint8, points (B, J, 2) px of the crop, weight
    (B, J), counted (B,): 0 for people that are computed without weight, else 1."""

    images: torch.Tensor
    points: torch.Tensor
    weight: torch.Tensor
    counted: torch.Tensor


class DetectionTask:
    """Trains (B, 3, h, w) -> heatmaps of the detector's family; its error is the loss."""

    def __init__(
        self,
        images: ImageSet,
        config: DetectorConfig,
        samples: SampleConfig,
        feed: Feed,
        device: str | torch.device = "cpu",
    ) -> None:
        """`feed` makes the training crops; those of the people kept back are made here, once.

        Raises:
            DataError: nobody to train on, or an image that cannot be decoded.
        """
        self.config, self.samples, self.feed = config, samples, feed
        self.device = torch.device(device)
        self.people, validated = held_out_people(images, samples.validation_samples)
        if not len(self.people):
            raise DataError(f"{images.folder}: nobody with a box and a labelled joint to train on")
        # Where nobody is held out, some who are trained on show at least a divergence.
        self.validated = bool(len(validated))
        shown = validated if self.validated else self.people[:PROBED_PEOPLE]
        cropper = Cropper(images, config)
        self.fixed = self._moved(stack([cropper(person, 0) for person in shown.tolist()]))

    def _moved(self, crops: ArrayBatch) -> TrainingBatch:
        arrays = (crops.arrays[name] for name in ("image", "points", "weight"))
        images, points, weight = (torch.from_numpy(array).to(self.device) for array in arrays)
        counted = torch.full((len(images),), 0.0 if crops.spare else 1.0, device=self.device)
        return TrainingBatch(images, points, weight, counted)

    def reference(self, model: nn.Module) -> float:
        """The loss of empty heatmaps on the fixed people."""
        shapes = model(normalise(self.config, self.fixed.images[:1]))

        def empty(inputs: torch.Tensor) -> Outputs:
            return tuple(torch.zeros_like(part).expand(len(inputs), -1, -1, -1) for part in shapes)

        return self._measured(empty, CHECKED_AT_ONCE).error

    def epoch(
        self, *, seed: int, epoch: int, batch_size: int, ranks: Ranks
    ) -> Epoch[TrainingBatch]:
        """People in an order that follows from seed and epoch."""
        limit = self.samples.epoch_samples
        order = SampleOrder((self.people,), (1.0,), seed, batch_size, limit)
        slices = side_by_side(self.feed, order, ranks, epoch)
        return Epoch(order.size, len(order.cuts), map(self._all_moved, slices))

    def _all_moved(self, slices: Iterable[ArrayBatch]) -> list[TrainingBatch]:
        return [self._moved(crops) for crops in slices]

    def inputs(self, batch: TrainingBatch) -> torch.Tensor:
        """The crops as the family wants them."""
        return normalise(self.config, batch.images)

    def counts(self, batch: TrainingBatch) -> torch.Tensor:
        """People."""
        return batch.counted.sum()[None]

    def loss(self, outputs: Outputs, batch: TrainingBatch, counts: torch.Tensor) -> Loss:
        """The family's loss, averaged over people."""
        total = (self._losses(outputs, batch) * batch.counted).sum()
        return Loss(total / counts[0], torch.stack([total.detach(), batch.counted.sum()]))

    def _losses(self, outputs: Outputs, batch: TrainingBatch) -> torch.Tensor:
        targets = make_targets(self.config, batch.points, batch.weight)
        answer = tuple(part.float() for part in outputs)
        return per_sample_loss(self.config, answer, targets, batch.weight)

    def check(self, model: nn.Module, batch_size: int) -> Checked:
        """Loss on the fixed people, and the mean distance of supervised joints from their place."""
        return self._measured(model, min(batch_size, CHECKED_AT_ONCE))

    def _measured(self, answer: Callable[[torch.Tensor], Outputs], size: int) -> Checked:
        loss, pixels, joints = torch.zeros(3, dtype=torch.float64, device=self.device).unbind()
        people = len(self.fixed.images)
        for start in range(0, people, size):
            part = slice(start, start + size)
            fixed = self.fixed
            batch = TrainingBatch(
                fixed.images[part], fixed.points[part], fixed.weight[part], fixed.counted[part]
            )
            outputs = answer(self.inputs(batch))
            loss = loss + self._losses(outputs, batch).sum()
            points, _ = decode(self.config, outputs[-1].float())
            distance = torch.linalg.vector_norm(points - batch.points, dim=-1)
            supervised = batch.weight > 0
            pixels = pixels + distance[supervised].sum()
            joints = joints + supervised.sum()
        scale = CROP_HEIGHT / self.config.height
        return Checked(
            float(loss / people), {"val_mean_px": scale * float(pixels / joints.clamp(min=1))}
        )

    def columns(self, error: float | None, checked: Checked | None) -> CurveRow:
        """Losses, and the mean error in pixels of a crop 256 px high."""
        shown = checked if self.validated else None
        return {
            "train_loss": error,
            "val_loss": shown.error if shown else None,
            "val_mean_px": shown.more["val_mean_px"] if shown else None,
        }

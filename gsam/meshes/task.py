"""Mesh regression as a training task: crops of people, PARE's losses, people kept for a curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gsam.body.joints import OPENPOSE_JOINTS, BodyJoints
from gsam.body.mean_params import MeanParams
from gsam.body.rotations import axis_angle_to_matrix, rot6d_to_matrix
from gsam.body.smpl import JOINTS, Posed, SmplBody
from gsam.meshes.config import MeshConfig
from gsam.meshes.fixed import FixedPeople
from gsam.meshes.inputs import normalise
from gsam.meshes.losses import (
    PART_CLASSES,
    MeshLossConfig,
    MeshTruth,
    Prediction,
    counts,
    total,
)
from gsam.meshes.native import project_like
from gsam.meshes.output import MeshOutput
from gsam.metrics.mesh import mpjpe, pa_mpjpe
from gsam.training.feed import ArrayBatch, Feed, side_by_side
from gsam.training.ranks import Ranks
from gsam.training.sampling import SampleOrder
from gsam.training.task import Checked, CurveRow, Epoch, Loss
from gsam.weak_perspective import CROP_FOCAL, project_perspective, weak_to_translation

__all__ = ["MeshBatch", "MeshTask"]

CHECKED_AT_ONCE = 64

Answer = Callable[[Tensor], MeshOutput]


class MeshBatch(NamedTuple):
    """On the task's device: images (B, S, S, 3) uint8 RGB and what is known of them."""

    images: Tensor
    truth: MeshTruth


class MeshTask:
    """Trains (B, 3, S, S) -> MeshOutput; its error is the loss."""

    def __init__(
        self,
        config: MeshConfig,
        losses: MeshLossConfig,
        body: SmplBody,
        mean: MeanParams,
        order: SampleOrder,
        feed: Feed,
        fixed: FixedPeople,
        device: str | torch.device = "cpu",
    ) -> None:
        """
        Args:
            body: the neutral body that answers are turned into joints by.
            mean: what divergence is measured against.
            order: of which samples an epoch is; its seed, batch size and ranks are not read.
            feed: makes the training samples.
            fixed: at least one person.

        Raises:
            DataError: the body lacks what one of its 49 joints or J_regressor_h36m is read from.
        """
        self.config, self.losses, self.mean = config, losses, mean
        self.order, self.feed, self.held_out = order, feed, fixed.held_out
        self.device = torch.device(device)
        small, joints = BodyJoints.of(body).compact()
        self.body, self.joints = small.to(self.device), joints.to(self.device)
        self.fixed = self._moved(ArrayBatch(fixed.arrays))
        self.h36m = fixed.h36m

    def _moved(self, batch: ArrayBatch) -> MeshBatch:
        found = {name: torch.from_numpy(a).to(self.device) for name, a in batch.arrays.items()}
        counted = torch.full((len(batch),), 0.0 if batch.spare else 1.0, device=self.device)
        truth = MeshTruth(
            keypoints=found["keypoints"],
            joints=found["joints3d"],
            rotations=axis_angle_to_matrix(found["pose"].view(-1, JOINTS, 3)),
            shape=found["betas"],
            has_smpl=found["has_smpl"],
            has_3d=found["has_3d"],
            counted=counted,
            parts=found["parts"].long() if self._supervises("part_segm") else None,
        )
        if self._supervises("softargmax"):
            truth = truth._replace(native=self._native(truth))
        return MeshBatch(found["image"], truth)

    def _supervises(self, heatmaps: str) -> bool:
        return self.config.name == "pare" and self.config.heatmaps == heatmaps

    def _native(self, truth: MeshTruth) -> Tensor:
        """Where the skeleton's joints are in the crops (B, 24, 3); confidence 0 without SMPL."""
        posed = self.body(truth.shape, truth.rotations)
        known = self.joints.joints49(posed)[:, OPENPOSE_JOINTS:]
        found = project_like(posed.joints, known, truth.keypoints[:, OPENPOSE_JOINTS:])
        confidence = found[..., 2:] * truth.has_smpl[:, None, None]
        return torch.cat([found[..., :2], confidence], dim=-1)

    def reference(self, model: nn.Module) -> float:
        """The loss of the mean parameters on the fixed people."""
        rotations = rot6d_to_matrix(torch.from_numpy(self.mean.pose).view(JOINTS, 6))
        shape, camera = torch.from_numpy(self.mean.shape), torch.from_numpy(self.mean.cam)
        mean = [value[None].to(self.device) for value in (rotations, shape, camera)]

        def answer(inputs: Tensor) -> MeshOutput:
            people = len(inputs)
            known = (value.expand(people, *value.shape[1:]) for value in mean)
            parts = torch.zeros(people, PART_CLASSES, 1, 1, device=self.device)
            points = torch.zeros(people, JOINTS, 2, device=self.device)
            return MeshOutput._make((*known, parts, None, points))

        return self._measured(answer, CHECKED_AT_ONCE).error

    def epoch(self, *, seed: int, epoch: int, batch_size: int, ranks: Ranks) -> Epoch[MeshBatch]:
        """People of all sources in an order that follows from seed and epoch."""
        order = replace(self.order, seed=seed, batch_size=batch_size)
        slices = side_by_side(self.feed, order, ranks, epoch)
        return Epoch(order.size, len(order.cuts), map(self._all_moved, slices))

    def _all_moved(self, slices: Iterable[ArrayBatch]) -> list[MeshBatch]:
        return [self._moved(batch) for batch in slices]

    def inputs(self, batch: MeshBatch) -> Tensor:
        """The crops as networks trained on ImageNet want them."""
        return normalise(batch.images)

    def counts(self, batch: MeshBatch) -> Tensor:
        """What each term of the loss is averaged over."""
        return counts(batch.truth)

    def loss(self, outputs: MeshOutput, batch: MeshBatch, counts: Tensor) -> Loss:
        """PARE's loss, each term averaged over the samples that have its annotation."""
        answer, _ = self._predicted(outputs)
        value, _ = total(self.losses, answer, batch.truth, counts)
        # The terms have divisors of their own: what is reported is each batch's loss times its
        # people, whose number is the divisor of the first term.
        people = batch.truth.counted.sum()
        return Loss(value, torch.stack([value.detach() * counts[0], people.double()]))

    def _predicted(self, output: MeshOutput) -> tuple[Prediction, Posed]:
        """The answer in single precision with its joints, and the posed body of few vertices."""
        rotations, shape, camera = (value.float() for value in output[:3])
        posed = self.body(shape, rotations)
        joints = self.joints.joints49(posed)
        size = self.config.size
        translation = weak_to_translation(camera, CROP_FOCAL, size)
        projected = project_perspective(joints, translation, CROP_FOCAL) / (size / 2)
        parts, native = (None if v is None else v.float() for v in (output.parts, output.keypoints))
        return Prediction(rotations, shape, camera, joints, projected, parts, native), posed

    def check(self, model: nn.Module, batch_size: int) -> Checked:
        """Loss, MPJPE and PA-MPJPE in millimetres (14 joints, as PARE) on the fixed people."""
        return self._measured(model, min(batch_size, CHECKED_AT_ONCE))

    def _measured(self, model: Answer, size: int) -> Checked:
        divisors = counts(self.fixed.truth).clamp(min=1)
        loss, found = torch.zeros((), dtype=torch.float64, device=self.device), []
        for start in range(0, len(self.fixed.images), size):
            chosen = slice(start, start + size)
            truth = MeshTruth._make(None if v is None else v[chosen] for v in self.fixed.truth)
            answer, posed = self._predicted(model(normalise(self.fixed.images[chosen])))
            loss += total(self.losses, answer, truth, divisors)[0]
            found.append(self.body.h36m_joints(posed.vertices))
        joints = torch.cat(found).cpu().numpy()
        if not np.isfinite(joints).all():
            return Checked(math.nan, {})
        errors = {"val_mpjpe_mm": mpjpe, "val_pa_mpjpe_mm": pa_mpjpe}
        return Checked(
            float(loss),
            {name: 1000 * float(of(joints, self.h36m).mean()) for name, of in errors.items()},
        )

    def columns(self, error: float | None, checked: Checked | None) -> CurveRow:
        """Losses, and errors of joints in millimetres."""
        shown = checked if self.held_out else None
        return {
            "train_loss": error,
            "val_loss": shown.error if shown else None,
            "val_mpjpe_mm": shown.more["val_mpjpe_mm"] if shown else None,
            "val_pa_mpjpe_mm": shown.more["val_pa_mpjpe_mm"] if shown else None,
        }

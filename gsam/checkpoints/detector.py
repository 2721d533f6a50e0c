"""Turn a published 2D detector into one of ours, strictly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gsam.checkpoints.infer import infer_config, is_detector
from gsam.checkpoints.key_report import KeyReport, compare_keys, fitting_weights
from gsam.checkpoints.read import Checkpoint
from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig

__all__ = ["TranslatedDetector", "holds_detector", "translate_detector"]


@dataclass(frozen=True, kw_only=True)
class TranslatedDetector:
    """A checkpoint in our terms; `weights` load strictly if and only if `report.complete`."""

    config: DetectorConfig
    weights: dict[str, Tensor]
    report: KeyReport


def holds_detector(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is one of HRNet, CPN, hourglass or SimpleBaseline."""
    return is_detector(checkpoint.state)


def translate_detector(
    checkpoint: Checkpoint,
    where: str,
    joint_set: str | None = None,
    size: tuple[int, int] | None = None,
) -> TranslatedDetector:
    """Compare a published detector with the module that its shapes describe.

    `joint_set` and `size` (height, width in px) override what `infer_config` assumes. Nothing is
    dropped or renamed beyond the wrappers' prefixes; half-precision weights become float32.

    Raises:
        DataError: keys of no known detector, or an ImageNet classifier's.
        ConfigError: a joint set or a size that the weights cannot have.
    """
    state = checkpoint.state
    config = infer_config(state, where, joint_set, size)
    with torch.device("meta"):
        expected = build_detector(config).state_dict()
    report = compare_keys(state, expected)
    weights = fitting_weights(report, state, expected)
    return TranslatedDetector(config=config, weights=weights, report=report)

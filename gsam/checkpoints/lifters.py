"""Turn a published lifter into one of ours, strictly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import torch
from torch import Tensor

from gsam.checkpoints.infer_lifter import assumptions, infer_lifter_config, is_lifter
from gsam.checkpoints.key_report import KeyReport, compare_keys, fitting_weights
from gsam.checkpoints.read import Checkpoint
from gsam.lifters.build import build_lifter
from gsam.lifters.config import LifterConfig
from gsam.skeletons import H36M_17

__all__ = ["TranslatedLifter", "holds_lifter", "translate_lifter"]

# VideoPose3D's files for videos of one's own: the same shapes, another order of the joints.
_COCO_INPUTS = ("detectron_coco", "d-pt-243")


@dataclass(frozen=True, kw_only=True)
class TranslatedLifter:
    """A checkpoint in our terms; `weights` load strictly if and only if `report.complete`.

    left_out: other state dicts in the file, such as VideoPose3D's `model_traj`.
    assumed: what the weights do not tell, in words.
    problem: why its answers would not be metres for the clips here; "" if it can.
    """

    config: LifterConfig
    weights: dict[str, Tensor]
    report: KeyReport
    left_out: tuple[str, ...]
    assumed: tuple[str, ...]
    problem: str


def holds_lifter(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is a lifter's, or of what is published beside one."""
    return is_lifter(checkpoint.state)


def translate_lifter(checkpoint: Checkpoint, where: str) -> TranslatedLifter:
    """Compare a published lifter with the module that its shapes describe.

    Nothing is dropped or renamed beyond the wrappers' prefixes; half-precision weights become
    float32.

    Raises:
        DataError: keys of no known lifter, P-STMO's, or a refine module's.
        ConfigError: sizes that the lifter cannot have.
    """
    config = infer_lifter_config(checkpoint.state, where)
    with torch.device("meta"):
        expected = build_lifter(config).state_dict()
    report = compare_keys(checkpoint.state, expected)
    return TranslatedLifter(
        config=config,
        weights=fitting_weights(report, checkpoint.state, expected),
        report=report,
        left_out=checkpoint.beside,
        assumed=assumptions(config),
        problem=_problem(config, PurePath(where).name),
    )


def _problem(config: LifterConfig, name: str) -> str:
    """Why the answers would not be metres for Human3.6M's 17 joints."""
    if config.name == "martinez":
        return (
            "Martinez' published weights take and give poses standardised by the mean and "
            "deviation of their training data, which are not in the file"
        )
    if config.joints != len(H36M_17.joints):
        return f"{config.joints} joints, the clips here have Human3.6M's {len(H36M_17.joints)}"
    if any(mark in name for mark in _COCO_INPUTS):
        return "takes COCO's 17 joints in COCO's order, the clips here have Human3.6M's"
    return ""

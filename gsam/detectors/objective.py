"""What a detector is trained towards and read by: targets, loss and decoding of every family."""

from torch import Tensor

from gsam.detectors.config import DetectorConfig
from gsam.detectors.cpn_decoding import cpn_decode
from gsam.detectors.cpn_losses import cpn_loss
from gsam.detectors.cpn_targets import cpn_targets
from gsam.detectors.decoding import decode_heatmaps
from gsam.detectors.hourglass_decoding import hourglass_decode
from gsam.detectors.hourglass_losses import hourglass_loss
from gsam.detectors.hourglass_targets import hourglass_targets
from gsam.detectors.losses import joints_mse
from gsam.detectors.targets import HeatmapTargets, gaussian_targets

Targets = Tensor | HeatmapTargets


def make_targets(config: DetectorConfig, points: Tensor, weight: Tensor) -> Targets:
    """What the heat maps of a batch should be, in the form that the family's loss takes.

    `points` (B, J, 2) are x, y in pixels of the input, `weight` (B, J) is 0 for a joint that is not
    labelled. Runs on the device of `points`, whole batches at once.
    """
    if config.name == "cpn":
        return cpn_targets(config, points, weight)
    if config.name == "hourglass":
        return hourglass_targets(config, points, weight)
    return gaussian_targets(config, points, weight)


def per_sample_loss(
    config: DetectorConfig, outputs: tuple[Tensor, ...], targets: Targets, weight: Tensor
) -> Tensor:
    """Loss of every sample (B,); its mean is the reference's loss of the batch.

    `outputs` is what the detector answers, `targets` what `make_targets` made of the same
    `weight` (B, J).
    """
    if isinstance(targets, HeatmapTargets):
        return joints_mse(outputs[-1], targets.maps, targets.weight, config.hard_joints)
    loss = cpn_loss if config.name == "cpn" else hourglass_loss
    return loss(outputs, targets, weight)


def decode(
    config: DetectorConfig, heatmaps: Tensor, quarter_offset: bool = True
) -> tuple[Tensor, Tensor]:
    """Points (B, J, 2) in pixels of the input and scores (B, J) of heat maps (B, J, h, w).

    `quarter_offset` moves a maximum a quarter of a cell towards its larger neighbour.
    """
    if config.name == "cpn":
        return cpn_decode(config, heatmaps, quarter_offset)
    if config.name == "hourglass":
        return hourglass_decode(config, heatmaps, quarter_offset)
    return decode_heatmaps(config, heatmaps, quarter_offset)

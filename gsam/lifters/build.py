"""From a lifter's configuration to its module."""

from gsam.lifters.config import LifterConfig, check
from gsam.lifters.gsam import Gsam
from gsam.lifters.lifter import Lifter
from gsam.lifters.martinez import Martinez
from gsam.lifters.mixste import MixSTE
from gsam.lifters.motionbert import MotionBert
from gsam.lifters.poseformer import PoseFormer
from gsam.lifters.strided import StridedTransformer
from gsam.lifters.videopose3d import VideoPose3D


def build_lifter(config: LifterConfig) -> Lifter:
    """A lifter with fresh weights.

    It maps (B, T, J, features) normalised keypoints to (B, 1 or T, J, 3) metres, root-relative,
    or to the picture's units where the configuration says so. Raises ConfigError naming every
    problem of the configuration.
    """
    lifter = _built(check(config))
    lifter.units = config.units
    return lifter


def _built(config: LifterConfig) -> Lifter:
    if config.name == "poseformer":
        return PoseFormer(config)
    if config.name == "videopose3d":
        return _videopose3d(config)
    if config.name == "martinez":
        return _martinez(config)
    if config.name == "strided":
        return _strided(config)
    if config.name == "mixste":
        return MixSTE(config)
    if config.name == "motionbert":
        return MotionBert(config)
    return Gsam(config)


def _videopose3d(config: LifterConfig) -> VideoPose3D:
    return VideoPose3D(
        filter_widths=config.resolved_strides(),
        joints=config.joints,
        features=config.features,
        joints_out=config.joints,
        channels=config.resolved_channels(),
        dropout=config.dropout,
    )


def _martinez(config: LifterConfig) -> Martinez:
    return Martinez(
        joints=config.joints,
        features=config.features,
        channels=config.resolved_channels(),
        stages=config.stages,
        dropout=config.dropout,
    )


def _strided(config: LifterConfig) -> StridedTransformer:
    return StridedTransformer(
        frames=config.frames,
        strides=config.resolved_strides(),
        layers=config.layers,
        channels=config.resolved_channels(),
        hidden=config.hidden,
        heads=config.heads,
        joints=config.joints,
        joints_out=config.joints,
        features=config.features,
        dropout=config.dropout,
        head=config.head,
    )

"""Networks that lift 2D keypoints to 3D poses, behind one configuration and one interface."""

from gsam.lifters.build import build_lifter
from gsam.lifters.config import LifterConfig
from gsam.lifters.parameters import count_parameters
from gsam.lifters.scoring import lift_clip, lift_clip_flipped

__all__ = ["LifterConfig", "build_lifter", "count_parameters", "lift_clip", "lift_clip_flipped"]

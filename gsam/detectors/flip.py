"""The flip test: heat maps of an image averaged with those of its mirror image."""

import torch
from torch import Tensor

from gsam.detectors.config import DetectorConfig
from gsam.skeletons import Skeleton

# Cell c of these families stands for input pixel 4 c, so that mirrored maps lie most of a cell off.
SHIFTED = ("hrnet", "simplebaseline")


def flip_average(config: DetectorConfig, direct: Tensor, mirrored: Tensor) -> Tensor:
    """Mean of the heat maps (B, J, h, w) of crops and of the same crops mirrored.

    `mirrored` is what the detector answered to the mirrored crops, in their own orientation.
    """
    back = flip_back(mirrored, config.skeleton, shift=config.name in SHIFTED)
    return (direct + back) * 0.5


def flip_back(heatmaps: Tensor, skeleton: Skeleton, *, shift: bool) -> Tensor:
    """Heat maps (B, J, h, w) of mirrored crops as if they had not been mirrored.

    `shift` moves them one column to the right; the first column keeps its values.
    """
    back = heatmaps.flip(3)[:, list(skeleton.mirror_permutation)]
    return torch.cat([back[..., :1], back[..., :-1]], dim=-1) if shift else back

"""The checkpoints that people bring, by name: who publishes them, and who registers for them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["PUBLISHED", "Published", "published"]


@dataclass(frozen=True)
class Published:
    """Files of one publisher: patterns of their names, where they are, what they become here.

    licensed: whether one registers for them, with the authors of the data behind them.
    """

    patterns: tuple[str, ...]
    source: str
    network: str
    licensed: bool = False


PUBLISHED = (
    Published(("detected*f.bin", "gt*f.bin"), "github.com/zczcwh/PoseFormer", "PoseFormer"),
    Published(
        ("pretrained_h36m_*.bin", "cpn-pt-243.bin", "d-pt-243.bin"),
        "github.com/facebookresearch/VideoPose3D",
        "VideoPose3D",
    ),
    Published(
        ("no_refine_*.pth",),
        "github.com/Vegetebird/StridedTransformer-Pose3D",
        "StridedTransformer",
    ),
    Published(
        ("pose_hrnet_w*.pth", "hrnet_w*.pth"),
        "github.com/leoxiaobin/deep-high-resolution-net.pytorch",
        "HRNet",
    ),
    Published(
        ("pose_resnet_*.pth*",),
        "github.com/microsoft/human-pose-estimation.pytorch",
        "SimpleBaseline",
    ),
    Published(("CPN*.pth*",), "github.com/GengDavid/pytorch-cpn", "CPN"),
    Published(
        ("pare_*checkpoint.ckpt", "hmr_*checkpoint.ckpt"), "pare.is.tue.mpg.de", "PARE", True
    ),
)
"""StridedTransformer's `refine_*.pth` are no lifters: see gsam/checkpoints/lifters.py."""


def published(name: str) -> Published | None:
    """Whose file a name is, if it is a published one's."""
    match = (one for one in PUBLISHED if any(fnmatchcase(name, each) for each in one.patterns))
    return next(match, None)

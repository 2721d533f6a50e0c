"""The paper's lifter: PoseFormer that also mixes neighbouring joints (SAM) and frames (TAM)."""

from gsam.lifters.group_attention import GroupAttention
from gsam.lifters.poseformer import ExtraModule, PoseFormer

SAM_KERNEL = 5  # "groups of five keypoints", equation 3
TAM_KERNEL = 3  # equation 6


class Gsam(PoseFormer):
    """PoseFormer with group spatial attention.

    Reads PoseFormer's fields and `sam`, `tam` (where in a block, or none) and `conv`: `depthwise`
    as the text says (+23,552 parameters at the paper's size) or `grouped` (+272,128, closest to the
    counts of table VIII): full convolutions in SAM, `width` = 32 groups in TAM. With `sam` and
    `tam` none it is PoseFormer, key by key.
    """

    def spatial_extra(self) -> tuple[str, ExtraModule | None]:
        """SAM: along the joints of a frame."""
        config = self.config
        return config.sam, self._maker(
            config.sam,
            width=config.width,
            kernel=SAM_KERNEL,
            groups=config.width if config.conv == "depthwise" else 1,
        )

    def temporal_extra(self) -> tuple[str, ExtraModule | None]:
        """TAM: along the frames of a window."""
        config = self.config
        token = config.joints * config.width
        return config.tam, self._maker(
            config.tam,
            width=token,
            kernel=TAM_KERNEL,
            groups=token if config.conv == "depthwise" else config.width,
        )

    def _maker(self, position: str, *, width: int, kernel: int, groups: int) -> ExtraModule | None:
        if position == "none":
            return None
        return lambda: GroupAttention(
            width, kernel=kernel, conv_groups=groups, norm_groups=self.config.heads
        )

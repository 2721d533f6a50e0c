"""Losses on heat maps of HRNet and SimpleBaseline."""

from torch import Tensor


def joints_mse(heatmaps: Tensor, targets: Tensor, weight: Tensor, hard_joints: int = 0) -> Tensor:
    """Half the mean squared difference of weighted heat maps, for every sample (B,).

    `heatmaps` and `targets` are (B, J, h, w), `weight` (B, J). With `hard_joints` only that many of
    a sample's worst joints count (online hard keypoint mining). The mean over the batch is the
    reference's JointsMSELoss or JointsOHKMMSELoss; the differences are taken in single precision
    at least.
    """
    if not heatmaps.dtype.is_floating_point or heatmaps.dtype.itemsize < 4:
        heatmaps = heatmaps.float()
    difference = (heatmaps - targets) * weight[..., None, None]
    per_joint = 0.5 * difference.square().mean(dim=(2, 3))
    if hard_joints:
        return per_joint.topk(hard_joints, dim=1).values.mean(dim=1)
    return per_joint.mean(dim=1)

"""Where mesh regressors start from: the mean parameters, in buffers and in fresh weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from gsam.body.mean_params import MEAN_CAMERA, MeanParams
from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.iterative import Regressors
from gsam.meshes.regressors import BETAS, ROT6D, LocallyConnected

__all__ = ["mean_buffers", "rest_params", "start_at_mean", "start_small"]

RELU_MEAN = 0.4
"""Mean of a standard normal number whose negative values are set to 0."""
SPREAD = 0.1  # of fresh rot6d around the mean's, whose columns have length 1
SMALL_GAIN = 0.01


def rest_params() -> MeanParams:
    """The rest pose of the mean body in the middle of the crop, for want of anything better."""
    identity = np.eye(3, dtype=np.float32)[:, :2].ravel()
    camera = np.array(MEAN_CAMERA, dtype=np.float32)
    return MeanParams(np.tile(identity, PARTS), np.zeros(BETAS, dtype=np.float32), camera)


def mean_buffers(mean: MeanParams) -> dict[str, Tensor]:
    """The mean under the reference's names: `init_pose`, `init_shape`, `init_cam`, (1, n) each."""
    values = {"init_pose": mean.pose, "init_shape": mean.shape, "init_cam": mean.cam}
    return {name: torch.tensor(array)[None] for name, array in values.items()}


def start_at_mean(config: MeshConfig, regressors: Regressors, mean: MeanParams) -> None:
    """Fresh final layers of PARE that answer about the mean parameters.

    Features of parts are means of rectified numbers, so that equal weights on all of them answer
    the mean's rot6d times something positive, which is the same rotation. What adds the mean
    anyway starts near 0.
    """
    with torch.no_grad():
        _small(regressors.shape, None if _adds_shape(config) else mean.shape)
        _small(regressors.camera, None if config.mean_camshape else mean.cam)
        layer = regressors.pose
        if isinstance(layer, LocallyConnected) and not config.mean_pose and not config.iterative:
            inputs = layer.weight.shape[2]
            pose = torch.tensor(mean.pose, device=layer.weight.device).view(PARTS, ROT6D).T
            layer.weight.mul_(SPREAD).add_(pose[None, :, None, :, None, None] / RELU_MEAN / inputs)


def _adds_shape(config: MeshConfig) -> bool:
    return config.mean_camshape or config.iterative


def _small(layers: nn.Module, answer: np.ndarray | None) -> None:
    """Let stacked linear layers answer next to `answer`, or to 0."""
    last = layers[-1] if isinstance(layers, nn.Sequential) else layers
    if not isinstance(last, nn.Linear):
        raise TypeError(f"expected linear layers, got {type(last).__name__}")
    start_small(last)
    if answer is not None:
        last.bias.copy_(torch.tensor(answer))


def start_small(layer: nn.Linear) -> None:
    """Fresh weights whose answers are next to 0."""
    nn.init.xavier_uniform_(layer.weight, gain=SMALL_GAIN)
    nn.init.zeros_(layer.bias)

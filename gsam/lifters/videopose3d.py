"""VideoPose3D.

Pavllo et al., 3D human pose estimation in video with temporal convolutions, 2019.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsam.lifters.channels_last import batch_norm, convolve
from gsam.lifters.dropout import Dropout
from gsam.lifters.lifter import Lifter


class VideoPose3D(Lifter):
    """Temporal convolutions without padding: (B, T, J, features) -> (B, T - R + 1, J_out, 3).

    R, the receptive field, is the product of `filter_widths` (all odd). A window of exactly R
    frames is computed with strides instead of dilations (the official single-frame form for
    training: same weights, same answer, no wasted frames). `causal` moves the residual so that the
    answer is for the newest frame, `dense` uses undilated kernels of the same reach. Frames stay
    the second axis throughout, so that every convolution is one matrix product. State-dict keys are
    those of the official implementation.
    """

    def __init__(
        self,
        *,
        filter_widths: Sequence[int],
        joints: int = 17,
        features: int = 2,
        joints_out: int = 17,
        channels: int = 1024,
        dropout: float = 0.25,
        causal: bool = False,
        dense: bool = False,
    ) -> None:
        super().__init__()
        self.joints, self.features = joints, features
        self.joints_out = joints_out
        self.filter_widths = tuple(filter_widths)
        self.dense = dense
        self.dilations = _dilations(self.filter_widths)
        self.pads = [
            (width - 1) * step // 2
            for width, step in zip(filter_widths, self.dilations, strict=True)
        ]
        self.receptive_field = 1 + 2 * sum(self.pads)
        self.causal = causal
        self.target_frame = self.receptive_field - 1 if causal else self.receptive_field // 2

        self.drop = Dropout(dropout)
        self.expand_conv = nn.Conv1d(joints * features, channels, filter_widths[0], bias=False)
        self.expand_bn = nn.BatchNorm1d(channels)
        kernels = [
            2 * pad + 1 if dense else width
            for pad, width in zip(self.pads, filter_widths, strict=True)
        ]
        self.layers_conv = nn.ModuleList()
        self.layers_bn = nn.ModuleList()
        for kernel in kernels[1:]:
            self.layers_conv.append(nn.Conv1d(channels, channels, kernel, bias=False))
            self.layers_conv.append(nn.Conv1d(channels, channels, 1, bias=False))
            self.layers_bn.extend([nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)])
        self.shrink = nn.Conv1d(channels, 3 * joints_out, 1)

    def forward(self, keypoints: Tensor) -> Tensor:
        """Lift every frame whose receptive field lies inside the clip."""
        clip = keypoints.flatten(2)
        single = clip.shape[1] == self.receptive_field and not self.dense
        tokens = self._strided(clip) if single else self._dilated(clip)
        return convolve(tokens, self.shrink).unflatten(-1, (self.joints_out, 3))

    def set_momentum(self, momentum: float) -> None:
        """Set the momentum of every batch norm; the official recipe lets it decay, 0.1 to 0.001."""
        for norm in (self.expand_bn, *self.layers_bn):
            norm.momentum = momentum

    def _activate(self, tokens: Tensor, norm: nn.BatchNorm1d) -> Tensor:
        """Batch norm, ReLU, dropout."""
        return self.drop(functional.relu(batch_norm(tokens, norm)))

    def _strided(self, clip: Tensor) -> Tensor:
        widths = self.filter_widths
        tokens = self._activate(convolve(_fold(clip, widths[0]), self.expand_conv), self.expand_bn)
        for index, width in enumerate(widths[1:]):
            kept = tokens[:, (width - 1 if self.causal else width // 2) :: width]
            tokens = kept + self._pair(_fold(tokens, width), index)
        return tokens

    def _dilated(self, clip: Tensor) -> Tensor:
        widths = self.filter_widths
        tokens = self._activate(
            convolve(_gather(clip, widths[0], 1), self.expand_conv), self.expand_bn
        )
        for index, (width, step, pad) in enumerate(
            zip(widths[1:], self.dilations[1:], self.pads[1:], strict=True)
        ):
            first = pad + (width // 2 * step if self.causal else 0)
            kept = tokens[:, first : first + tokens.shape[1] - 2 * pad]
            taps = _gather(tokens, 2 * pad + 1, 1) if self.dense else _gather(tokens, width, step)
            tokens = kept + self._pair(taps, index)
        return tokens

    def _pair(self, taps: Tensor, index: int) -> Tensor:
        """The two convolutions of residual block `index` on gathered frames (B, T', width * C)."""
        for layer in (2 * index, 2 * index + 1):
            conv = cast(nn.Conv1d, self.layers_conv[layer])
            norm = cast(nn.BatchNorm1d, self.layers_bn[layer])
            taps = self._activate(convolve(taps, conv), norm)
        return taps


def _fold(tokens: Tensor, width: int) -> Tensor:
    """Each `width` consecutive frames side by side, (B, T, C) -> (B, T // width, width * C)."""
    batch, frames, channels = tokens.shape
    return tokens.view(batch, frames // width, width * channels)


def _gather(tokens: Tensor, width: int, step: int) -> Tensor:
    """`width` frames, `step` apart, from each frame on: (B, T, C) -> (B, T', width * C)."""
    count = tokens.shape[1] - (width - 1) * step
    return torch.cat([tokens[:, tap * step : tap * step + count] for tap in range(width)], dim=-1)


def _dilations(filter_widths: Sequence[int]) -> list[int]:
    """The product of all earlier filter widths."""
    steps = [1]
    for width in filter_widths[:-1]:
        steps.append(steps[-1] * width)
    return steps

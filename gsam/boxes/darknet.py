"""YOLOv3 in PyTorch from Darknet's own two files, its .cfg and its .weights.

Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018. OpenCV reads these files no longer.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gsam.boxes.darknet_config import DarknetConfig, Layer, read_darknet_config
from gsam.errors import DataError

__all__ = ["Darknet", "load_darknet"]

_SLOPE = 0.1
_EPSILON = 1e-6  # Darknet adds it to the root of the variance, not to the variance


class Darknet(nn.Module):
    """The network of a .cfg file; batch norms are part of the convolutions' weights.

    Images (B, 3, H, W), RGB from 0 to 1, give the raw map (B, anchors (5 + classes), h, w) of each
    yolo layer, in the file's order.
    """

    def __init__(self, config: DarknetConfig) -> None:
        super().__init__()
        self.config = config
        self.convolutions = nn.ModuleDict(
            {
                str(index): nn.Conv2d(
                    layer.inputs, layer.shape[0], layer.size, layer.stride, layer.padding
                )
                for index, layer in enumerate(config.layers)
                if layer.kind == "convolutional"
            }
        )
        self._last_use = {
            source: index for index, layer in enumerate(config.layers) for source in layer.sources
        }

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Answers of the yolo layers, not decoded."""
        outputs: dict[int, Tensor] = {-1: images}
        heads: list[Tensor] = []
        for index, layer in enumerate(self.config.layers):
            outputs[index] = self._run(index, layer, [outputs[source] for source in layer.sources])
            if layer.kind == "yolo":
                heads.append(outputs[index])
            for source in {*layer.sources, index}:
                if self._last_use.get(source, index) <= index:  # free what nobody will ask for
                    outputs.pop(source, None)
        return tuple(heads)

    def _run(self, index: int, layer: Layer, inputs: list[Tensor]) -> Tensor:
        if layer.kind == "convolutional":
            output = self.convolutions[str(index)](inputs[0])
        elif layer.kind == "shortcut":
            output = inputs[0] + inputs[1]
        elif layer.kind == "route":
            output = torch.cat(inputs, dim=1)
        elif layer.kind == "upsample":
            output = functional.interpolate(inputs[0], scale_factor=layer.stride, mode="nearest")
        elif layer.kind == "maxpool":
            before = (layer.size - 1) // 2
            after = layer.size - 1 - before
            padded = functional.pad(inputs[0], (before, after, before, after), value=-torch.inf)
            output = functional.max_pool2d(padded, layer.size, layer.stride)
        else:
            output = inputs[0]
        return functional.leaky_relu(output, _SLOPE) if layer.leaky else output


def load_darknet(config_path: str | Path, weights_path: str | Path) -> Darknet:
    """The network of a .cfg file with the numbers of its .weights file, in evaluation mode.

    Raises:
        DataError: a .cfg that is not understood, or a .weights file that is absent, too short, too
            long for the network, or holds a number that is not finite.
    """
    config = read_darknet_config(config_path)
    needed = sum(layer.values() for layer in config.layers)
    numbers = _read_numbers(weights_path, needed, Path(config_path).name)
    network = Darknet(config)
    place = 0
    for index, layer in enumerate(config.layers):
        end = place + layer.values()
        if layer.kind == "convolutional":
            _fill(network.convolutions[str(index)], layer, numbers[place:end], str(weights_path))
        place = end
    return network.eval()


def _read_numbers(path: str | Path, needed: int, config_name: str) -> NDArray[np.float32]:
    """All weights; the size of the file is checked before anything of that size is allocated."""
    try:
        with open(path, "rb") as stream:
            header = stream.read(20)
            if len(header) < 20:
                raise DataError(f"{path}: {len(header)} bytes, not a Darknet .weights file")
            major, minor = struct.unpack("<2i", header[:8])
            # The count of images seen became 64 bits wide with version 0.2.
            start = 20 if major * 10 + minor >= 2 and max(major, minor) < 1000 else 16
            found = (Path(path).stat().st_size - start) / 4
            if found != needed:
                expected = f"expected {needed} for the layers of {config_name}"
                raise DataError(f"{path}: {found:g} numbers, {expected}")
            stream.seek(start)
            return np.frombuffer(stream.read(4 * needed), "<f4")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _fill(convolution: nn.Module, layer: Layer, numbers: NDArray[np.float32], where: str) -> None:
    """Biases, then (with a norm) scales, means and variances, then the kernels (out, in, k, k)."""
    if not np.isfinite(numbers).all():
        raise DataError(f"{where}: a weight is not finite")
    filters = layer.shape[0]
    shape = (filters, layer.inputs, layer.size, layer.size)
    rows = 4 if layer.normalised else 1
    vectors = numbers[: rows * filters].reshape(rows, filters).astype(np.float64)
    kernels = numbers[rows * filters :].astype(np.float64).reshape(filters, -1)
    bias = vectors[0]
    if layer.normalised:
        _, scale, mean, variance = vectors
        if (variance < 0).any():
            raise DataError(f"{where}: a variance is below 0, the file is of another network")
        factor = scale / (np.sqrt(variance) + _EPSILON)
        kernels, bias = kernels * factor[:, None], bias - mean * factor
    convolution.load_state_dict(
        {
            "weight": torch.from_numpy(kernels).float().view(shape),
            "bias": torch.from_numpy(bias).float(),
        },
        strict=True,
    )

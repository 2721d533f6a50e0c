"""Files of YOLOv3 networks with random weights: Darknet's .cfg and .weights, and ONNX."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gsam.boxes.darknet import Darknet
from gsam.boxes.darknet_config import read_darknet_config

ANCHORS = "10,13,  16,30,  33,23,  30,61,  62,45,  59,119,  116,90,  156,198,  373,326"
DARKNET_53 = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))  # width and blocks of each stage


def yolov3_config(size: int = 416, thinner: int = 1, classes: int = 80) -> str:
    """yolov3.cfg: 107 layers, every width divided by `thinner`."""
    layers = [f"[net]\n# as yolov3.cfg\nwidth={size}\nheight={size}\nchannels=3\nmomentum=0.9\n"]

    def convolution(filters: int, kernel: int, stride: int = 1) -> None:
        layers.append(
            f"[convolutional]\nbatch_normalize=1\nfilters={filters // thinner}\nsize={kernel}\n"
            f"stride={stride}\npad=1\nactivation=leaky\n"
        )

    convolution(32, 3)
    for width, blocks in DARKNET_53:
        convolution(width, 3, 2)
        for _ in range(blocks):
            convolution(width // 2, 1)
            convolution(width, 3)
            layers.append("[shortcut]\nfrom=-3\nactivation=linear\n")
    for scale, (width, mask) in enumerate([(512, "6,7,8"), (256, "3,4,5"), (128, "0,1,2")]):
        if scale:
            layers.append("[route]\nlayers = -4\n")
            convolution(width, 1)
            layers.append("[upsample]\nstride=2\n")
            layers.append(f"[route]\nlayers = -1, {(61, 36)[scale - 1]}\n")
        for _ in range(3):
            convolution(width, 1)
            convolution(2 * width, 3)
        layers.append(
            f"[convolutional]\nsize=1\nstride=1\npad=1\nfilters={3 * (5 + classes)}\n"
            f"activation=linear\n\n[yolo]\nmask = {mask}\nanchors = {ANCHORS}\n"
            f"classes={classes}\nnum=9\njitter=.3\nrandom=1\n"
        )
    return "\n".join(layers)


def write_network(folder: Path, text: str, seed: int = 0) -> tuple[Path, Path]:
    """The .cfg, and a .weights file of random numbers of a trained network's size."""
    config_path, weights_path = folder / "net.cfg", folder / "net.weights"
    config_path.write_text(text)
    random = np.random.default_rng(seed)
    parts = [struct.pack("<3iq", 0, 2, 0, 12345)]
    for layer in read_darknet_config(config_path).layers:
        if layer.kind != "convolutional":
            continue
        filters, fan = layer.shape[0], layer.inputs * layer.size**2
        vectors = [random.normal(0, 0.3, filters)]
        if layer.normalised:
            vectors += [
                random.uniform(0.5, 1.5, filters),
                random.normal(0, 0.3, filters),
                random.uniform(0.5, 1.5, filters),
            ]
        kernels = random.normal(0, fan**-0.5, filters * fan)
        parts += [value.astype("<f4").tobytes() for value in (*vectors, kernels)]
    weights_path.write_bytes(b"".join(parts))
    return config_path, weights_path


def onnx_bytes(network: Darknet) -> bytes:
    """The network as an ONNX model (opset 13) that answers the raw maps of its yolo layers."""
    layers = network.config.layers
    graph = [_text(2, "yolo")]
    weights: list[bytes] = []
    names = {-1: "image"}
    heads: list[tuple[str, Sequence[int]]] = []
    for index, layer in enumerate(layers):
        inputs, name = [names[source] for source in layer.sources], f"out{index}"
        if layer.kind == "yolo":
            names[index] = inputs[0]
            heads.append((inputs[0], layer.shape))
            continue
        if layer.kind == "convolutional":
            state = network.convolutions[str(index)].state_dict()
            weights += [_tensor(f"{key}{index}", state[key].numpy()) for key in ("weight", "bias")]
            inputs += [f"weight{index}", f"bias{index}"]
            attributes = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
            node = _node("Conv", inputs, name, ints=attributes)
        elif layer.kind == "shortcut":
            node = _node("Add", inputs, name)
        elif layer.kind == "route":
            node = _node("Concat", inputs, name, axis=1)
        else:
            scales = np.array([1, 1, layer.stride, layer.stride], np.float32)
            weights.append(_tensor(f"scales{index}", scales))
            texts = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            inputs += ["", f"scales{index}"]
            node = _node("Resize", inputs, name, texts={"mode": "nearest", **texts})
        graph.append(_field(1, node))
        if layer.leaky:
            graph.append(_field(1, _node("LeakyRelu", [name], f"leaky{index}", alpha=0.1)))
            name = f"leaky{index}"
        names[index] = name
    size = (network.config.height, network.config.width)
    graph += [_field(5, weight) for weight in weights]
    graph.append(_field(11, _value("image", (1, 3, *size))))
    graph += [_field(12, _value(name, (1, *shape))) for name, shape in heads]
    return _number(1, 8) + _field(7, b"".join(graph)) + _field(8, _text(1, "") + _number(2, 13))


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 127:
        content.append(value % 128 + 128)
        value //= 128
    return bytes([*content, value])


def _number(field: int, value: int) -> bytes:
    return _varint(8 * field) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(8 * field + 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _field(field, text.encode())


def _node(
    kind: str,
    inputs: Sequence[str],
    output: str,
    *,
    ints: dict[str, list[int]] | None = None,
    texts: dict[str, str] | None = None,
    axis: int | None = None,
    alpha: float | None = None,
) -> bytes:
    content = [*(_text(1, name) for name in inputs), _text(2, output), _text(4, kind)]
    for name, values in (ints or {}).items():
        numbers = b"".join(_number(8, value) for value in values)
        content.append(_field(5, _text(1, name) + numbers + _number(20, 7)))
    for name, text in (texts or {}).items():
        content.append(_field(5, _text(1, name) + _text(4, text) + _number(20, 3)))
    if axis is not None:
        content.append(_field(5, _text(1, "axis") + _number(3, axis) + _number(20, 2)))
    if alpha is not None:
        value = _varint(8 * 2 + 5) + struct.pack("<f", alpha)
        content.append(_field(5, _text(1, "alpha") + value + _number(20, 1)))
    return b"".join(content)


def _tensor(name: str, array: np.ndarray) -> bytes:
    sides = b"".join(_number(1, side) for side in array.shape)
    return sides + _number(2, 1) + _text(8, name) + _field(9, array.astype("<f4").tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(_field(1, _number(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, 1) + _field(2, sides)))

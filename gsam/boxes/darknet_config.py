"""The layers of a YOLOv3 network as Darknet's .cfg file describes them: wiring and sizes.

A file that holds anything else than what the network here computes is refused by line: a setting
that is passed over in silence is a network that computes something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gsam.boxes.darknet_text import Section, read_sections
from gsam.errors import DataError

__all__ = ["DarknetConfig", "Layer", "read_darknet_config"]

_MAX_SIDE = 4096
_MAX_CHANNELS = 65536
_MAX_KERNEL = 31
_MAX_LAYERS = 1000
_TRAINING = {"jitter", "ignore_thresh", "truth_thresh", "random"}  # of [yolo]; not used here

Shape = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: `sources` are the layers it takes (-1: the image), `shape` (C, H, W) its answer's.

    A field that the kind has no use for keeps its default. `anchors` are widths and heights in px
    of the network's input.
    """

    kind: str
    sources: tuple[int, ...]
    shape: Shape
    inputs: int = 0
    size: int = 1
    stride: int = 1
    padding: int = 0
    normalised: bool = False
    leaky: bool = False
    anchors: tuple[tuple[int, int], ...] = ()
    classes: int = 0

    def values(self) -> int:
        """How many numbers of a .weights file belong to the layer."""
        if self.kind != "convolutional":
            return 0
        filters = self.shape[0]
        return filters * (4 if self.normalised else 1) + filters * self.inputs * self.size**2


@dataclass(frozen=True, kw_only=True)
class DarknetConfig:
    """A network: its input's size in px and its layers in the file's order."""

    height: int
    width: int
    layers: tuple[Layer, ...]


def read_darknet_config(path: str | Path) -> DarknetConfig:
    """Read a YOLOv3 .cfg file.

    Raises:
        DataError: absent or no text, a layer or a setting that is not known, or layers that do not
            fit each other; the message names the line.
    """
    sections = read_sections(path)
    if not sections or sections[0].kind not in ("net", "network"):
        raise DataError(f"{path}: expected the section [net] first")
    net, *rest = sections
    if len(rest) > _MAX_LAYERS:
        raise DataError(f"{path}: {len(rest)} layers, expected at most {_MAX_LAYERS}")
    net.whole("channels", 3, 3)
    height, width = (net.whole(key, 32, _MAX_SIDE) for key in ("height", "width"))
    layers: list[Layer] = []
    for section in rest:
        # The image stands last, so that the layer before the first one, -1, is the image.
        shapes = [*(layer.shape for layer in layers), (3, height, width)]
        layers.append(_layer(section, len(layers), shapes))
    if not any(layer.kind == "yolo" for layer in layers):
        raise DataError(f"{path}: no [yolo] layer, expected a YOLOv3 detector")
    return DarknetConfig(height=height, width=width, layers=tuple(layers))


def _layer(section: Section, index: int, shapes: list[Shape]) -> Layer:
    if section.kind not in _MAKERS:
        raise section.error(f"unknown layer, expected one of {', '.join(_MAKERS)}")
    settings, make = _MAKERS[section.kind]
    unknown = sorted(set(section.settings) - settings)
    if unknown:
        raise section.error(f"{unknown[0]} is not supported")
    layer = make(section, index, shapes)
    channels, height, width = layer.shape
    if channels > _MAX_CHANNELS or min(height, width) < 1 or max(height, width) > _MAX_SIDE:
        raise section.error(f"answers with the shape {layer.shape}")
    return layer


def _convolution(section: Section, index: int, shapes: list[Shape]) -> Layer:
    inputs, height, width = shapes[index - 1]
    size = section.whole("size", 1, _MAX_KERNEL, default=1)
    stride = section.whole("stride", 1, _MAX_KERNEL, default=1)
    padding = size // 2 if section.whole("pad", 0, 1, default=0) else 0
    down, across = ((side + 2 * padding - size) // stride + 1 for side in (height, width))
    return Layer(
        kind=section.kind,
        sources=(index - 1,),
        shape=(section.whole("filters", 1, _MAX_CHANNELS), down, across),
        inputs=inputs,
        size=size,
        stride=stride,
        padding=padding,
        normalised=bool(section.whole("batch_normalize", 0, 1, default=0)),
        leaky=_is_leaky(section),
    )


def _shortcut(section: Section, index: int, shapes: list[Shape]) -> Layer:
    (other,) = _referred(section, "from", index)
    if shapes[other] != shapes[index - 1]:
        raise section.error(f"adds the shapes {shapes[index - 1]} and {shapes[other]}")
    return Layer(
        kind=section.kind,
        sources=(index - 1, other),
        shape=shapes[other],
        leaky=_is_leaky(section),
    )


def _route(section: Section, index: int, shapes: list[Shape]) -> Layer:
    sources = _referred(section, "layers", index)
    sizes = {shapes[source][1:] for source in sources}
    if len(sizes) > 1:
        raise section.error(f"joins layers of the sizes {sorted(sizes)}")
    channels = sum(shapes[source][0] for source in sources)
    return Layer(kind=section.kind, sources=sources, shape=(channels, *sizes.pop()))


def _upsample(section: Section, index: int, shapes: list[Shape]) -> Layer:
    channels, height, width = shapes[index - 1]
    stride = section.whole("stride", 1, _MAX_KERNEL, default=2)
    shape = (channels, height * stride, width * stride)
    return Layer(kind=section.kind, sources=(index - 1,), shape=shape, stride=stride)


def _pool(section: Section, index: int, shapes: list[Shape]) -> Layer:
    channels, height, width = shapes[index - 1]
    stride = section.whole("stride", 1, _MAX_KERNEL, default=1)
    size = section.whole("size", 1, _MAX_KERNEL, default=stride)
    shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
    return Layer(kind=section.kind, sources=(index - 1,), shape=shape, size=size, stride=stride)


def _yolo(section: Section, index: int, shapes: list[Shape]) -> Layer:
    sides = section.wholes("anchors")
    pairs = list(zip(sides[::2], sides[1::2], strict=False))
    mask = section.wholes("mask")
    if min(sides) < 1 or not all(0 <= place < len(pairs) for place in mask):
        raise section.error(f"mask {mask} of the anchors {sides}: expected pairs above 0")
    classes = section.whole("classes", 1, _MAX_CHANNELS)
    shape = shapes[index - 1]
    if shape[0] != len(mask) * (5 + classes):
        needed = f"expected {len(mask)} anchors x (5 + {classes} classes)"
        raise section.error(f"the layer before has {shape[0]} channels, {needed}")
    anchors = tuple(pairs[place] for place in mask)
    return Layer(
        kind=section.kind, sources=(index - 1,), shape=shape, anchors=anchors, classes=classes
    )


def _is_leaky(section: Section) -> bool:
    activation = section.settings.get("activation", "linear")
    if activation not in ("leaky", "linear"):
        raise section.error(f"activation = {activation}: expected leaky or linear")
    return activation == "leaky"


def _referred(section: Section, key: str, index: int) -> tuple[int, ...]:
    """Layers that a setting names, counted from the start or, below 0, back from this one."""
    places = tuple(index + place if place < 0 else place for place in section.wholes(key))
    if not all(0 <= place < index for place in places) or (key == "from" and len(places) != 1):
        raise section.error(
            f"{key} = {section.settings[key]}: expected layers before number {index}"
        )
    return places


_Maker = Callable[[Section, int, list[Shape]], Layer]
_MAKERS: dict[str, tuple[set[str], _Maker]] = {
    "convolutional": (
        {"batch_normalize", "filters", "size", "stride", "pad", "activation"},
        _convolution,
    ),
    "shortcut": ({"from", "activation"}, _shortcut),
    "route": ({"layers"}, _route),
    "upsample": ({"stride"}, _upsample),
    "maxpool": ({"size", "stride"}, _pool),
    "yolo": ({"mask", "anchors", "classes", "num"} | _TRAINING, _yolo),
}

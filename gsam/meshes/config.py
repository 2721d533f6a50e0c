"""What a mesh regressor is made of: one flat, JSON-friendly record for PARE and HMR."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from gsam.body.smpl import JOINTS
from gsam.configs import nearest
from gsam.detectors.config import DEPTHS, STAGES
from gsam.errors import ConfigError

__all__ = ["PARTS", "MeshConfig", "check"]

Family = Literal["pare", "hmr"]
Backbone = Literal["hrnet_conv", "hrnet_interp", "resnet"]
Heatmaps = Literal["part_segm", "attention", "softargmax"]
PARTS = JOINTS
"""Parts of the body: one per joint of the SMPL tree."""
DIVISOR = 32  # of the input's side, in both backbones
KERNELS = (3, 4)  # of the transposed convolutions: those that exactly double a map
# What a round of the iterative regression may be told, under the reference's names.
POSE_INPUTS = (
    "feats",
    "neighbor_pose_feats",
    "all_pose",
    "self_pose",
    "neighbor_pose",
    "shape",
    "cam",
)
SHAPE_INPUTS = ("feats", "all_pose", "shape", "cam")
_AT_LEAST = {"coattention": 0, "attention_heads": 0}  # every other whole number: 1
_CHOICES = {"name": Family, "backbone": Backbone, "heatmaps": Heatmaps}


@dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """A mesh regressor's architecture; HMR ignores what only PARE has, and the other way round.

    The input is a person's square crop of `size` x `size` pixels; the answer is SMPL's pose, shape
    and a weak-perspective camera.

    Backbones. hrnet_conv, hrnet_interp: an HRNet with `channels` in its finest branch, `stem`,
    `bottlenecks`, `modules` and `blocks` as for the detectors; its four branches are brought to the
    finest one's size by convolutions or by interpolation. resnet: `depth` layers, `base` wide.

    PARE. Each of its two branches has `deconv_layers` layers of `deconv_filters` channels: plain
    convolutions on an HRNet; on a ResNet transposed ones of `deconv_kernel`, or interpolation and a
    convolution if `upsample`. `heatmaps` says what the part branch answers: part_segm (25 classes,
    which become the attention), attention (24 maps) or softargmax (24 points, at which features are
    read; `temperature` is its own). `shape_features` per part enter shape and camera.
    `pose_layers`, `pose_hidden`, `shape_layers`, `shape_hidden`: the stacked linear layers of the
    final regressors. `mean_pose`, `mean_camshape` add the mean parameters to what they answer.
    `iterative` regresses in `iterations` rounds, each told `pose_inputs` and `shape_inputs` of the
    one before, and adds to it if `residual`. `coattention` counts the passes in which both branches
    attend to each other; `branch_non_local` and `final_non_local` add non-local blocks to the
    branches and before the final regressors. `attention_heads` above 0 corrects the part maps by
    self-attention with keys of `attention_width`, every head its share of the parts; 0 is PARE
    exactly.

    HMR. `hidden` units, `iterations` rounds.
    """

    name: Family = "pare"
    backbone: Backbone = "hrnet_conv"
    size: int = 224
    channels: int = 32
    stem: int = 64
    bottlenecks: int = 4
    modules: tuple[int, ...] = (1, 4, 3)
    blocks: int = 4
    depth: int = 50
    base: int = 64
    heatmaps: Heatmaps = "part_segm"
    deconv_layers: int = 2
    deconv_filters: int = 128
    deconv_kernel: int = 4
    upsample: bool = False
    temperature: float = 1.0
    shape_features: int = 64
    pose_layers: int = 1
    pose_hidden: int = 256
    shape_layers: int = 1
    shape_hidden: int = 256
    mean_pose: bool = False
    mean_camshape: bool = False
    iterative: bool = False
    residual: bool = False
    iterations: int = 3
    pose_inputs: tuple[str, ...] = POSE_INPUTS
    shape_inputs: tuple[str, ...] = SHAPE_INPUTS
    coattention: int = 0
    branch_non_local: bool = False
    final_non_local: bool = False
    attention_heads: int = 0
    attention_width: int = 16
    hidden: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # as JSON gives it
                object.__setattr__(self, field.name, tuple(value))

    @property
    def hrnet(self) -> bool:
        """Whether the backbone is an HRNet."""
        return self.backbone != "resnet"

    @property
    def map_channels(self) -> int:
        """Maps of the part branch: with the background in part_segm mode."""
        return PARTS + 1 if self.heatmaps == "part_segm" else PARTS

    def problems(self) -> list[str]:
        """One line for each thing wrong: key, value, what is allowed; none when it can be built."""
        found = [*_field_problems(self), *_list_problems(self)]
        return found or list(_combination_problems(self))

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it; `MeshConfig(**json)` rebuilds it."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }


def check(config: MeshConfig) -> MeshConfig:
    """The same record, or ConfigError naming every problem in one line."""
    found = config.problems()
    if found:
        raise ConfigError(f"mesh: {'; '.join(found)}")
    return config


def _field_problems(config: MeshConfig) -> Iterator[str]:
    for key, choices in _CHOICES.items():
        value, allowed = getattr(config, key), get_args(choices)
        if value not in allowed:
            yield f"{key} = {value!r}: {nearest(str(value), allowed)}"
    for field in fields(config):
        value, least = getattr(config, field.name), _AT_LEAST.get(field.name, 1)
        if field.type == "int" and (type(value) is not int or value < least):
            yield f"{field.name} = {value!r}: expected a whole number of at least {least}"
        if field.type == "bool" and type(value) is not bool:
            yield f"{field.name} = {value!r}: expected true or false"
    if not _is_number(config.temperature) or not 0 < config.temperature < math.inf:
        yield f"temperature = {config.temperature!r}: expected a number above 0"


def _list_problems(config: MeshConfig) -> Iterator[str]:
    if len(config.modules) != len(STAGES) or not all(
        type(count) is int and count >= 1 for count in config.modules
    ):
        expected = f"expected {len(STAGES)} whole numbers of at least 1"
        yield f"modules = {list(config.modules)}: {expected}"
    for key, allowed in (("pose_inputs", POSE_INPUTS), ("shape_inputs", SHAPE_INPUTS)):
        names = getattr(config, key)
        unknown = [name for name in names if name not in allowed]
        if unknown:
            yield f"{key}: {unknown[0]!r}: {nearest(str(unknown[0]), allowed)}"
        elif "feats" not in names or len(set(names)) != len(names):
            yield f"{key} = {list(names)}: expected 'feats' among them and each name once"


def _combination_problems(config: MeshConfig) -> Iterator[str]:
    """What single fields cannot show; assumes every field is of the right kind."""
    if config.size % DIVISOR:
        yield f"size = {config.size}: expected a multiple of {DIVISOR}"
    if not config.hrnet and config.depth not in DEPTHS:
        yield f"depth = {config.depth}: expected one of {', '.join(map(str, DEPTHS))}"
    if config.name == "pare":
        yield from _pare_problems(config)
    elif config.attention_heads:
        yield f"attention_heads = {config.attention_heads}: hmr has no part maps, expected 0"


def _pare_problems(config: MeshConfig) -> Iterator[str]:
    if config.upsample and config.hrnet:
        yield f"upsample = true: {config.backbone} needs none, only resnet does"
    if not config.hrnet and config.deconv_kernel not in KERNELS:
        yield f"deconv_kernel = {config.deconv_kernel}: expected 3 or 4"
    if config.attention_heads and config.heatmaps == "softargmax":
        yield (
            f"attention_heads = {config.attention_heads}: softargmax has no attention maps, "
            "expected heatmaps = part_segm or attention"
        )
    if config.attention_heads and PARTS % config.attention_heads:
        yield f"attention_heads = {config.attention_heads}: expected 0 or a divisor of {PARTS}"
    if config.iterative and (config.final_non_local or config.mean_pose or config.mean_camshape):
        yield (
            "iterative = true: it starts from the mean parameters as it is and has no place for "
            "final_non_local, mean_pose or mean_camshape"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Which lifter a state dict belongs to, read off its keys and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from gsam.checkpoints.infer import Shapes, count
from gsam.errors import ConfigError, DataError
from gsam.lifters.config import PICTURE, LifterConfig

__all__ = ["assumptions", "infer_lifter_config", "is_lifter"]

HEADS = 8
"""Of every published transformer lifter; shapes do not show them."""

_MARKS = {
    "mixste": "STEblocks.0.norm1.weight",
    "motionbert": "blocks_st.0.attn_s.qkv.weight",
    "poseformer": "Spatial_blocks.0.norm1.weight",
    "strided": "Transformer.model.layers.0.self_attn.linears.0.weight",
    "martinez": "linear_stages.0.w1.weight",
    "videopose3d": "expand_conv.weight",
}
_STRIDED_INPUT = "encoder.0.weight"
# Files that come with lifters and are none, or belong to one that is not known here.
_REFUSED = {
    "post_refine.0.weight": (
        "StridedTransformer's refine module, which needs the camera and the lifter beside it: "
        "bring the lifter's own file (no_refine_*.pth)"
    ),
    "encoder.fc_1.weight": "P-STMO, which is not among the lifters here",
}


def is_lifter(state: Mapping[str, object]) -> bool:
    """Whether the keys, without prefixes of wrappers, are a lifter's, or of what comes with one."""
    return any(mark in state for mark in (*_MARKS.values(), *_REFUSED))


def infer_lifter_config(state: Mapping[str, Tensor], where: str) -> LifterConfig:
    """The configuration whose module has these weights; `assumptions` are what they do not tell.

    Raises:
        DataError: the keys are of no known lifter, or lack what its size is read from.
        ConfigError: sizes that the lifter cannot have.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    for mark, what in _REFUSED.items():
        if mark in shapes:
            raise DataError(f"{where}: holds {what}")
    for key, shape in shapes.items():
        if 0 in shape:  # may claim any length without a number behind it
            raise DataError(f"{where}: {key} of {shape} holds nothing")
    family = next((name for name, mark in _MARKS.items() if mark in shapes), None)
    if family is None:
        first = ", ".join(sorted(shapes)[:3])
        raise DataError(f"{where}: keys of no known lifter ({first}): expected {', '.join(_MARKS)}")
    if family == "strided" and _STRIDED_INPUT not in shapes:
        raise DataError(
            f"{where}: StridedTransformer's layers behind another input (no {_STRIDED_INPUT}), as "
            "P-STMO's, which is not among the lifters here"
        )
    try:
        config = LifterConfig(name=family, **_READERS[family](shapes))
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise DataError(f"{where}: {family} without a usable {error}, cannot be sized") from error
    problems = config.problems()
    if problems:
        raise ConfigError(f"{where}: {family}: {'; '.join(problems)}")
    return config


def assumptions(config: LifterConfig) -> tuple[str, ...]:
    """What the weights do not tell of a lifter, in words."""
    if config.name == "videopose3d":
        return ("assumed: centred dilated convolutions (not causal, not dense)",)
    if config.name == "martinez":
        return ()
    found = [f"assumed: {HEADS} heads"]
    if config.units == PICTURE:
        found.append("assumed: answers in the picture's units, as its authors train it (2.5D)")
    if config.name == "strided":
        strides = "x".join(str(stride) for stride in config.resolved_strides())
        found.append(f"assumed: strides {strides}")
    return tuple(found)


def _transformer(shapes: Shapes, block: str, stack: str, width: int) -> dict[str, Any]:
    """What a block, by the prefix of its attention, MLP and stack, says of a transformer."""
    attention, mlp = (f"{stack}.0.{part.format(block)}" for part in ("attn{}", "mlp{}"))
    return {
        "depth": count(shapes, rf"{stack}\.(\d+)\."),
        "heads": HEADS,
        "mlp_ratio": shapes[f"{mlp}.fc1.weight"][0] / width,
        "qkv_bias": f"{attention}.qkv.bias" in shapes,
    }


def _joints_then_frames(shapes: Shapes, stack: str, width_field: str) -> dict[str, Any]:
    """What PoseFormer and MixSTE share: tokens of joints, then of frames, by the same names."""
    _, joints, width = shapes["Spatial_pos_embed"]
    return {
        **_transformer(shapes, "", stack, width),
        "frames": shapes["Temporal_pos_embed"][1],
        "joints": joints,
        "features": shapes["Spatial_patch_to_embedding.weight"][1],
        width_field: width,
    }


def _poseformer(shapes: Shapes) -> dict[str, Any]:
    return {
        **_joints_then_frames(shapes, "Spatial_blocks", "width"),
        "head": "centre" if "weighted_mean.weight" in shapes else "sequence",
    }


def _mixste(shapes: Shapes) -> dict[str, Any]:
    return {**_joints_then_frames(shapes, "STEblocks", "channels"), "head": "sequence"}


def _motionbert(shapes: Shapes) -> dict[str, Any]:
    _, joints, width = shapes["pos_embed"]
    return {
        **_transformer(shapes, "_s", "blocks_st", width),
        "frames": shapes["temp_embed"][1],
        "joints": joints,
        "features": shapes["joints_embed.weight"][1],
        "channels": width,
        "representation": shapes["pre_logits.fc.weight"][0],
        "adaptive_fusion": "ts_attn.0.weight" in shapes,
        # What its authors train it for; weights do not tell, and ours are known by their record.
        "units": PICTURE,
        "head": "sequence",
    }


def _videopose3d(shapes: Shapes) -> dict[str, Any]:
    pairs = count(shapes, r"layers_conv\.(\d+)\.weight") // 2
    kernels = [f"layers_conv.{2 * pair}.weight" for pair in range(pairs)]
    widths = tuple(shapes[key][2] for key in (_MARKS["videopose3d"], *kernels))
    channels, inputs, _ = shapes[_MARKS["videopose3d"]]
    joints = shapes["shrink.weight"][0] // 3
    return {
        **_per_joint(inputs, joints, _MARKS["videopose3d"]),
        "frames": math.prod(widths),
        "strides": widths,
        "channels": channels,
    }


def _strided(shapes: Shapes) -> dict[str, Any]:
    channels, inputs, _ = shapes[_STRIDED_INPUT]
    return {
        **_per_joint(inputs, shapes["fcn.1.weight"][0] // 3, _STRIDED_INPUT),
        "frames": shapes["Transformer.pos_embedding"][1],
        "channels": channels,
        "hidden": shapes["Transformer.model.layers.0.feed_forward.w_1.weight"][0],
        "layers": count(shapes, r"Transformer\.model\.layers\.(\d+)\."),
        "heads": HEADS,
    }


def _martinez(shapes: Shapes) -> dict[str, Any]:
    channels, inputs = shapes["w1.weight"]
    return {
        **_per_joint(inputs, shapes["w2.weight"][0] // 3, "w1.weight"),
        "frames": 1,
        "channels": channels,
        "stages": count(shapes, r"linear_stages\.(\d+)\."),
    }


def _per_joint(inputs: int, joints: int, key: str) -> dict[str, int]:
    if inputs % joints:
        raise ValueError(f"{key}: {inputs} inputs for {joints} joints")
    return {"joints": joints, "features": inputs // joints}


_READERS: dict[str, Callable[[Shapes], dict[str, Any]]] = {
    "mixste": _mixste,
    "motionbert": _motionbert,
    "poseformer": _poseformer,
    "strided": _strided,
    "martinez": _martinez,
    "videopose3d": _videopose3d,
}

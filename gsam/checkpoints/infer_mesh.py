"""Which mesh regressor a state dict belongs to, read off its keys and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from gsam.checkpoints.infer import Shapes, count, hrnet_fields, resnet_fields
from gsam.configs import build
from gsam.errors import ConfigError, DataError
from gsam.meshes.config import PARTS, MeshConfig
from gsam.meshes.iterative import pose_width, shape_width

__all__ = ["infer_mesh_config", "is_mesh"]

_HMR = "head.fc1.weight"
_MAPS = "head.keypoint_final_layer.weight"
_DECONV = "head.keypoint_deconv_layers"


def is_mesh(state: Mapping[str, object]) -> bool:
    """Whether the keys, without prefixes of wrappers, are those of PARE or HMR."""
    return "backbone.conv1.weight" in state and (_HMR in state or _MAPS in state)


def infer_mesh_config(
    state: Mapping[str, Tensor], where: str, settings: Mapping[str, Any]
) -> MeshConfig:
    """The configuration whose module has these weights.

    `settings` are fields of a `MeshConfig`; they stand for what shapes do not show (see
    `gsam.checkpoints.pare_settings`) and overrule it. Unsaid, the input is 224 x 224 px, one round
    of co-attention if any, and no mean parameters are added to the answers.

    Raises:
        DataError: the keys are of no mesh regressor, or lack what its size is read from.
        ConfigError: settings that the weights cannot have, or that are needed and not there.
    """
    if not is_mesh(state):
        first = ", ".join(sorted(state)[:3])
        raise DataError(f"{where}: keys of no known mesh regressor ({first}): expected PARE or HMR")
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    try:
        fields = _backbone(shapes) | (_hmr(shapes) if _HMR in shapes else _pare(shapes))
    except (KeyError, IndexError) as error:
        raise DataError(f"{where}: mesh regressor without a usable {error}") from error
    if "head.temperature" in state and state["head.temperature"].numel() == 1:
        fields["temperature"] = float(state["head.temperature"])
    fields |= settings
    if "heatmaps" not in fields and fields["name"] == "pare":
        raise ConfigError(
            f"{where}: {PARTS} maps are those of two modes, name one: heatmaps = softargmax or "
            "attention"
        )
    config = build(MeshConfig, fields, where)
    _check_inputs(config, shapes, where)
    return config


def _backbone(shapes: Shapes) -> dict[str, Any]:
    if "backbone.transition1.0.0.weight" not in shapes:
        return {"backbone": "resnet", **resnet_fields(shapes, "backbone.")}
    convolves = any(key.startswith("backbone.upsample_stage_2.") for key in shapes)
    kind = "hrnet_conv" if convolves else "hrnet_interp"
    return {"backbone": kind, **hrnet_fields(shapes, "backbone.")}


def _hmr(shapes: Shapes) -> dict[str, Any]:
    return {"name": "hmr", "hidden": shapes[_HMR][0]}


def _pare(shapes: Shapes) -> dict[str, Any]:
    maps, filters = shapes[_MAPS][:2]
    layers = [size for key, size in sorted(shapes.items()) if _is_convolution(key, size)]
    upsample = f"{_DECONV}.0.weight" not in shapes  # nothing to learn comes first
    found = {
        "name": "pare",
        "deconv_layers": len(layers),
        "deconv_filters": filters,
        "shape_features": shapes["head.smpl_final_layer.weight"][0],
        "upsample": upsample,
        "coattention": int("head.coattention.linear_e.weight" in shapes),
        "branch_non_local": "head.branch_2d_nonlocal.g.weight" in shapes,
        "final_non_local": "head.final_pose_nonlocal.g.weight" in shapes,
        "iterative": _first(shapes, "head.pose_mlp")[2] != filters,
        **_stack(shapes, "pose"),
        **_stack(shapes, "shape"),
    }
    if "backbone.transition1.0.0.weight" not in shapes:
        found["deconv_kernel"] = layers[0][-1]
    if maps == PARTS + 1:
        found["heatmaps"] = "part_segm"
    return found


def _is_convolution(key: str, size: tuple[int, ...]) -> bool:
    return key.startswith(f"{_DECONV}.") and len(size) == 4


def _first(shapes: Shapes, name: str) -> tuple[int, ...]:
    """Shape of a regressor's only or first weight."""
    return shapes.get(f"{name}.weight") or shapes[f"{name}.0.weight"]


def _stack(shapes: Shapes, name: str) -> dict[str, int]:
    """Layers of a regressor, and how wide they are if there are several."""
    layers = count(shapes, rf"head\.{name}_mlp\.(\d+)\.weight$")
    if not layers:
        return {f"{name}_layers": 1}
    size = _first(shapes, f"head.{name}_mlp")
    return {f"{name}_layers": layers, f"{name}_hidden": size[1 if name == "pose" else 0]}


def _check_inputs(config: MeshConfig, shapes: Shapes, where: str) -> None:
    """What a round is told is not in the keys: its width must be that of the weights."""
    if config.name != "pare":
        return
    pose, shape = config.deconv_filters, PARTS * config.shape_features
    if config.iterative:
        pose = pose_width(config.pose_inputs, pose)
        shape = shape_width(config.shape_inputs, shape)
    found = (_first(shapes, "head.pose_mlp")[2], _first(shapes, "head.shape_mlp")[1])
    if found != (pose, shape):
        told = {key: asdict(config)[key] for key in ("iterative", "pose_inputs", "shape_inputs")}
        raise ConfigError(
            f"{where}: regressors take {found[0]} and {found[1]} numbers, but {pose} and {shape} "
            f"with {told}: name what they are told"
        )

"""Which detector a state dict belongs to, read off its keys and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gsam.detectors.config import DetectorConfig, Family
from gsam.detectors.resnet import BLOCKS
from gsam.errors import ConfigError, DataError

__all__ = ["Shapes", "count", "hrnet_fields", "infer_config", "is_detector", "resnet_fields"]

_MARKS: dict[Family, str] = {
    "cpn": "global_net.laterals.0.0.weight",
    "hourglass": "hgs.0.0.up1.bn1.weight",
    "simplebaseline": "deconv_layers.0.weight",
    "hrnet": "transition1.0.0.weight",
}
_MAPS: dict[Family, str] = {  # the layer whose output channels are the joints
    "cpn": "refine_net.final_predict.1.weight",
    "hourglass": "outs.0.conv.weight",
    "simplebaseline": "final_layer.weight",
    "hrnet": "final_layer.weight",
}
_CLASSIFIERS = ("classifier.weight", "fc.weight")  # of ImageNet's HRNet and ResNet
_JOINT_SETS = {17: "coco_17", 16: "mpii_16"}
Shapes = Mapping[str, tuple[int, ...]]


def is_detector(state: Mapping[str, object]) -> bool:
    """Whether the keys, without prefixes of wrappers, are those of a known detector."""
    return any(mark in state for mark in _MARKS.values())


def infer_config(
    state: Mapping[str, Tensor],
    where: str,
    joint_set: str | None = None,
    size: tuple[int, int] | None = None,
) -> DetectorConfig:
    """The configuration whose module has these weights.

    Weights know neither their joints' names nor the input's size (height, width): left out, they
    are COCO's for 17 maps and MPII's for 16, and 256 x 192 (MPII and hourglass: 256 x 256).

    Raises:
        DataError: the keys are of no known detector, or lack what its size is read from.
        ConfigError: the joint set has another number of joints.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    family = next((name for name, mark in _MARKS.items() if mark in shapes), None)
    if family is None:
        first = ", ".join(sorted(shapes)[:3])
        raise DataError(
            f"{where}: keys of no known detector ({first}): expected {', '.join(_MARKS)}"
        )
    try:
        joints = shapes[_MAPS[family]][0]
        read = {"hrnet": _hrnet, "cpn": _cpn, "hourglass": _hourglass}.get(family, _simplebaseline)
        architecture = read(shapes)
    except (KeyError, IndexError) as error:
        if any(key in shapes for key in _CLASSIFIERS):
            raise DataError(
                f"{where}: {family} that classifies pictures and finds no joints: only mesh "
                "regressors start from it (mesh.backbone in params.yaml)"
            ) from error
        raise DataError(f"{where}: {family} without a usable {error}, cannot be sized") from error
    joint_set = joint_set or _JOINT_SETS.get(joints)
    if joint_set is None:
        known = ", ".join(map(str, _JOINT_SETS))
        raise ConfigError(f"{where}: {joints} heat maps, name the joint set (known for {known})")
    square = family == "hourglass" or joint_set == "mpii_16"
    height, width = size or (256, 256 if square else 192)
    config = DetectorConfig(
        name=family, joint_set=joint_set, height=height, width=width, **architecture
    )
    problems = config.problems()
    if not problems and config.joints != joints:
        problems = [f"joint_set = {joint_set}: {config.joints} joints, the weights have {joints}"]
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}")
    return config


def hrnet_fields(shapes: Shapes, prefix: str) -> dict[str, Any]:
    """What a configuration says of the HRNet under `prefix`; KeyError for what cannot be sized."""
    trunk = re.escape(prefix)
    return {
        "channels": shapes[f"{prefix}transition1.0.0.weight"][0],
        "stem": shapes[f"{prefix}conv1.weight"][0],
        "bottlenecks": count(shapes, rf"{trunk}layer1\.(\d+)\."),
        "modules": tuple(count(shapes, rf"{trunk}stage{stage}\.(\d+)\.") for stage in (2, 3, 4)),
        "blocks": count(shapes, rf"{trunk}stage2\.0\.branches\.0\.(\d+)\."),
    }


def resnet_fields(shapes: Shapes, prefix: str) -> dict[str, Any]:
    """What a configuration says of the ResNet under `prefix`; KeyError for what cannot be sized."""
    trunk = re.escape(prefix)
    counts = tuple(count(shapes, rf"{trunk}layer{layer}\.(\d+)\.") for layer in (1, 2, 3, 4))
    depths = {blocks: depth for depth, blocks in BLOCKS.items()}
    if counts not in depths:
        raise KeyError(f"ResNet of {counts} blocks")
    return {"depth": depths[counts], "base": shapes[f"{prefix}conv1.weight"][0]}


def count(shapes: Shapes, pattern: str) -> int:
    """Number of modules in a list, from the numbers in its keys."""
    found = {match[1] for key in shapes if (match := re.match(pattern, key))}
    return len(found)


def _hrnet(shapes: Shapes) -> dict[str, Any]:
    return {**hrnet_fields(shapes, ""), "sigma": 2.0}


def _cpn(shapes: Shapes) -> dict[str, Any]:
    return {**resnet_fields(shapes, "resnet."), "features": shapes[_MARKS["cpn"]][0]}


def _simplebaseline(shapes: Shapes) -> dict[str, Any]:
    features = shapes[_MARKS["simplebaseline"]][1]
    return {**resnet_fields(shapes, ""), "features": features, "sigma": 2.0}


def _hourglass(shapes: Shapes) -> dict[str, Any]:
    features = shapes[_MARKS["hourglass"]][0]
    return {
        "stacks": count(shapes, r"hgs\.(\d+)\."),
        "features": features,
        "increase": shapes["hgs.0.0.low1.conv3.conv.weight"][0] - features,
        "stem": shapes["pre.0.conv.weight"][0],
    }

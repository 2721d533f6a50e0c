"""Resolve every detector's run: its family's file, scale, recipe, then the run's own keys."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gsam.configs import nearest, problems_of
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.errors import ConfigError
from gsam.training.config import SampleConfig, TrainConfig
from stages.compose import CONF, choice_problems, choices, composed
from stages.params import DETECTORS, Params, read_yaml

JOINT_SETS = {"human36m": "human36m_17", "coco": "coco_17", "mpii": "mpii_16"}
"""The pictures that a detector can learn from, and their own joints."""

PARTS = {
    "detector": DetectorConfig,
    "train": TrainConfig,
    "augment": AugmentConfig,
    "samples": SampleConfig,
}
"""The parts of a resolved run; a key of conf/detectors.yaml goes to the part that has it."""

KEYS = {part: {field.name for field in fields(cls)} for part, cls in PARTS.items()}
RUN_KEYS = set().union(*KEYS.values()) | {"family", "images"} - {"name", "joint_set"}


def resolve_detectors(params: Params) -> dict[str, dict[str, Any]]:
    """Every detector of conf/detectors.yaml as its stages read it, keyed by name.

    Raises:
        ConfigError: lists every problem of every detector.
    """
    declared = read_yaml(CONF / "detectors.yaml")
    problems = [f"conf/detectors.yaml: {d} must be there" for d in DETECTORS if d not in declared]
    runs = {}
    for name, own in declared.items():
        where = f"conf/detectors.yaml {name}"
        found = _key_problems(own or {}, where)
        if not found:
            runs[name] = _resolve(name, own, params)
            found = [
                problem
                for part, cls in {**PARTS, "full_detector": DetectorConfig}.items()
                for problem in problems_of(cls, runs[name][part], where)
            ]
        problems.extend(dict.fromkeys(found))
    if problems:
        raise ConfigError("; ".join(problems))
    return runs


def boxes_of(params: Params) -> str:
    """`truth`, or the path of the file of boxes or of a person detector."""
    boxes = params.detect["boxes"]
    return str(boxes if boxes == "truth" else params.raw_file("boxes", boxes))


def detect_options(params: Params, scale: Mapping[str, Any]) -> dict[str, Any]:
    """How a detector looks at pictures: what the scale says, then params.yaml."""
    set_ones = {key: value for key, value in params.detect.items() if value is not None}
    return {**scale["detect"], **set_ones, "boxes": boxes_of(params)}


def _key_problems(own: Mapping[str, Any], where: str) -> list[str]:
    found = [
        f"{where}: unknown key {k!r}; {nearest(k, RUN_KEYS)}" for k in own if k not in RUN_KEYS
    ]
    found += choice_problems(own, "family", choices("detector"), where)
    return found + choice_problems(own, "images", JOINT_SETS, where)


def _resolve(name: str, own: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Layer one run; later layers win. The full detector leaves the scale's shrinking out."""
    config = composed(params.data, params.scale, detector=own["family"])
    shrink = config["scale"].get("detectors", {})
    budget = config["scale"].get("detector_rows", {})
    layers = [
        config["detector_recipe"],
        budget.get("all", {}),
        budget.get(own["family"], {}),
        budget.get(own["images"], {}),
        own,
    ]
    recipe = {key: value for layer in layers for key, value in layer.items()}
    joints = {"joint_set": JOINT_SETS[own["images"]]}
    own_detector = {k: v for k, v in own.items() if k in KEYS["detector"]}
    small = {**shrink.get("all", {}), **shrink.get(own["family"], {})}
    run = {
        "name": name,
        "data": params.data,
        "scale": params.scale,
        "images": own["images"],
        "detector": {**config["detector"], **small, **own_detector, **joints},
        "full_detector": {**config["detector"], **own_detector, **joints},
        "detect": detect_options(params, config["scale"]),
        "seeds": params.seeds,
        "workers": params.workers,
    }
    for part in ("train", "augment", "samples"):
        run[part] = {key: value for key, value in recipe.items() if key in KEYS[part]}
    return run

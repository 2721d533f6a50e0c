"""Resolve every mesh regressor's run: its family's file, scale, recipe, then the run's own keys."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from gsam.configs import nearest, problems_of
from gsam.errors import ConfigError
from gsam.meshes.augment import MeshAugment
from gsam.meshes.config import MeshConfig
from gsam.meshes.losses import MeshLossConfig
from gsam.meshes.sources import MeshSamples
from gsam.training.config import TrainConfig
from stages.compose import CONF, choice_problems, choices, composed
from stages.params import Params, read_yaml
from stages.paths import BACKBONE

PARTS = {
    "mesh": MeshConfig,
    "train": TrainConfig,
    "augment": MeshAugment,
    "samples": MeshSamples,
    "losses": MeshLossConfig,
}
"""The parts of a resolved run; a key of conf/meshes.yaml goes to the part that has it."""

MIXED = ("mpii", "threedpw")
"""The sets of pictures that a regressor can learn from: those that dvc.yaml names."""

KEYS = {part: {field.name for field in fields(cls)} for part, cls in PARTS.items()}
RUN_KEYS = set().union(*KEYS.values()) | {"family"} - {"name"}


def resolve_meshes(params: Params) -> dict[str, dict[str, Any]]:
    """Every mesh regressor of conf/meshes.yaml as its stages read it, keyed by name.

    Raises:
        ConfigError: lists every problem of every run.
    """
    runs: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for name, own in read_yaml(CONF / "meshes.yaml").items():
        where = f"conf/meshes.yaml {name}"
        found = _key_problems(own or {}, where)
        if not found:
            runs[name] = _resolve(name, own, params)
            found = [
                problem
                for part, cls in {**PARTS, "full_mesh": MeshConfig}.items()
                for problem in problems_of(cls, runs[name][part], where)
            ]
        problems.extend(dict.fromkeys(found))
    if problems:
        raise ConfigError("; ".join(problems))
    return runs


def _key_problems(own: Mapping[str, Any], where: str) -> list[str]:
    found = [
        f"{where}: unknown key {k!r}; {nearest(k, RUN_KEYS)}" for k in own if k not in RUN_KEYS
    ]
    mix = own.get("mix")
    found += [
        f"{where}.mix: unknown set {name!r}; {nearest(str(name), MIXED)}"
        for name in (mix if isinstance(mix, dict) else ())
        if name not in MIXED
    ]
    return found + choice_problems(own, "family", choices("mesh"), where)


def _resolve(name: str, own: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Layer one run; later layers win. The full regressor leaves the scale's shrinking out."""
    config = composed(params.data, params.scale, mesh=own["family"])
    shrink = config["scale"].get("meshes", {})
    budget = config["scale"].get("mesh_rows", {})
    small = {**shrink.get("all", {}), **shrink.get(own["family"], {})}
    layers = [config["mesh_recipe"], budget.get("all", {}), budget.get(own["family"], {}), own]
    recipe = {key: value for layer in layers for key, value in layer.items()}
    own_mesh = {key: value for key, value in own.items() if key in KEYS["mesh"]}
    backbone = params.mesh.get("backbone")
    run = {
        "name": name,
        "data": params.data,
        "scale": params.scale,
        "mesh": {**config["mesh"], **small, **own_mesh},
        "full_mesh": {**config["mesh"], **own_mesh},
        "truth": params.mesh.get("truth", "neutral"),
        "backbone": str(BACKBONE / PurePosixPath(backbone).name) if backbone else None,
        "seeds": params.seeds,
        "workers": params.workers,
    }
    for part in ("train", "augment", "samples", "losses"):
        run[part] = {key: value for key, value in recipe.items() if key in KEYS[part]}
    return run

"""Compose conf/ by Hydra and resolve every lifter's run: lifter, scale, recipe, its own keys."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gsam.configs import nearest, problems_of
from gsam.errors import ConfigError
from gsam.lifters.config import METRES, LifterConfig
from gsam.training.config import TrainConfig, WindowConfig
from stages.params import PICTURED, SOURCES, THREEDHP, Params, read_yaml

CONF = Path("conf")

LIFTER_KEYS = {field.name for field in fields(LifterConfig)}
TRAIN_KEYS = {field.name for field in fields(TrainConfig)}
WINDOW_KEYS = {field.name for field in fields(WindowConfig)}
RUN_KEYS = LIFTER_KEYS | TRAIN_KEYS | WINDOW_KEYS | {"lifter", "keypoints"}


def choices(group: str) -> list[str]:
    """The names that a config group offers: its file names."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@cache
def composed(dataset: str, scale: str, **groups: str) -> dict[str, Any]:
    """The composed configuration of one dataset and scale; `groups` choose a lifter or detector.

    Raises:
        ConfigError: Hydra cannot compose the files.
    """
    chosen = {"dataset": dataset, "scale": scale, **groups}
    overrides = [f"{group}={choice}" for group, choice in chosen.items()]
    try:
        with initialize_config_dir(str(CONF.resolve()), version_base=None):
            config = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"conf/: {str(error).splitlines()[0]}") from None
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def group_problems(params: Params) -> list[str]:
    """Names in params.yaml that no file of their group has, each with the nearest that exists."""
    found = []
    for key, group in (("lifter", "lifter"), ("scale", "scale"), ("data", "dataset")):
        value = getattr(params, key)
        if value not in choices(group):
            found.append(f"params.yaml.{key} = {value!r}: {nearest(value, choices(group))}")
    return found


def resolve_runs(params: Params) -> dict[str, dict[str, Any]]:
    """Every run of conf/runs.yaml as its stages read it, keyed by name.

    Raises:
        ConfigError: lists every problem of every run.
    """
    declared = read_yaml(CONF / "runs.yaml")
    problems = group_problems(params)
    if problems:
        raise ConfigError("; ".join(problems))
    if declared.get("main", "absent") != {}:
        problems.append("conf/runs.yaml: main must be there and empty ({}): params.yaml shapes it")
    runs = {}
    for name, own in declared.items():
        where = f"conf/runs.yaml {name}" if name != "main" else "params.yaml"
        own = params.knobs() if name == "main" else own or {}
        found = _key_problems(own, where)
        if not found:
            runs[name], found = _resolve(name, own, params, where)
        problems.extend(found)
    if problems:
        raise ConfigError("; ".join(problems))
    return runs


def _key_problems(own: dict[str, Any], where: str) -> list[str]:
    found = [
        f"{where}: unknown key {k!r}; {nearest(k, RUN_KEYS)}" for k in own if k not in RUN_KEYS
    ]
    for key, allowed in (("lifter", choices("lifter")), ("keypoints", SOURCES)):
        found += choice_problems(own, key, allowed, where)
    return found


def choice_problems(
    own: Mapping[str, Any], key: str, allowed: Collection[str], where: str
) -> list[str]:
    """What is wrong with a key that must name one of `allowed`."""
    value = own.get(key)
    if value in allowed:
        return []
    return [f"{where}.{key} = {value!r}: {nearest(str(value), allowed)}"]


def _resolve(
    name: str, own: dict[str, Any], params: Params, where: str
) -> tuple[dict[str, Any], list[str]]:
    """Layer one run; later layers win. The full lifter leaves the scale's shrinking out."""
    config = composed(params.data, params.scale, lifter=own["lifter"])
    scale = config["scale"]
    paper = {k: v for k, v in own.items() if k in LIFTER_KEYS and k != "head"}
    if name != "main" and own["keypoints"] in PICTURED:
        own = {**own, **scale.get("rows_of_pictures", {})}
    shrink = scale.get("lifters", {}).get(own["lifter"], {})
    own_lifter = {k: v for k, v in own.items() if k in LIFTER_KEYS}
    own_train = {k: v for k, v in own.items() if k in TRAIN_KEYS | WINDOW_KEYS}
    budget = scale.get("main" if name == "main" else "rows", {})
    shrink = {**shrink, **budget.get("lifters", {}).get(own["lifter"], {})}
    budget = {**budget.get("all", {}), **budget.get(own["lifter"], {})}
    if name != "main" and own["keypoints"] in THREEDHP:
        # Another dataset, of another size: the scale gives it budgets of its own.
        smaller = scale.get("rows_of_threedhp", {})
        budget |= {**smaller.get("all", {}), **smaller.get(own["lifter"], {})}
    lifter = {**config["lifter"], **shrink, **own_lifter}
    full = {**config["lifter"], **paper}
    train = {**config["recipe"], **budget, **own_train}
    # Windows do not overlap unless the run says so (paper 1, IV-B).
    train["stride"] = train.get("stride") or lifter.get("frames")
    windows = {key: value for key, value in train.items() if key in WINDOW_KEYS}
    train = {key: value for key, value in train.items() if key not in WINDOW_KEYS}
    found = problems_of(LifterConfig, lifter, where)
    found += [p for p in problems_of(LifterConfig, full, where) if p not in found]
    if full.get("units", METRES) != METRES:
        found.append(
            f"{where}.units = {full['units']!r}: lifters are trained to answer in {METRES}"
        )
    found += problems_of(TrainConfig, train, where)
    found += problems_of(WindowConfig, windows, where)
    run = {
        "name": name,
        "data": params.data,
        "scale": params.scale,
        "keypoints": own["keypoints"],
        "frames": lifter.get("frames"),
        "lifter": lifter,
        "full_lifter": full,
        "train": train,
        "windows": windows,
        "seeds": params.seeds,
        "workers": params.workers,
    }
    return run, found

"""What PARE's own settings say of its network: `pare_config.yaml`, or the record in a checkpoint.

Shapes of weights do not tell whether mean parameters are added, what a round of the regression is
told, or which of two modes has 24 maps; these settings do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gsam.errors import DataError
from gsam.plain_yaml import load_yaml

__all__ = ["pare_settings", "read_pare_settings", "read_settings"]

_Record = Mapping[str, Any]
_FIELDS = {
    "USE_MEAN_POSE": "mean_pose",
    "USE_MEAN_CAMSHAPE": "mean_camshape",
    "ITERATIVE_REGRESSION": "iterative",
    "ITER_RESIDUAL": "residual",
    "NUM_ITERATIONS": "iterations",
}
_INPUTS = {"POSE_INPUT_TYPE": "pose_inputs", "SHAPE_INPUT_TYPE": "shape_inputs"}
_MODES = {"part_segm": "part_segm", "attention": "attention", "": "softargmax"}
# Options that change the answers but no key or shape: our network only has the values listed.
_ONLY: dict[str, tuple[Any, ...]] = {
    "COATTENTION_CONV": ("simple",),
    "KEYPOINT_ATTENTION_ACT": ("softmax",),
    "USE_BRANCH_NONLOCAL": (None, "", "dot_product"),
    "USE_FINAL_NONLOCAL": (None, "", "dot_product"),
    "USE_KEYPOINT_FEATURES_FOR_SMPL_REGRESSION": (False,),
    "USE_SCALE_KEYPOINT_ATTENTION": (False,),
}


def read_pare_settings(path: str | Path) -> dict[str, Any]:
    """`pare_settings` of a YAML file.

    Raises:
        DataError: no such file, not plain YAML, or a network that ours cannot be.
    """
    return pare_settings(read_settings(path), str(path))


def read_settings(path: str | Path) -> dict[str, Any]:
    """A YAML file of settings by name, read safely.

    Raises:
        DataError: no such file, too large, not plain YAML, or no settings by name.
    """
    try:
        record = load_yaml(Path(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not plain YAML ({reason})") from error
    if not isinstance(record, Mapping):
        raise DataError(f"{path}: expected settings by name, as in pare_config.yaml")
    return dict(record)


def pare_settings(record: _Record, where: str) -> dict[str, Any]:
    """Fields of a `MeshConfig`, those that the record speaks of.

    Raises:
        DataError: an option has a value that our network does not know.
    """
    pare, data = (_section(record, name, where) for name in ("PARE", "DATASET"))
    found = {field: pare[key] for key, field in _FIELDS.items() if key in pare}
    for key, field in _INPUTS.items():
        if key in pare:
            found[field] = tuple(str(pare[key]).split("."))
    if "USE_COATTENTION" in pare:
        passes = pare.get("NUM_COATTENTION_ITER", 1)
        found["coattention"] = passes if pare["USE_COATTENTION"] else 0
    if "IMG_RES" in data:
        found["size"] = data["IMG_RES"]
    problems = [*_unknown(pare), *_mode(pare, data, found)]
    if problems:
        raise DataError(f"{where}: {'; '.join(problems)}")
    return found


def _section(record: _Record, name: str, where: str) -> _Record:
    section = record.get(name, {})
    if not isinstance(section, Mapping):
        raise DataError(f"{where}: {name}: expected settings by name")
    return section


def _mode(pare: _Record, data: _Record, found: dict[str, Any]) -> Iterator[str]:
    """Enter the mode of the maps into `found`, or say what is wrong with it."""
    if "USE_HEATMAPS" not in data:
        return
    mode = data["USE_HEATMAPS"] or ""
    if mode not in _MODES:
        yield f"DATASET.USE_HEATMAPS = {mode!r}: has no counterpart here"
    elif mode == "" and pare.get("USE_KEYPOINT_ATTENTION"):
        yield "PARE.USE_KEYPOINT_ATTENTION without DATASET.USE_HEATMAPS: has no counterpart here"
    else:
        found["heatmaps"] = _MODES[mode]


def _unknown(pare: _Record) -> Iterator[str]:
    for key, allowed in _ONLY.items():
        if key in pare and pare[key] not in allowed:
            yield f"PARE.{key} = {pare[key]!r}: has no counterpart here"

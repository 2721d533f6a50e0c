"""Trained networks as safetensors files that carry what is needed to rebuild the module."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from gsam.configs import build
from gsam.detectors import DetectorConfig, build_detector
from gsam.errors import DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.lifters.lifter import Lifter
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.storage import atomic_path

__all__ = [
    "NetworkConfig",
    "check_sizes",
    "load_detector",
    "load_lifter",
    "load_mesh",
    "save_network",
    "stored_config",
]

# One key for everything: the format writes several in no fixed order, and files must not differ.
_KEY = "gsam"

NetworkConfig = LifterConfig | DetectorConfig | MeshConfig

# The key of the notes under which each kind of network's configuration is kept.
_KINDS = {LifterConfig: "lifter", DetectorConfig: "detector", MeshConfig: "mesh"}

_LAYERS = ("blocks", "bottlenecks", "coattention", "depth", "layers", "modules", "stacks", "stages")
_MOST_LAYERS = 200
_LARGEST_SIDE = 4096  # of pictures and clips, which weights do not tell

Network = TypeVar("Network", bound=nn.Module)


def save_network(
    path: str | Path,
    weights: Mapping[str, torch.Tensor],
    config: NetworkConfig,
    notes: Mapping[str, Any],
) -> None:
    """Write a state dict with its configuration and `notes` (JSON values, such as run and seed).

    Raises:
        DataError: a weight is not finite.
    """
    _write(path, weights, {**notes, _KINDS[type(config)]: config.as_dict()})


def load_lifter(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[Lifter, dict[str, Any]]:
    """The module in evaluation mode, and its notes (with `lifter`, its configuration).

    Raises:
        DataError: no such file, not one of ours, damaged, or weights that do not fit the lifter.
    """
    weights, notes = _read(path, "lifter")
    config = build(LifterConfig, notes["lifter"], f"{path}: lifter")
    return _fill(lambda: build_lifter(config), config, weights, path).to(device), notes


def load_detector(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[nn.Module, dict[str, Any]]:
    """The module in evaluation mode, and its notes (with `detector`, its configuration).

    Raises:
        DataError: no such file, not one of ours, damaged, or weights that do not fit the detector.
    """
    weights, notes = _read(path, "detector")
    config = build(DetectorConfig, notes["detector"], f"{path}: detector")
    return _fill(lambda: build_detector(config), config, weights, path).to(device), notes


def load_mesh(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[nn.Module, dict[str, Any]]:
    """The mesh regressor in evaluation mode, and its notes (with `mesh`, its configuration).

    The mean parameters that it starts from are weights of it like all others.

    Raises:
        DataError: no such file, not one of ours, damaged, or weights that do not fit the regressor.
    """
    weights, notes = _read(path, "mesh")
    config = build(MeshConfig, notes["mesh"], f"{path}: mesh")
    return _fill(lambda: build_mesh(config), config, weights, path).to(device), notes


def stored_config(path: str | Path) -> NetworkConfig | None:
    """The configuration in a safetensors file; None in a file that this project did not write.

    Raises:
        DataError: no such file, damaged, or one of ours without a configuration.
        ConfigError: a configuration that no module can have.
    """
    _, metadata = _open(path, "network", weights=False)
    if _KEY not in metadata:
        return None
    notes = _notes(metadata, path)
    for cls, kind in _KINDS.items():
        if kind in notes:
            config: NetworkConfig = build(cls, notes[kind], f"{path}: {kind}")
            return config
    kinds = ", ".join(_KINDS.values())
    raise DataError(f"{path}: metadata holds {_held(notes)}, expected one of {kinds}")


def _write(path: str | Path, weights: Mapping[str, torch.Tensor], notes: dict[str, Any]) -> None:
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise DataError(f"{path}: weight {name!r} is not finite")
    text = json.dumps(notes, sort_keys=True, allow_nan=False)
    content = save({name: value.contiguous() for name, value in weights.items()}, {_KEY: text})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _read(path: str | Path, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    weights, metadata = _open(path, kind)
    if _KEY not in metadata:
        raise DataError(f"{path}: metadata {_KEY!r} is missing, expected a {kind} saved by gsam")
    notes = _notes(metadata, path)
    if kind not in notes:
        raise DataError(f"{path}: metadata holds {_held(notes)}, expected a {kind} saved by gsam")
    return weights, notes


def _open(
    path: str | Path, kind: str, weights: bool = True
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Weights (none if they are not asked for) and metadata of a file."""
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            names = file.keys() if weights else ()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file, expected a trained {kind}") from error
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error})") from error


def _notes(metadata: Mapping[str, str], path: str | Path) -> dict[str, Any]:
    try:
        notes = json.loads(metadata[_KEY])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: metadata {_KEY!r} is not JSON ({error})") from error
    if not isinstance(notes, dict):
        raise DataError(f"{path}: metadata {_KEY!r}: expected values by name")
    for kind in _KINDS.values():
        if not isinstance(notes.get(kind, {}), dict):
            raise DataError(f"{path}: metadata {_KEY!r}: {kind}: expected values by name")
    return notes


def _held(notes: Mapping[str, Any]) -> str:
    return ", ".join(sorted(notes)) or "nothing"


def _fill(
    make: Callable[[], Network],
    config: NetworkConfig,
    weights: Mapping[str, torch.Tensor],
    path: str | Path,
) -> Network:
    """The module with its weights, made only once it is known to be of their size."""
    kind = _KINDS[type(config)]
    check_sizes(config, weights, f"{path}: {kind}")
    try:
        with torch.device("meta"):
            expected = {key: value.shape for key, value in make().state_dict().items()}
        found = {key: value.shape for key, value in weights.items()}
        wrong = sorted(key for key in {*expected, *found} if expected.get(key) != found.get(key))
        if wrong:
            sides = [shapes.get(wrong[0]) for shapes in (found, expected)]
            has, wants = ("nothing" if side is None else str(tuple(side)) for side in sides)
            raise DataError(
                f"{path}: weights do not fit the {kind}: {len(wrong)} keys, first {wrong[0]}: "
                f"{has}, expected {wants}"
            )
        model = make()
        model.load_state_dict(weights, strict=True)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: weights do not fit the {kind}: {error}") from error
    return model.eval()


def check_sizes(config: NetworkConfig, weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Raise DataError for a configuration that no weights of these sizes can have.

    To build it, even without numbers, could take forever.
    """
    widest = max((side for value in weights.values() for side in value.shape), default=0)
    for key, value in config.as_dict().items():
        limit = _MOST_LAYERS if key in _LAYERS else max(widest, _LARGEST_SIDE)
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, int) and number > limit for number in numbers):
            raise DataError(f"{where}: {key} = {value}: expected at most {limit}")

"""What weights do not tell of their network, as found in a checkpoint's name and beside it.

- `<name>.yaml`, or `pare_config.yaml` beside `pare_checkpoint.ckpt`: PARE's own settings, or for a
  detector `joint_set` and `size`;
- `_384x288` in a detector's name, as the official HRNet, CPN and SimpleBaseline files have it: the
  input's height and width in px;
- `smpl_mean_params.npz`: the mean parameters that early PARE files lack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gsam.checkpoints.pare_settings import pare_settings, read_settings
from gsam.configs import nearest
from gsam.errors import DataError

__all__ = ["MEAN_PARAMETERS", "Hints", "hints_beside", "names_beside", "parse_size"]

MEAN_PARAMETERS = "smpl_mean_params.npz"
_DETECTOR_KEYS = {"joint_set", "size"}
_PARE_KEYS = {"PARE", "DATASET"}


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What weights do not tell; whatever is left empty is assumed (see `infer_config` and
    `infer_mesh_config`).

    joint_set: a detector's. size: of the input in px, (height, width). settings: fields of a
    `MeshConfig`. mean: the file of the mean parameters. sources: what was found where, in words.
    """

    joint_set: str | None = None
    size: tuple[int, int] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    mean: Path | None = None
    sources: tuple[str, ...] = ()


def names_beside(name: str) -> tuple[str, ...]:
    """The files that `hints_beside` looks for in the folder of a checkpoint called `name`."""
    stem = _stem(name)
    settings = dict.fromkeys((f"{stem}.yaml", f"{stem.replace('checkpoint', 'config')}.yaml"))
    return (*settings, MEAN_PARAMETERS)


def hints_beside(path: Path) -> Hints:
    """What a checkpoint's name and the files beside it tell.

    Raises:
        DataError: settings that cannot be read, or of no known kind.
    """
    hints = Hints()
    if match := re.search(r"[_-](\d{2,4}x\d{2,4})(?![0-9x])", _stem(path.name)):
        hints = replace(
            hints, size=parse_size(match[1]), sources=(f"size: {match[1]}, of the file's name",)
        )
    *settings, mean = (path.with_name(name) for name in names_beside(path.name))
    found = next((file for file in settings if file.is_file()), None)
    if found is not None:
        hints = _with_settings(hints, read_settings(found), found)
    if mean.is_file():
        hints = replace(hints, mean=mean)
    return hints


def parse_size(text: str) -> tuple[int, int] | None:
    """(height, width) of `384x288`; None for any other text."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    return (int(match[1]), int(match[2])) if match else None


def _with_settings(hints: Hints, record: Mapping[str, Any], path: Path) -> Hints:
    if _PARE_KEYS & set(record):
        settings, said = pare_settings(record, str(path)), f"settings: {path.name}"
        return replace(hints, settings=settings, sources=(*hints.sources, said))
    if not _DETECTOR_KEYS & set(record):
        said = f"not used: {path.name}, neither PARE's settings nor a detector's"
        return replace(hints, sources=(*hints.sources, said))
    return _of_detector(hints, record, path)


def _of_detector(hints: Hints, record: Mapping[str, Any], path: Path) -> Hints:
    for key in record:
        if key not in _DETECTOR_KEYS:
            raise DataError(f"{path}: unknown key {key!r}; {nearest(str(key), _DETECTOR_KEYS)}")
    joint_set, size = record.get("joint_set", hints.joint_set), hints.size
    if not isinstance(joint_set, str | None):
        raise DataError(f"{path}: joint_set = {joint_set!r}: expected a name")
    if "size" in record:
        size = parse_size(str(record["size"]))
        if size is None:
            raise DataError(f"{path}: size = {record['size']!r}: expected HEIGHTxWIDTH, as 384x288")
    said = tuple(f"{key}: {value}, of {path.name}" for key, value in record.items())
    kept = () if "size" in record else hints.sources
    return replace(hints, joint_set=joint_set, size=size, sources=(*kept, *said))


def _stem(name: str) -> str:
    """A file's name without the extensions of checkpoints (`.pth.tar` is one)."""
    for suffix in (".tar", ".pth", ".pt", ".bin", ".ckpt", ".safetensors"):
        name = name.removesuffix(suffix)
    return name

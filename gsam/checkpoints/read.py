"""The state dict inside a checkpoint from elsewhere, read without letting the file run code.

`torch.load` with `weights_only=True` builds tensors and plain containers only. Training scripts
also leave NumPy scalars (a validation score), generators and callbacks in their files; those names
answer with an object that holds nothing. Records of hyper-parameters answer with a plain dictionary
of what they hold. Any other name refuses the file.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gsam.bounded_stream import BoundedStream
from gsam.errors import DataError

__all__ = ["Checkpoint", "read_checkpoint", "read_state_dict"]

_HOLDERS = ("model_pos", "state_dict", "best_state_dict", "model")
_BESIDE = ("model_traj",)
_PREFIXES = ("model.", "module.")


class _Nothing:
    """Stands for an object that is of no use here: takes anything, keeps and calls nothing."""

    def __new__(cls, *_arguments: object) -> _Nothing:
        return super().__new__(cls)

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _Record:
    """Stands for a dictionary of settings: becomes one of torch's plain ones."""

    def __new__(cls, *_arguments: object) -> OrderedDict[str, Any]:  # type: ignore[misc]
        return OrderedDict()


_IGNORED = (
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.random.__RandomState_ctor",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
)
_RECORDS = ("yacs.config.CfgNode", "pytorch_lightning.utilities.parsing.AttributeDict")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Tensors by key, and the hyper-parameters that PyTorch Lightning wrote beside them, if any.

    `beside` names the other networks in the file, such as VideoPose3D's `model_traj`.
    """

    state: dict[str, Tensor]
    settings: Mapping[str, Any]
    beside: tuple[str, ...] = ()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Tensors of a checkpoint by key, without the prefixes that wrappers of a module add.

    The dictionary is looked for at the top, then under `model_pos`, `state_dict`, `best_state_dict`
    and `model`.
    `module.` (DataParallel) and `model.` are taken away where every key begins with them.

    Raises:
        DataError: no such file, not a checkpoint of tensors, truncated, or one that names
            anything that could run code.
    """
    content = _load(Path(path))
    state = _state_of(content, str(path))
    _check_extents(state, str(path))
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    settings = content.get("hyper_parameters")
    return Checkpoint(
        state=state,
        settings=settings if _is_dict(settings) else {},
        beside=tuple(key for key in _BESIDE if _is_dict(content.get(key))),
    )


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The tensors of `read_checkpoint`."""
    return read_checkpoint(path).state


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    _check_records(path)
    harmless: list[Any] = [(_Nothing, name) for name in _IGNORED]
    harmless += [(_Record, name) for name in _RECORDS]
    try:
        with torch.serialization.safe_globals(harmless):
            if zipfile.is_zipfile(path):
                return torch.load(path, map_location="cpu", weights_only=True)
            with path.open("rb") as stream:
                bounded: Any = BoundedStream(stream)
                return torch.load(bounded, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise DataError(f"{path}: not a checkpoint of plain tensors ({_reason(error)})") from error


def _check_records(path: Path) -> None:
    """Refuse a zip archive whose records claim to hold more than the file; torch packs none."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            total = sum(info.file_size for info in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError, struct.error, NotImplementedError):
        return  # in the older format, or damaged, as torch will say
    if total > size:
        raise DataError(f"{path}: unpacks to {total} bytes, expected no more than its own {size}")


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: cannot be read (No such file or directory)") from error
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error})") from error


def _reason(error: Exception) -> str:
    """The line of torch's long advice that names the culprit, else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "GLOBAL" in line or line.startswith("Unsupported")]
    return (named or lines or [type(error).__name__])[0][-200:]


def _state_of(content: Any, where: str) -> dict[str, Tensor]:
    holders = [content, *(content.get(key) for key in _HOLDERS)] if _is_dict(content) else []
    for holder in holders:
        if _is_dict(holder) and holder and all(isinstance(v, Tensor) for v in holder.values()):
            return dict(holder)
    expected = f"expected tensors by name, or those under {', '.join(_HOLDERS)}"
    raise DataError(f"{where}: holds no state dict, {expected}")


def _check_extents(state: Mapping[str, Tensor], where: str) -> None:
    """Refuse tensors that are larger than what the file holds of them: steps of zero, and none."""
    for key, value in state.items():
        if value.layout != torch.strided or value.is_meta:
            raise DataError(f"{where}: {key} is a {value.layout} tensor, expected plain ones")
        if value.nbytes > value.untyped_storage().nbytes():
            raise DataError(f"{where}: {key} of {tuple(value.shape)} is larger than its numbers")


def _is_dict(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)

"""Turn a checkpoint of PARE or HMR into one of ours, strictly, without the SMPL arrays in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gsam.body.mean_params import MeanParams
from gsam.checkpoints.infer_mesh import infer_mesh_config, is_mesh
from gsam.checkpoints.key_report import KeyReport, compare_keys, fitting_weights
from gsam.checkpoints.pare_settings import pare_settings
from gsam.checkpoints.read import Checkpoint
from gsam.errors import ConfigError, DataError
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.start import mean_buffers, rest_params

__all__ = ["TranslatedMesh", "holds_mesh", "translate_mesh"]

_NETWORK = "model."  # where PARE's trainer keeps its network
# What the trainer keeps beside it and the network beside its layers: arrays of the licensed body
# model, and the renderer's camera and part labels.
_BESIDE = ("smpl.", "smpl_native.")
_ARRAYS = frozenset({"J_regressor", "K", "R", "body_part_texture", "part_label_bins", "smpl_faces"})


@dataclass(frozen=True, kw_only=True)
class TranslatedMesh:
    """A checkpoint in our terms; `weights` load strictly if and only if `report.complete`.

    `left_out` are the keys of the SMPL arrays and of the renderer's, none of which is a weight.
    """

    config: MeshConfig
    weights: dict[str, Tensor]
    report: KeyReport
    left_out: tuple[str, ...]


def holds_mesh(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is one of PARE or HMR."""
    return is_mesh(_split(checkpoint.state, "")[0])


def translate_mesh(
    checkpoint: Checkpoint,
    where: str,
    settings: Mapping[str, Any],
    mean: MeanParams | None = None,
) -> TranslatedMesh:
    """Compare a checkpoint of PARE or HMR with the module that its shapes and settings describe.

    settings: fields of a `MeshConfig` that overrule the checkpoint's own record.
    mean: for checkpoints without mean parameters (early ones), if the network adds them to its
        answers or starts from them.

    Raises:
        DataError: keys of no known mesh regressor, or options that have no counterpart here.
        ConfigError: settings that do not fit the weights, or lacking settings or mean parameters.
    """
    state, left_out = _split(checkpoint.state, where)
    recorded = pare_settings(checkpoint.settings, where)
    config = infer_mesh_config(state, where, {**recorded, **settings})
    with torch.device("meta"):
        expected = build_mesh(config).state_dict()
    lacking = [key for key in expected if key.startswith("head.init_") and key not in state]
    if lacking and mean is None and _uses_mean(config):
        raise ConfigError(
            f"{where}: {config.name} starts from mean parameters and the checkpoint has none "
            f"({lacking[0]}): give smpl_mean_params.npz by --mean-params"
        )
    given = mean_buffers(mean or rest_params())
    state |= {key: given[key.removeprefix("head.")] for key in lacking}
    report = compare_keys(state, expected)
    weights = fitting_weights(report, state, expected)
    return TranslatedMesh(config=config, weights=weights, report=report, left_out=left_out)


def _uses_mean(config: MeshConfig) -> bool:
    adds = config.mean_pose or config.mean_camshape
    return config.name == "hmr" or config.iterative or adds


def _split(state: Mapping[str, Tensor], where: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The network's own weights without the trainer's prefix, and the keys of all other arrays."""
    names = {key: key.removeprefix(_NETWORK) for key in state}
    beside = {key for key, name in names.items() if name.startswith(_BESIDE) or name in _ARRAYS}
    kept = {names[key]: value for key, value in state.items() if key not in beside}
    if len(kept) + len(beside) != len(state):
        raise DataError(f"{where}: the same weight with and without the prefix {_NETWORK!r}")
    return kept, tuple(sorted(beside))

"""Any checkpoint into one of ours: which network it is, what becomes of its keys, its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from gsam.body.mean_params import read_mean_params
from gsam.checkpoints.beside import Hints
from gsam.checkpoints.detector import holds_detector, translate_detector
from gsam.checkpoints.key_report import KeyReport, compare_keys, fitting_weights
from gsam.checkpoints.lifters import holds_lifter, translate_lifter
from gsam.checkpoints.mesh import holds_mesh, translate_mesh
from gsam.checkpoints.read import Checkpoint, read_checkpoint
from gsam.detectors import DetectorConfig, build_detector
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.meshes.build import build_mesh
from gsam.weights import NetworkConfig, check_sizes, stored_config

__all__ = ["Imported", "Kind", "import_checkpoint"]

Kind = Literal["lifter", "detector", "mesh"]

_KNOWN = (
    "a lifter (PoseFormer, VideoPose3D, StridedTransformer, MixSTE, MotionBERT, Martinez), a "
    "detector (HRNet, CPN, hourglass, SimpleBaseline) or a mesh regressor (PARE, HMR)"
)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A checkpoint in our terms; `weights` load strictly if and only if `report.complete`.

    `left_out` are keys that are no weights of the network, such as SMPL's arrays; `sources` says
    what was taken from the file's name and from files beside it, or assumed. `problem` says why a
    network cannot be used here although its keys fit; "" if it can.
    """

    kind: Kind
    config: NetworkConfig
    weights: dict[str, Tensor]
    report: KeyReport
    left_out: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    problem: str = ""

    def title(self) -> str:
        """The network in a few words: `detector hrnet 256x192 coco_17`."""
        return f"{self.kind} {_title(self.config)}"

    def text(self) -> str:
        """The key report under the network's title: what is printed and kept."""
        left_out = [f"left out     {len(self.left_out):>6}"] if self.left_out else []
        lines = [self.title(), *self.sources, self.report.table(), *left_out]
        problem = [f"cannot be used here: {self.problem}"] if self.problem else []
        return "\n".join([*lines, *(f"  left out: {key}" for key in self.left_out), *problem])

    def demand_all(self, where: str) -> None:
        """Raise DataError unless every key is accounted for and the answers mean what ours do."""
        if not self.report.complete:
            name = self.config.name
            raise DataError(f"{where}: keys do not fit {name}: {self.report.counts()}")
        if self.problem:
            raise DataError(f"{where}: cannot be used here: {self.problem}")


def import_checkpoint(path: Path, hints: Hints) -> Imported:
    """Read a checkpoint, one of ours or a published one, and compare it with the module that its
    configuration or its shapes describe.

    Nothing is dropped or renamed beyond the wrappers' prefixes, but for what `left_out` lists;
    half-precision weights become float32.

    Raises:
        DataError: a file that is unreadable, hostile or of no known network.
        ConfigError: hints that the weights cannot have, or that are needed and not there.
    """
    checkpoint = read_checkpoint(path)
    config = stored_config(path) if path.suffix == ".safetensors" else None
    if config is not None:
        check_sizes(config, checkpoint.state, str(path))
        return _own(checkpoint, config)
    where = str(path)
    if holds_mesh(checkpoint):
        mean = read_mean_params(hints.mean) if hints.mean else None
        settings = {**hints.settings, **_square(hints, where)}
        mesh = translate_mesh(checkpoint, where, settings, mean)
        found = Imported(
            kind="mesh",
            config=mesh.config,
            weights=mesh.weights,
            report=mesh.report,
            left_out=mesh.left_out,
        )
    elif holds_detector(checkpoint):
        detector = translate_detector(checkpoint, where, hints.joint_set, hints.size)
        found = Imported(
            kind="detector",
            config=detector.config,
            weights=detector.weights,
            report=detector.report,
        )
    elif holds_lifter(checkpoint):
        lifter = translate_lifter(checkpoint, where)
        found = Imported(
            kind="lifter",
            config=lifter.config,
            weights=lifter.weights,
            report=lifter.report,
            left_out=lifter.left_out,
            sources=lifter.assumed,
            problem=lifter.problem,
        )
    else:
        first = ", ".join(sorted(checkpoint.state)[:3])
        raise DataError(f"{where}: keys of no known network ({first}): expected {_KNOWN}")
    return replace(found, sources=(*hints.sources, *found.sources))


def _own(checkpoint: Checkpoint, config: NetworkConfig) -> Imported:
    kind, build = _kind_of(config)
    with torch.device("meta"):
        expected = build().state_dict()
    report = compare_keys(checkpoint.state, expected)
    weights = fitting_weights(report, checkpoint.state, expected)
    return Imported(kind=kind, config=config, weights=weights, report=report)


def _kind_of(config: NetworkConfig) -> tuple[Kind, Callable[[], nn.Module]]:
    """The kind of network, and what builds it."""
    if isinstance(config, LifterConfig):
        return "lifter", lambda: build_lifter(config)
    if isinstance(config, DetectorConfig):
        return "detector", lambda: build_detector(config)
    return "mesh", lambda: build_mesh(config)


def _square(hints: Hints, where: str) -> dict[str, int]:
    """The size of a mesh regressor's input, if it is said."""
    if hints.size is None:
        return {}
    height, width = hints.size
    if height != width:
        raise ConfigError(
            f"{where}: {height}x{width} px: mesh regressors take square crops, as 224x224"
        )
    return {"size": height}


def _title(config: NetworkConfig) -> str:
    if isinstance(config, LifterConfig):
        return f"{config.name} {config.frames} frames"
    if isinstance(config, DetectorConfig):
        return f"{config.name} {config.height}x{config.width} {config.joint_set}"
    return f"{config.name} {config.backbone} {config.size}x{config.size}"

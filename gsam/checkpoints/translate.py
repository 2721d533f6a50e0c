"""Turn a published detector or mesh regressor checkpoint into one of ours, strictly.

    python -m gsam.checkpoints.translate pose_hrnet_w32_256x192.pth --out hrnet_w32.safetensors
    python -m gsam.checkpoints.translate pare_w_3dpw_checkpoint.ckpt --out pare.safetensors \\
        --settings pare_w_3dpw_config.yaml

Reads the official HRNet, CPN (pytorch-cpn), stacked hourglass (pytorch_stacked_hourglass),
SimpleBaseline, PARE and HMR files, bare or as left by training, finds the architecture in the
shapes, and prints which keys matched. Arrays of the SMPL body model in a file are left out. Exit
codes: 0 written, 1 a file that cannot be used or any key left over or missing, 2 usage.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gsam.body.mean_params import read_mean_params
from gsam.checkpoints.infer import infer_config
from gsam.checkpoints.key_report import KeyReport, compare_keys, fitting_weights
from gsam.checkpoints.mesh import holds_mesh, translate_mesh
from gsam.checkpoints.pare_settings import read_pare_settings
from gsam.checkpoints.read import Checkpoint, read_checkpoint
from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.errors import ConfigError, DataError, GsamError
from gsam.weights import save_network

__all__ = ["Translated", "translate"]


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A checkpoint in our terms; `weights` load strictly if and only if `report.complete`."""

    config: DetectorConfig
    weights: dict[str, Tensor]
    report: KeyReport


def translate(
    path: str | Path, joint_set: str | None = None, size: tuple[int, int] | None = None
) -> Translated:
    """Read a published detector and compare it with the module that its shapes describe.

    `joint_set` and `size` (height, width in px) override what `infer_config` assumes. Nothing is
    dropped or renamed beyond the wrappers' prefixes; half-precision weights become float32.

    Raises:
        DataError: a file that is unreadable, hostile or of no known detector.
        ConfigError: a joint set or a size that the weights cannot have.
    """
    return _translated(read_checkpoint(path), path, joint_set, size)


def _translated(
    checkpoint: Checkpoint, path: str | Path, joint_set: str | None, size: tuple[int, int] | None
) -> Translated:
    state = checkpoint.state
    config = infer_config(state, str(path), joint_set, size)
    with torch.device("meta"):
        expected = build_detector(config).state_dict()
    report = compare_keys(state, expected)
    weights = fitting_weights(report, state, expected)
    return Translated(config=config, weights=weights, report=report)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m gsam.checkpoints.translate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="the published .pth, .tar or .ckpt file")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--joint-set", help="default: coco_17 for 17 maps, mpii_16 for 16")
    parser.add_argument("--size", type=_size, help="input HEIGHTxWIDTH in pixels, as 384x288")
    parser.add_argument("--settings", type=Path, help="pare_config.yaml of a PARE checkpoint")
    parser.add_argument("--mean-params", type=Path, help="smpl_mean_params.npz, if PARE lacks it")
    return parser.parse_args(arguments)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH, as 256x192")
    return int(match[1]), int(match[2])


def _run(options: argparse.Namespace) -> None:
    if options.out.suffix != ".safetensors":
        raise ConfigError(f"--out {options.out}: expected a name that ends with .safetensors")
    checkpoint = read_checkpoint(options.checkpoint)
    write = _write_mesh if holds_mesh(checkpoint) else _write_detector
    write(checkpoint, options)
    print(f"written: {options.out}")


def _write_detector(checkpoint: Checkpoint, options: argparse.Namespace) -> None:
    for option in ("settings", "mean_params"):
        if getattr(options, option) is not None:
            name = option.replace("_", "-")
            raise ConfigError(f"--{name}: {options.checkpoint} is no mesh regressor")
    found = _translated(checkpoint, options.checkpoint, options.joint_set, options.size)
    config = found.config
    print(f"{config.name} {config.height}x{config.width} {config.joint_set}")
    _demand_all(found.report, config.name, options.checkpoint)
    save_network(options.out, found.weights, config, _notes(options))


def _write_mesh(checkpoint: Checkpoint, options: argparse.Namespace) -> None:
    if options.joint_set is not None:
        raise ConfigError("--joint-set: mesh regressors have the joints of SMPL")
    settings = read_pare_settings(options.settings) if options.settings else {}
    if options.size is not None:
        settings["size"] = options.size[0]
        if options.size[0] != options.size[1]:
            raise ConfigError("--size: mesh regressors take square crops, as 224x224")
    mean = read_mean_params(options.mean_params) if options.mean_params else None
    found = translate_mesh(checkpoint, str(options.checkpoint), settings, mean)
    config = found.config
    print(f"{config.name} {config.backbone} {config.size}x{config.size}")
    print(f"SMPL and renderer arrays, left out {len(found.left_out)}")
    _demand_all(found.report, config.name, options.checkpoint)
    save_network(options.out, found.weights, config, _notes(options))


def _demand_all(report: KeyReport, name: str, path: Path) -> None:
    print(report.table())
    if not report.complete:
        raise DataError(f"{path}: keys do not fit {name}: {report.counts()}")


def _notes(options: argparse.Namespace) -> dict[str, str]:
    return {"translated_from": options.checkpoint.name}


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    options = _arguments(arguments)
    try:
        _run(options)
    except GsamError as error:
        print(f"translate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

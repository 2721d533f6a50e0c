"""Turn a published detector checkpoint into one of ours, strictly.

    python -m gsam.checkpoints.translate pose_hrnet_w32_256x192.pth --out hrnet_w32.safetensors

Reads the official HRNet, CPN (pytorch-cpn), stacked hourglass (pytorch_stacked_hourglass) and
SimpleBaseline files, bare or as left by training, finds the architecture in the shapes, and prints
which keys matched. Exit codes: 0 written, 1 a file that cannot be used or any key left over or
missing, 2 usage.
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

from gsam.checkpoints.infer import infer_config
from gsam.checkpoints.key_report import KeyReport, compare_keys
from gsam.checkpoints.read import read_state_dict
from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.errors import ConfigError, DataError, GsamError
from gsam.weights import save_detector

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
    """Read a published checkpoint and compare it with the module that its shapes describe.

    `joint_set` and `size` (height, width in px) override what `infer_config` assumes. Nothing is
    dropped or renamed beyond the wrappers' prefixes; half-precision weights become float32.

    Raises:
        DataError: a file that is unreadable, hostile or of no known detector.
        ConfigError: a joint set or a size that the weights cannot have.
    """
    state = read_state_dict(path)
    config = infer_config(state, str(path), joint_set, size)
    with torch.device("meta"):
        expected = build_detector(config).state_dict()
    report = compare_keys(state, expected)
    weights = {key: state[key].to(expected[key].dtype) for key in report.matched}
    weights |= {key: torch.zeros((), dtype=expected[key].dtype) for key in report.filled}
    return Translated(config=config, weights=weights, report=report)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m gsam.checkpoints.translate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="the published .pth or .tar file")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--joint-set", help="default: coco_17 for 17 maps, mpii_16 for 16")
    parser.add_argument("--size", type=_size, help="input HEIGHTxWIDTH in pixels, as 384x288")
    return parser.parse_args(arguments)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH, as 256x192")
    return int(match[1]), int(match[2])


def _run(options: argparse.Namespace) -> None:
    if options.out.suffix != ".safetensors":
        raise ConfigError(f"--out {options.out}: expected a name that ends with .safetensors")
    found = translate(options.checkpoint, options.joint_set, options.size)
    config = found.config
    print(f"{config.name} {config.height}x{config.width} {config.joint_set}")
    print(found.report.table())
    if not found.report.complete:
        counts = found.report.counts()
        raise DataError(f"{options.checkpoint}: keys do not fit {config.name}: {counts}")
    notes = {"translated_from": options.checkpoint.name}
    save_detector(options.out, found.weights, config, notes)
    print(f"written: {options.out}")


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

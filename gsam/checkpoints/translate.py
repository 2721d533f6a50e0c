"""Turn a published checkpoint into one of ours, strictly: a lifter, a detector, a mesh regressor.

    gsam-import pose_hrnet_w32_256x192.pth --out hrnet_w32.safetensors
    gsam-import pare_w_3dpw_checkpoint.ckpt --out pare.safetensors

(or python -m gsam.checkpoints.translate). Finds the architecture in the shapes of the weights, and
prints which keys matched. What weights do not tell is taken from the options, or else from the
file's name (`_384x288`) and from files beside it (`pare_w_3dpw_config.yaml`,
`smpl_mean_params.npz`), see `gsam.checkpoints.beside`. Arrays of the SMPL body model in a file are
left out. Exit codes: 0 written, 1 a file that cannot be used or any key left over or missing,
2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gsam.checkpoints.beside import Hints, hints_beside, parse_size
from gsam.checkpoints.importing import Imported, import_checkpoint
from gsam.checkpoints.pare_settings import read_pare_settings
from gsam.errors import ConfigError, GsamError
from gsam.weights import save_network

__all__ = ["main"]

_OF_KIND = {"joint_set": "detector", "settings": "mesh", "mean_params": "mesh"}
_WORDS = {"detector": "detector", "mesh": "mesh regressor"}


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gsam-import",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="the published .pth, .tar, .bin or .ckpt")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--joint-set", help="default: coco_17 for 17 maps, mpii_16 for 16")
    parser.add_argument("--size", type=_size, help="input HEIGHTxWIDTH in pixels, as 384x288")
    parser.add_argument("--settings", type=Path, help="pare_config.yaml of a PARE checkpoint")
    parser.add_argument("--mean-params", type=Path, help="smpl_mean_params.npz, if PARE lacks it")
    return parser.parse_args(arguments)


def _size(text: str) -> tuple[int, int]:
    size = parse_size(text)
    if size is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH, as 256x192")
    return size


def _run(options: argparse.Namespace) -> None:
    if options.out.suffix != ".safetensors":
        raise ConfigError(f"--out {options.out}: expected a name that ends with .safetensors")
    found = import_checkpoint(options.checkpoint, _hints(options))
    _check_kind(found, options)
    print(found.text())
    found.demand_all(str(options.checkpoint))
    notes = {"translated_from": options.checkpoint.name}
    save_network(options.out, found.weights, found.config, notes)
    print(f"written: {options.out}")


def _hints(options: argparse.Namespace) -> Hints:
    """What lies beside the file, overruled by what the options say."""
    hints = hints_beside(options.checkpoint)
    given = {
        "joint_set": options.joint_set,
        "size": options.size,
        "settings": read_pare_settings(options.settings) if options.settings else None,
        "mean": options.mean_params,
    }
    return replace(hints, **{key: value for key, value in given.items() if value is not None})


def _check_kind(found: Imported, options: argparse.Namespace) -> None:
    for name, kind in _OF_KIND.items():
        if getattr(options, name) is not None and found.kind != kind:
            option = name.replace("_", "-")
            raise ConfigError(f"--{option}: {options.checkpoint} is no {_WORDS[kind]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(options)
    except GsamError as error:
        print(f"gsam-import: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

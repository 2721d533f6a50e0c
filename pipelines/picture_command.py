"""What the commands for a user's own pictures share: arguments, a summary line, an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from gsam.errors import GsamError

__all__ = ["parse", "picture_parser", "run_command"]


def picture_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser of the pictures, the boxes and the folder to write to."""
    parser = argparse.ArgumentParser(
        f"python -m pipelines.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, metavar="INPUT")
    parser.add_argument("--boxes", required=True, metavar="FILE", help=".json, .onnx or .cfg")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="every Nth frame (1)")
    parser.add_argument("--score", type=float, metavar="S", help="leave less certain boxes out")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line's arguments; exits with 2 where they cannot be."""
    arguments = parser.parse_args()
    if arguments.step < 1:
        parser.error(f"--step {arguments.step}: expected at least 1")
    return arguments


def run_command(name: str, predict: Callable[[], str]) -> None:
    """Run `predict`; print its summary, or what is wrong, in one line, and exit."""
    start = time.perf_counter()
    # FFmpeg and OpenCV report on broken files themselves, in lines that name neither file nor cure.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        summary = predict()
    except GsamError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    print(f"{name}  {summary}  ({time.perf_counter() - start:.1f} s)")

"""The options that say what a file of detections leaves open, for every command that reads one."""

from __future__ import annotations

import argparse
import re

from gsam.detections.recording import Options
from gsam.errors import ConfigError

__all__ = ["add_options", "options_of"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them to a command."""
    group = parser.add_argument_group("what the file leaves open")
    group.add_argument("--joints", metavar="SET", help="joint set, such as halpe_26 or coco_17")
    group.add_argument("--person", metavar="ID", help="a track of the file, or best")
    group.add_argument("--size", metavar="WxH", help="size of the pictures in px, 1920x1080")
    group.add_argument("--fps", type=float, metavar="F", help="frames per second")
    group.add_argument(
        "--fill", type=int, default=0, metavar="N", help="interpolate gaps of up to N frames"
    )
    group.add_argument("--no-scores", action="store_true", help="the file has no scores")
    group.add_argument(
        "--normalised", action="store_true", help="points are in 0..1 of the size, not px"
    )


def options_of(arguments: argparse.Namespace) -> Options:
    """The options that a command line gave; ConfigError for a size that is none."""
    size = None
    if arguments.size is not None:
        match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", arguments.size)
        if not match:
            raise ConfigError(f"--size {arguments.size}: expected WIDTHxHEIGHT, such as 1920x1080")
        size = (int(match[1]), int(match[2]))
    return Options(
        joints=arguments.joints,
        person=arguments.person,
        size=size,
        fps=arguments.fps,
        fill=arguments.fill,
        scored=not arguments.no_scores,
        normalised=arguments.normalised,
    )

"""Turn what other tools wrote into the Parquet layout of `data: custom` and of pipelines.lift.

    python -m gsam.datasets.custom convert walk.json --size 1920x1080 --fps 25 --out walk.parquet

The input is any file that docs/custom-data.md shows. A CSV file with 3D columns becomes a recording
that can train and score: say --split, --focal (of the camera, px) and --unit of the 3D, which is in
the camera's frame. Exit codes: 0 written, 1 the file cannot be used, 2 an option cannot work.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from gsam.cameras import Camera
from gsam.datasets.custom.recordings import View3D, recording_row, write_recordings
from gsam.detections import Recording, read_recording
from gsam.detections.command import add_options, options_of
from gsam.errors import ConfigError, GsamError

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def main() -> None:
    """Convert as the command line says; print one line, of what was done or of what is wrong."""
    parser = argparse.ArgumentParser(
        "python -m gsam.datasets.custom",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["convert"])
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    parser.add_argument("--subject", default="person", help="whom the recording shows (person)")
    parser.add_argument("--take", help="name of the recording (the file's)")
    parser.add_argument("--camera", default="camera", help="name of the camera (camera)")
    parser.add_argument("--split", choices=["train", "test"], help="needed beside 3D")
    parser.add_argument("--focal", type=float, metavar="PX", help="focal length, needed beside 3D")
    parser.add_argument("--unit", choices=sorted(UNITS), help="unit of the 3D, needed beside it")
    add_options(parser)
    try:
        print(f"convert  {convert(parser.parse_args())}")
    except GsamError as error:
        print(f"convert: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def convert(arguments: argparse.Namespace) -> str:
    """Do what the module says; returns the summary.

    Raises:
        DataError: the file cannot be used.
        ConfigError: an option cannot work, or one is needed.
    """
    if arguments.out.suffix != ".parquet":
        raise ConfigError(f"--out {arguments.out}: expected a name that ends with .parquet")
    recording = read_recording(arguments.input, options_of(arguments))
    if recording.fps is None:
        raise ConfigError(f"{arguments.input} does not say its frame rate; say --fps")
    row = recording_row(
        recording.points,
        recording.scores,
        size=recording.size,
        fps=recording.fps,
        subject=arguments.subject,
        take=arguments.take or recording.name,
        camera=arguments.camera,
        split=arguments.split,
        truth=_truth(recording, arguments),
        first=recording.first,
    )
    write_recordings(arguments.out, [row], space="camera", notes=recording.notes)
    notes = recording.notes
    kind = "2D" if recording.joints is None else "2D and 3D"
    return (
        f"{kind} of {len(recording.points)} frames, {notes['source_joint_set']} by "
        f"{notes['tool']}, {notes['filled_joints']} joints interpolated  {arguments.out}"
    )


def _truth(recording: Recording, arguments: argparse.Namespace) -> View3D | None:
    """The file's 3D in metres, with the camera that the options describe."""
    if recording.joints is None:
        return None
    lacking = [name for name in ("split", "focal", "unit") if getattr(arguments, name) is None]
    if lacking:
        raise ConfigError(f"{arguments.input} has 3D: say --{', --'.join(lacking)} too")
    width, height = recording.size
    camera = Camera(
        name=arguments.camera,
        width=width,
        height=height,
        fx=arguments.focal,
        fy=arguments.focal,
        cx=width / 2,
        cy=height / 2,
        distortion=(),
        model="pinhole",
        R=np.eye(3),
        t=np.zeros(3),
    )
    return View3D(recording.joints * UNITS[arguments.unit], camera)


if __name__ == "__main__":
    main()

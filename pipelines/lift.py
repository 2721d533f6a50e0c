"""Lift somebody's own 2D keypoints to 3D: from any tool's file to poses in metres.

    python -m pipelines.lift FILE --lifter models/lifter/main/seed0.safetensors --out found

FILE is what AlphaPose, OpenPose (its folder), Detectron2 or MMPose wrote, a CSV file, VideoPose3D's
detections, or the keypoints.parquet of pipelines.predict2d (docs/custom-data.md shows each). What
it leaves open is asked for: --size 1920x1080, --joints halpe_26, --person 3, --fill 10.

Writes OUT/predictions.parquet (schema predictions, one row per frame: 17 joints of Human3.6M,
metres, relative to the pelvis, camera axes x right, y down, z forward) and OUT/sheet.png, poses
spread over the recording: the 2D input, and the 3D from the camera and from the side. Nothing is
written when a file cannot be used. The weights must be of a lifter that saw such 2D: one trained on
true keypoints expects no detector's errors.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from gsam.cameras import normalise_screen
from gsam.detections import Recording, read_recording
from gsam.detections.command import add_options, options_of
from gsam.errors import DataError
from gsam.evaluation import lifting
from gsam.lifters.config import METRES
from gsam.lifters.lifter import Lifter
from gsam.pictures.poses import LiftedPose, draw_sheet
from gsam.schemas import PREDICTIONS
from gsam.skeletons import H36M_17
from gsam.storage import list_column, write_table
from gsam.weights import load_lifter
from pipelines.picture_command import run_command

SHOWN = 9
"""Poses on the sheet."""


def main() -> None:
    """Lift as the command line says; print one line, of what was done or of what is wrong."""
    run_command("lift", lambda: lift(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m pipelines.lift",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", type=Path, metavar="FILE")
    parser.add_argument("--lifter", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--no-flip-test", action="store_true", help="twice as fast, less exact")
    add_options(parser)
    return parser.parse_args()


def lift(arguments: argparse.Namespace) -> str:
    """Do what the module says; returns the summary.

    Raises:
        DataError: the keypoints or the weights cannot be used.
        ConfigError: an option that cannot work.
    """
    recording = read_recording(arguments.input, options_of(arguments))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, notes = load_lifter(arguments.lifter, device)
    keypoints = _input(recording, model, arguments.lifter).to(device)
    flip_test = not arguments.no_flip_test
    with torch.inference_mode():
        poses = lifting(model, flip_test=flip_test)(keypoints).float().cpu().numpy()
    run = str(notes.get("run", arguments.lifter.stem))
    metadata = {
        "dataset": recording.name,
        "producer": "gsam lift",
        "joint_names": list(H36M_17.joints),
        "lifter": notes["lifter"]["name"],
        "flip_test": flip_test,
        "fps": recording.fps,
        "keypoints": recording.notes,
    }
    table = prediction_columns(recording, poses, run)
    write_table(arguments.out / "predictions.parquet", table, PREDICTIONS, metadata)
    _draw(recording, keypoints.cpu().numpy(), poses, run, arguments.out / "sheet.png")
    notes_2d = recording.notes
    found = f"{notes_2d['source_joint_set']} by {notes_2d['tool']}"
    filled = f", {notes_2d['filled_joints']} joints interpolated" * bool(notes_2d["filled_joints"])
    return f"{len(poses)} frames lifted by {run} from {found}{filled}  {arguments.out}"


def _input(recording: Recording, model: Lifter, weights: Path) -> torch.Tensor:
    """What the lifter takes: normalised x and y (T, 17, 2), with the scores where it wants them."""
    if model.units != METRES:
        raise DataError(
            f"{weights}: answers in the picture's units, which become metres only where the camera "
            "and the person's distance are known; expected a lifter that answers in metres"
        )
    if model.joints != H36M_17.size:
        raise DataError(f"{weights}: lifts {model.joints} joints, expected {H36M_17.size}")
    screen = normalise_screen(recording.points, *recording.size)
    given = np.concatenate([screen, recording.scores[..., None]], axis=-1)
    return torch.from_numpy(given[..., : model.features].astype(np.float32))


def prediction_columns(
    recording: Recording, poses: NDArray[np.float32], run: str
) -> dict[str, pa.Array]:
    """The columns of the predictions table, of poses (T, 17, 3): frame by frame.

    Raises:
        DataError: a pose is not finite.
    """
    count = len(poses)
    finite = np.isfinite(poses).all(axis=(1, 2))
    if not finite.all():
        raise DataError(f"{recording.name}: frame {int(finite.argmin())} lifts to no finite pose")
    return {
        "run": pa.array([run] * count),
        "sequence": pa.array([recording.name] * count),
        "camera": pa.array([""] * count),
        "frame": pa.array(np.arange(recording.first, recording.first + count), pa.int32()),
        "joints": list_column(poses),
    }


def _draw(recording: Recording, keypoints: Any, poses: Any, run: str, path: Path) -> None:
    count = len(poses)
    chosen = np.unique(np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int))
    shown = [
        LiftedPose(f"frame {recording.first + row}", keypoints[row, :, :2], poses[row])
        for row in chosen
    ]
    title = (
        f"{recording.name}, lifted by {run}: 2D of {recording.notes['tool']}, "
        "and the 3D from the camera and from the side"
    )
    draw_sheet(shown, title, path)


if __name__ == "__main__":
    main()

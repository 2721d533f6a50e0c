"""Find the joints of the people in ordinary pictures: a folder of JPEG and PNG files, or a video.

    python -m pipelines.predict2d INPUT --detector FILE.safetensors --boxes FILE --out FOLDER

INPUT is a folder, one picture or a video file. Pictures are turned upright as their EXIF
orientation says; boxes and joints are in pixels of the upright picture. --boxes says where people
are: COCO results in a .json (image_id: a picture's file name, with or without extension, or the
number of a video's frame from 0; pictures without a box have nobody in them), or a YOLOv3 person
detector, .onnx or .cfg with the .weights beside it.

Writes FOLDER/keypoints.parquet (schema keypoints, one row per person; sequence: the file's name;
frame: of a video, else 0; joint_names in the metadata) and FOLDER/sheet.jpg, a selection of the
pictures with the joints drawn in. Nothing is written when a file cannot be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from gsam.boxes.sources import open_boxes
from gsam.configs import build
from gsam.detectors import DetectorConfig
from gsam.detectors.inference import Detector
from gsam.errors import DataError
from gsam.pictures.keypoints import draw_sheet
from gsam.schemas import KEYPOINTS
from gsam.storage import digest, list_column, write_table
from gsam.weights import load_detector
from pipelines.picture_command import parse, picture_parser, run_command
from pipelines.picture_people import Seen, Selection, describe, look, open_pictures


def main() -> None:
    """Predict as the command line says; print one line, of what was done or of what is wrong."""
    run_command("predict2d", lambda: predict(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = picture_parser("predict2d", __doc__)
    parser.add_argument("--detector", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--no-flip-test", action="store_true", help="twice as fast, less exact")
    parser.add_argument("--no-quarter-offset", action="store_true")
    return parse(parser)


def predict(arguments: argparse.Namespace) -> str:
    """Do what the module says; returns the summary.

    Raises:
        DataError: a picture, video, box or model cannot be used, or nobody is in the pictures.
        ConfigError: boxes of an unknown kind.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, notes = load_detector(arguments.detector)
    config = build(DetectorConfig, notes["detector"], f"{arguments.detector}: detector")
    detector = Detector(
        model,
        config,
        flip_test=not arguments.no_flip_test,
        quarter_offset=not arguments.no_quarter_offset,
        device=device,
    )
    sources, names = open_pictures(arguments.input, arguments.step)
    boxes = open_boxes(arguments.boxes, names=names, minimum_score=arguments.score, device=device)
    rows, shown = [], Selection()
    for seen, image in look(detector, boxes, sources):
        shown.offer(seen, image)
        rows.append(seen)
    people = sum(len(seen.boxes) for seen in rows)
    if not people:
        raise DataError(f"{arguments.input}: nobody in {len(rows)} pictures by {arguments.boxes}")
    version = digest(arguments.detector)
    producer = {
        "dataset": arguments.input.resolve().name,
        "producer": "gsam predict2d",
        "joint_names": list(config.skeleton.joints),
        "joint_set": config.joint_set,
        "boxes": Path(arguments.boxes).name,
        "flip_test": detector.flip_test,
        "quarter_offset": detector.quarter_offset,
    }
    table = keypoint_columns(rows, str(notes.get("run", arguments.detector.stem)), version)
    write_table(arguments.out / "keypoints.parquet", table, KEYPOINTS, producer)
    title = f"{arguments.input.resolve().name}: {people} people in {len(rows)} pictures"
    draw_sheet(shown.pictures, title, arguments.out / "sheet.jpg", config.skeleton, columns=4)
    return f"{describe([len(seen.boxes) for seen in rows])}  {arguments.out}"


def keypoint_columns(rows: Sequence[Seen], detector: str, version: str) -> dict[str, pa.Array]:
    """The columns of the keypoints table: picture by picture, person by person."""
    counts = [len(seen.boxes) for seen in rows]
    total = sum(counts)
    return {
        "sequence": pa.array(np.repeat([seen.source.file for seen in rows], counts)),
        "camera": pa.array([""] * total),
        "frame": pa.array(np.repeat([seen.source.frame for seen in rows], counts), pa.int32()),
        "points": list_column(np.concatenate([seen.points for seen in rows])),
        "scores": list_column(np.concatenate([seen.scores for seen in rows]).clip(0.0, 1.0)),
        "box": list_column(np.concatenate([seen.boxes for seen in rows])),
        "detector": pa.array([detector] * total),
        "version": pa.array([version] * total),
    }


if __name__ == "__main__":
    main()

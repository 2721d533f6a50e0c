"""Find the bodies of the people in ordinary pictures: a folder of JPEG and PNG files, or a video.

    python -m pipelines.predict_mesh INPUT --mesh MODEL.safetensors --boxes FILE --out FOLDER

INPUT and --boxes are those of pipelines.predict2d: a folder, one picture or a video file; COCO
results in a .json (image_id: a picture's file name, or the number of a video's frame from 0), or a
YOLOv3 person detector, .onnx or .cfg. Boxes are enlarged by 1.2 and made square: regressors are
trained on 3DPW's boxes, which leave that much room around a person.

--smpl is a folder with your SMPL model (SMPL_NEUTRAL.pkl or .npz, J_regressor_h36m.npy beside it);
without it, bodies are posed with the free body. --focal is the focal length of your camera in px;
without it, the picture's diagonal is taken, that of a normal lens. It decides how far away bodies
stand, not over which pixels.

Writes FOLDER/bodies.parquet (schema fitted, one row per person: image, frame, person, width,
height, box, smpl_pose, smpl_shape, camera, focal, translation, joints; the body, its hash and the
model's in the metadata) and FOLDER/sheet.jpg: some of the people, each with the body over the
picture and from the side. People are not followed from frame to frame. Nothing is written when a
file cannot be used.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path

import torch

from gsam.body.bodies import NEUTRAL, open_bodies
from gsam.boxes.sources import open_boxes
from gsam.configs import build
from gsam.datasets.threedpw.sequence import BOX_PADDING
from gsam.errors import DataError
from gsam.meshes.config import MeshConfig
from gsam.meshes.inference import MeshRegressor
from gsam.pictures.keypoints import draw_sheet
from gsam.progress import progress
from gsam.render.mesh import render_mesh
from gsam.schemas import FITTED
from gsam.skeletons import SMPL_24
from gsam.storage import digest, write_table
from gsam.weights import load_mesh
from pipelines.picture_bodies import Shown, fit, fitted_columns, sheet_of
from pipelines.picture_command import parse, picture_parser, run_command
from pipelines.picture_people import Spread, describe, open_pictures


def main() -> None:
    """Predict as the command line says; print one line, of what was done or of what is wrong."""
    run_command("predict_mesh", lambda: predict(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = picture_parser("predict_mesh", __doc__)
    parser.add_argument("--mesh", type=Path, required=True, metavar="MODEL.safetensors")
    parser.add_argument("--smpl", type=Path, metavar="FOLDER", help="your SMPL (the free body)")
    parser.add_argument("--focal", type=float, metavar="PX", help="of the camera (the diagonal)")
    arguments = parse(parser)
    if arguments.focal is not None and not 0 < arguments.focal < math.inf:
        parser.error(f"--focal {arguments.focal:g}: expected a length above 0 in px")
    return arguments


def predict(arguments: argparse.Namespace) -> str:
    """Do what the module says; returns the summary.

    Raises:
        DataError: a picture, video, box, model or body cannot be used, or nobody is in the
            pictures.
        ConfigError: boxes of an unknown kind.
        LicensedDataMissing: no SMPL model in its folder.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, notes = load_mesh(arguments.mesh)
    config = build(MeshConfig, notes["mesh"], f"{arguments.mesh}: mesh")
    bodies = open_bodies(arguments.smpl)
    regressor = MeshRegressor(model, config, bodies.neutral, device=device)
    sources, names = open_pictures(arguments.input, arguments.step)
    boxes = open_boxes(arguments.boxes, names=names, minimum_score=arguments.score, device=device)
    rows, chosen = [], Spread[Shown]()
    found = fit(regressor, boxes, sources, arguments.focal)
    total = None if names is None else len(names)
    for fitted, image, vertices in progress(found, "pictures", total):
        for person in range(len(fitted.boxes)):
            chosen.offer(partial(Shown.of, fitted, image, vertices, person))
        rows.append(fitted)
    if not chosen.kept:
        raise DataError(f"{arguments.input}: nobody in {len(rows)} pictures by {arguments.boxes}")
    name, body = arguments.input.resolve().name, bodies.title(NEUTRAL)
    producer = {
        **_producer(arguments),
        "body": body,
        "body_hash": bodies.hashes[NEUTRAL],
        "model": str(notes.get("run", arguments.mesh.stem)),
    }
    write_table(arguments.out / "bodies.parquet", fitted_columns(rows), FITTED, producer)
    count = describe([len(fitted.boxes) for fitted in rows])
    worn = body if notes.get("body", body) == body else f"{body} (trained with {notes['body']})"
    pictures = sheet_of(chosen.kept, render_mesh(bodies.neutral), config.size)
    columns = 3 if len(chosen.kept) == 1 else 6
    title = f"{name}: {count}; {worn}"
    draw_sheet(pictures, title, arguments.out / "sheet.jpg", SMPL_24, columns=columns)
    return f"{count}, {worn}  {arguments.out}"


def _producer(arguments: argparse.Namespace) -> dict[str, object]:
    """What the table says of how it was made, as far as the command line decides it."""
    return {
        "dataset": arguments.input.resolve().name,
        "producer": "gsam predict_mesh",
        "model_hash": digest(arguments.mesh),
        "focal": "diagonal" if arguments.focal is None else f"{arguments.focal:g}",
        "boxes": Path(arguments.boxes).name,
        "box_padding": str(BOX_PADDING),
    }


if __name__ == "__main__":
    main()

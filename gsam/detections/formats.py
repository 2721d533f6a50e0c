"""Which tool wrote a file: by what is in it, never by its name alone."""

from __future__ import annotations

from pathlib import Path

from gsam.detections.coco_results import (
    is_per_picture,
    is_results,
    read_per_picture,
    read_results,
)
from gsam.detections.csv_table import read_csv
from gsam.detections.json_files import load_json
from gsam.detections.keypoint_table import read_keypoint_table
from gsam.detections.mmpose import is_instances, is_mmpose, people_of_instances, read_mmpose
from gsam.detections.openpose import read_folder
from gsam.detections.people import Detected
from gsam.detections.videopose import read_videopose
from gsam.errors import DataError

__all__ = ["KINDS", "open_detections"]

KINDS = (
    "a .json of AlphaPose, Detectron2 or MMPose, a folder of OpenPose's or MMPose's .json files, "
    "a .npz of VideoPose3D's scripts, a .csv, or our keypoints .parquet"
)


def open_detections(path: Path, *, scored: bool = True) -> Detected:
    """Everybody whom a file or folder has; without `scored`, x and y stand without scores.

    Raises:
        DataError: no such file, of no known tool, or broken.
    """
    width = 3 if scored else 2
    if path.is_dir():
        return read_folder(path, width)
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder, expected {KINDS}")
    kind = path.suffix.lower()
    if kind == ".csv":
        return read_csv(path)
    if kind == ".npz":
        return read_videopose(path)
    if kind == ".parquet":
        return read_keypoint_table(path)
    if kind != ".json":
        raise DataError(f"{path}: not a file of keypoints that is known, expected {KINDS}")
    content = load_json(path)
    if is_results(content):
        return read_results(content, path, width)
    if is_mmpose(content):
        return read_mmpose(content, path, scored=scored)
    if is_per_picture(content):
        return read_per_picture(content, path)
    if isinstance(content, dict) and "people" in content:
        raise DataError(f"{path}: one frame of OpenPose's, expected its folder, {path.parent}")
    if content and is_instances(content):
        people = list(people_of_instances(content, 0, str(path), scored=scored))
        return Detected("MMPose, one picture", people)
    raise DataError(f"{path}: the JSON is of no tool that is known, expected {KINDS}")

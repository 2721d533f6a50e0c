"""OpenPose's folder of `<video>_000000000012_keypoints.json`, one file per frame, and MMPose's
folder of one file per picture.

OpenPose writes every frame, those without people too; an undetected joint is 0, 0, 0. Its body has
25 joints (BODY_25) or 18 (COCO); the joints of face and hands are not used.
"""

from __future__ import annotations

from pathlib import Path

from gsam.detections.coco_results import people_of
from gsam.detections.json_files import load_json
from gsam.detections.mmpose import is_instances, people_of_instances
from gsam.detections.people import Detected, Person, frame_numbers
from gsam.errors import DataError

__all__ = ["read_folder"]

MAX_FILES = 2_000_000


def read_folder(folder: Path, width: int = 3) -> Detected:
    """The people of a folder of JSON files, one per frame.

    Raises:
        DataError: no JSON file, names without numbers, files of both tools, or one that is broken.
    """
    files = sorted(folder.glob("*.json"))
    if not 0 < len(files) <= MAX_FILES:
        raise DataError(f"{folder}: {len(files)} .json files, expected one for each frame")
    frames = frame_numbers([file.name for file in files], str(folder))
    people: list[Person] = []
    tools = set()
    for file in files:
        content, frame = load_json(file), frames[file.name]
        if is_instances(content):
            tools.add("MMPose")
            people += people_of_instances(content, frame, str(file), scored=width == 3)
        elif isinstance(content, dict) and "people" in content:
            tools.add("OpenPose")
            people += people_of(content, frame, str(file), width)
        else:
            raise DataError(
                f"{file}: neither OpenPose's people nor MMPose's instances of one frame"
            )
        if len(tools) > 1:
            raise DataError(f"{file}: of another tool than the files before it")
    numbers = sorted(frames.values())
    # Numbers of pictures may have gaps of their own; frames of a video have not.
    listed = range(numbers[0], numbers[-1] + 1)
    return Detected(tools.pop(), people, frames=listed if len(listed) == len(numbers) else None)

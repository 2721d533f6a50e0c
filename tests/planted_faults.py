"""Folders of raw data that a person may have: sound small twins, and ten faults to plant in them.

    python -m tests.planted_faults FOLDER [--faults]

writes them for a look by `python -m gsam.doctor --raw FOLDER`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gsam.images import encode_jpeg
from gsam.skeletons import COCO_17, H36M_17, H36M_32
from gsam.twin import archive, generate
from gsam.twin.config import TwinConfig
from gsam.twin.mat_file import save_mat
from gsam.twin.threedhp import TwinThreedhpConfig
from gsam.twin.threedhp import generate as generate_threedhp
from gsam.twin.video import TwinVideoConfig
from gsam.twin.video.layout import write_sequence
from gsam.twin.video.sequences import plan_sequences
from gsam.twin_mark import write_mark
from gsam.unpickle import load_npz


def write_twins(raw: Path) -> None:
    """Small twins of Human3.6M, MPI-INF-3DHP and 3DPW, and twelve faces in COCO's layout."""
    for name in ("human36m", "threedhp", "threedpw", "coco"):
        (raw / name).mkdir(parents=True)
    generate(raw / "human36m", TwinConfig(frames_per_take=30))
    generate_threedhp(raw / "threedhp", TwinThreedhpConfig(seconds=4.0, test_seconds=4.0))
    film = TwinVideoConfig(train=1, validation=1, test=1, seconds=1.0, step=1, longer_side=64)
    for plan in plan_sequences(film):
        write_sequence(raw / "threedpw", film, plan)
    write_mark(raw / "threedpw", "threedpw", 0)
    for split in ("train", "val"):
        _write_faces(raw / "coco", split)
    write_mark(raw / "coco", "coco", 0)


def _write_faces(folder: Path, split: str) -> None:
    """Twelve pictures of a face from the front, whose left side is on the picture's right."""
    parts = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
    points = np.zeros((COCO_17.size, 3), int)
    points[COCO_17.indices(parts)] = [
        (32, 30, 2),
        (36, 26, 2),
        (28, 26, 2),
        (40, 28, 2),
        (24, 28, 2),
    ]
    images, people = [], []
    (folder / f"{split}2017").mkdir()
    for number in range(12):
        name = f"{number:012d}.jpg"
        images.append({"id": number, "file_name": name, "width": 64, "height": 48})
        people.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [20, 20, 24, 20],
                "area": 480,
                "iscrowd": 0,
                "num_keypoints": len(parts),
                "keypoints": points.ravel().tolist(),
            }
        )
        picture = np.full((48, 64, 3), 9 * number, np.uint8)
        (folder / f"{split}2017" / name).write_bytes(encode_jpeg(picture))
    person = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
    content = {"images": images, "annotations": people, "categories": [person]}
    (folder / "annotations").mkdir(exist_ok=True)
    path = folder / "annotations" / f"person_keypoints_{split}2017.json"
    path.write_text(json.dumps(content))


def _change(path: Path, key: str, change: Callable[[Any], None]) -> None:
    """Change what an archive holds under a key."""
    content = load_npz(path)
    change(content[key])
    archive.write_archive(path, content)


def millimetres(raw: Path) -> None:
    """A subject of Human3.6M in another unit than the others."""

    def change(positions: Any) -> None:
        positions["S6"] = {take: 1000 * joints for take, joints in positions["S6"].items()}

    _change(raw / "human36m" / archive.THREE_D, "positions_3d", change)


def mirrored_subject(raw: Path) -> None:
    """Left and right of a subject swapped in 3D."""
    order = list(H36M_32.mirror_permutation)

    def change(positions: Any) -> None:
        positions["S7"] = {take: joints[:, order] for take, joints in positions["S7"].items()}

    _change(raw / "human36m" / archive.THREE_D, "positions_3d", change)


def coco_order(raw: Path) -> None:
    """Another detector's joints under the name of Human3.6M's."""
    order = [_NEAREST.get(joint, joint) for joint in COCO_17.joints]
    rows = H36M_17.indices(order)

    def change(keypoints: Any) -> None:
        for takes in keypoints.values():
            for views in takes.values():
                views[:] = [view[:, rows] for view in views]

    _change(raw / "human36m" / archive.DETECTED["cpn"], "positions_2d", change)


_NEAREST = {
    "left_eye": "head_top",
    "right_eye": "head_top",
    "left_ear": "nose",
    "right_ear": "nose",
}


def exchanged_cameras(raw: Path) -> None:
    """Two cameras of a subject in each other's place."""

    def change(keypoints: Any) -> None:
        for views in keypoints["S9"].values():
            views[1], views[2] = views[2], views[1]

    _change(raw / "human36m" / archive.DETECTED["detectron"], "positions_2d", change)


def not_a_number(raw: Path) -> None:
    """A joint that is not a number."""

    def change(keypoints: Any) -> None:
        keypoints["S11"]["Eating"][3][4, 2, 1] = np.nan

    _change(raw / "human36m" / archive.DETECTED["sh"], "positions_2d", change)


def cut_keypoints(raw: Path) -> None:
    """Keypoints that end before the motion capture does."""

    def change(keypoints: Any) -> None:
        views = keypoints["S1"]["Walking"]
        views[0] = views[0][:-3]

    _change(raw / "human36m" / archive.GROUND_TRUTH, "positions_2d", change)


def exchanged_scales(raw: Path) -> None:
    """Universal and metric annotations in each other's place."""
    from scipy.io import loadmat

    path = raw / "threedhp/S3/Seq1/annot.mat"
    content = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    content["annot3"], content["univ_annot3"] = content["univ_annot3"], content["annot3"]
    save_mat(path, content, "MPI-INF-3DHP")


def cut_file(raw: Path) -> None:
    """A download that broke off."""
    path = raw / "threedhp/TS6/annot_data.mat"
    path.write_bytes(path.read_bytes()[:-5000])


def counted_from_one(raw: Path) -> None:
    """Pictures of 3DPW numbered from 1."""
    folder = next((raw / "threedpw/imageFiles").iterdir())
    for path in sorted(folder.iterdir(), reverse=True):
        path.rename(path.with_name(f"image_{int(path.stem[6:]) + 1:05d}.jpg"))


def mirrored_faces(raw: Path) -> None:
    """COCO's labels with left and right swapped."""
    path = raw / "coco/annotations/person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    order = list(COCO_17.mirror_permutation)
    for person in content["annotations"]:
        points = np.reshape(person["keypoints"], (-1, 3))
        person["keypoints"] = points[order].ravel().tolist()
    path.write_text(json.dumps(content))


FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "millimetres": (millimetres, "human36m", r"S6/.*millimetres|millimetres.*S6/"),
    "mirrored_subject": (mirrored_subject, "human36m", r"left and right swapped \(.*S7/"),
    "coco_order": (coco_order, "human36m", r"coco_17's order, not human36m_17's"),
    "exchanged_cameras": (exchanged_cameras, "human36m", r"these are of camera 58860488.*S9/"),
    "not_a_number": (not_a_number, "human36m", r"not finite.*S11/Eating camera 60457274"),
    "cut_keypoints": (cut_keypoints, "human36m", r"frames of keypoints, expected at least"),
    "exchanged_scales": (exchanged_scales, "threedhp", r"are they exchanged\?.*S3/Seq1"),
    "cut_file": (cut_file, "threedhp", r"TS6"),
    "counted_from_one": (counted_from_one, "threedpw", r"numbered from 1, expected from 0"),
    "mirrored_faces": (mirrored_faces, "coco", r"left and right swapped: faces"),
}
"""What is planted, in which dataset, and what the doctor must say of it."""


def plant(raw: Path, *names: str) -> None:
    """Plant some faults, or all."""
    for name in names or FAULTS:
        FAULTS[name][0](raw)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", action="store_true", help="plant the ten faults, too")
    options = parser.parse_args()
    write_twins(options.folder)
    if options.faults:
        plant(options.folder)

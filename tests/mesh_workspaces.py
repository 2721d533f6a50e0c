"""Workspaces of one mesh regressor, for tests that start its stages as DVC does: as commands."""

from pathlib import Path
from typing import Any

import numpy as np

from gsam.body.bodies import open_bodies, write_bodies
from gsam.body.mean_params import write_mean_params
from gsam.images import ImageWriter, People, encode_jpeg
from gsam.images.bodies import PersonLabel, write_labels
from gsam.storage import write_json
from tests.synthetic_bodies import draw, mean_of, random_people
from tests.synthetic_images import write_images

SIDE, BOX = 96, 80
PARTS = 32

RUN: dict[str, Any] = {
    "name": "tiny",
    "data": "twin",
    "scale": "smoke",
    "mesh": {
        "name": "pare",
        "size": 32,
        "channels": 4,
        "stem": 8,
        "bottlenecks": 1,
        "modules": [1, 1, 1],
        "blocks": 1,
        "deconv_layers": 1,
        "deconv_filters": 8,
        "shape_features": 4,
    },
    "full_mesh": {"name": "pare"},
    "train": {"epochs": 3, "batch_size": 8, "lr": 0.002, "checkpoint_seconds": 0},
    "augment": {"occlusion": 0.5},
    "samples": {
        "mix": {"threedpw": 0.6, "mpii": 0.4},
        "epoch_samples": 20,
        "validation_samples": 6,
    },
    "losses": {"angle_prior": 0.01},
    "truth": "neutral",
    "backbone": None,
    "seeds": [0],
    "workers": 0,
}


def make_workspace(folder: Path, run: dict[str, Any] | None = None) -> Path:
    """A folder with people of 3DPW's kind and MPII's, bodies, means and the plan of one run."""
    write_people(folder / "data", "train", 14, seed=1)
    write_people(folder / "data", "validation", 8, seed=2)
    write_images(folder / "data/images/mpii", joint_set="mpii_16", count=6)
    write_bodies(folder / "data/bodies/model", open_bodies(None))
    write_mean_params(folder / "data/bodies/mean_params.npz", mean_of(random_people(14, seed=1)))
    write_run(folder, run or RUN)
    return folder


def write_people(data: Path, split: str, count: int, seed: int) -> None:
    """One split of data/images/threedpw and data/bodies: a body drawn as dots in every picture."""
    people, labels = random_people(count, seed), []
    images, bodies = data / "images/threedpw", data / "bodies"
    corner = (SIDE - BOX) / 2
    with ImageWriter(images, split, "threedpw_twin", "spin_24", "tests") as writer:
        for number in range(count):
            name, sequence = f"{split}/{number:05d}", f"{split}_{number // 7:02d}"
            picture = np.zeros((SIDE, SIDE, 3), np.uint8)
            inside = slice(int(corner), int(corner) + BOX)
            picture[inside, inside] = draw(people.points[number], BOX)
            box = np.array([[corner, corner, BOX, BOX]])
            whole = People(
                points=corner + (people.points[number] + 1)[None] * BOX / 2,
                visibility=np.full((1, 24), 3),
                boxes=box,
                areas=np.array([BOX * BOX]),
                crowds=np.zeros(1, bool),
                ids=np.array([number]),
            )
            writer.add(encode_jpeg(picture), image=name, people=whole, sequence=sequence)
            parts = np.random.default_rng(number).integers(0, 25, (PARTS, PARTS)).astype(np.uint8)
            labels.append(
                PersonLabel(
                    image=name,
                    person=0,
                    sequence=sequence,
                    gender="mf"[number % 2],
                    pose=people.poses[number],
                    shape=people.shapes[number],
                    joints=people.joints[number],
                    translation=people.translations[number],
                    parts=parts,
                    parts_box=box[0],
                )
            )
    bodies.mkdir(parents=True, exist_ok=True)
    write_labels(bodies / f"{split}.parquet", labels, "threedpw_twin", "free body", "hash")


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Plan a mesh regressor."""
    write_json(folder / "data" / "plan" / "meshes" / f"{run['name']}.json", run)


def with_training(**changes: Any) -> dict[str, Any]:
    """RUN with another recipe."""
    return {**RUN, "train": {**RUN["train"], **changes}}

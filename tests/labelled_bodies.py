"""Labelled bodies in drawn pictures: a bodies stage's outs in a test's folder."""

from pathlib import Path

import numpy as np

from gsam.body.bodies import Bodies, write_bodies
from gsam.body.files import load_body_arrays
from gsam.body.mean_params import MeanParams, write_mean_params
from gsam.images import ImageSet
from gsam.images.bodies import BodyLabels, PersonLabel, write_labels
from tests.synthetic_images import write_images

SEQUENCES = ("courtyard_golf_00", "downtown_bar_00", "outdoors_parcours_01")
"""The first and the last are of 3DPW-OCC."""
SPLITS = ("test", "validation")


def small_bodies(genders: tuple[str, ...] = ("neutral",)) -> Bodies:
    """The free body for each gender, as models of their own: men taller, women smaller."""
    scales = {"neutral": 1.0, "male": 1.1, "female": 0.9}
    arrays = load_body_arrays()
    own = {g: {**arrays, "v_template": scales[g] * arrays["v_template"]} for g in genders}
    return Bodies("test body", False, own)


def label_people(folder: Path, split: str, images: ImageSet, seed: int = 0) -> BodyLabels:
    """Random bodies for everybody in `images`, upright in the camera's frame."""
    rng = np.random.default_rng(seed)
    names = images.rows["image"].to_pylist()
    first = np.searchsorted(images.person_image, images.person_image)
    people = []
    for row, image in enumerate(images.person_image.tolist()):
        pose = rng.normal(0, 0.2, 72)
        pose[:3] = [np.pi, 0, 0]
        people.append(
            PersonLabel(
                image=names[image],
                person=row - int(first[row]),
                sequence=SEQUENCES[row % len(SEQUENCES)],
                gender="mf"[row % 2],
                pose=pose.astype(np.float32),
                shape=rng.normal(0, 1, 10).astype(np.float32),
                joints=rng.normal(0, 1, (24, 3)).astype(np.float32),
            )
        )
    write_labels(folder / f"{split}.parquet", people, "drawn_spin_24", "test body", "hash")
    return BodyLabels.load(folder, split, images)


def write_body_data(folder: Path, bodies: Bodies, count: int = 3) -> None:
    """data/images/threedpw and data/bodies below `folder`, two people in each picture."""
    pictures = folder / "data/images/threedpw"
    for seed, split in enumerate(SPLITS):
        images = write_images(
            pictures, split, joint_set="spin_24", count=count, people_each=2, seed=seed
        )
        label_people(folder / "data/bodies", split, images, seed=seed)
    write_bodies(folder / "data/bodies/model", bodies)
    pose = np.tile(np.array([1, 0, 0, 1, 0, 0], np.float32), 24)
    pose[:6] = [1, 0, 0, -1, 0, 0]
    mean = MeanParams(pose, np.zeros(10, np.float32), np.array([0.9, 0, 0], np.float32))
    write_mean_params(folder / "data/bodies/mean_params.npz", mean)

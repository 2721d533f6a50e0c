"""Bring 3DPW, twin or original, into the images' form, with the body of everyone in them.

    python -m stages.bodies

Reads data/plan/bodies.json and data/source_threedpw/ (the twin's videos in 3DPW's layout, or the
list of the user's files, in a folder or at s3://). Writes data/images/threedpw/: tar shards of
JPEGs, copied as they are, and a table per split (schema IMAGES); and data/bodies/: a table per
split with the SMPL labels of the same people (schema BODIES), the body model that they are of in
model/, the mean parameters that regressors start from, and left_out.json with what was not kept of
each sequence and why. Where the data is not there, both folders hold missing.json, which says where
to get it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsam.body.bodies import Bodies, open_bodies, write_bodies
from gsam.body.mean_params import MeanParams, mean_params_of, read_mean_params, write_mean_params
from gsam.body.rotations import axis_angle_to_matrix
from gsam.datasets.threedpw.images import ThreedpwSource
from gsam.datasets.threedpw.labels import label_bodies
from gsam.errors import LicensedDataMissing
from gsam.images import ImageWriter
from gsam.images.bodies import PersonLabel, write_labels
from gsam.storage import atomic_directory, read_json, write_json
from gsam.twin_mark import is_twin
from pipelines.raw_fetch import local_folder
from stages import paths
from stages.common import planned, progress, run_stage
from stages.raw_names import RAW_FILES

DATASET, JOINT_SET = "threedpw", "spin_24"
MEAN_PARAMETERS = "smpl_mean_params.npz"

log = logging.getLogger(__name__)


def main(arguments: list[str]) -> str:
    """Write data/bodies and data/images/threedpw; returns the summary line."""
    plan = planned("bodies")
    # Bodies are posed by few frames at a time: threads would only wait for each other.
    torch.set_num_threads(1)
    pictures = paths.IMAGES / DATASET
    with atomic_directory(paths.BODIES) as out, atomic_directory(pictures) as images:
        try:
            with local_folder(source_folder(plan), *RAW_FILES[DATASET]) as folder:
                return convert(plan, folder, out, images)
        except LicensedDataMissing as missing:
            for folder in (out, images):
                write_json(folder / "missing.json", {"reason": str(missing)})
            return f"{DATASET} missing"


def convert(plan: dict[str, Any], folder: Path, out: Path, images: Path) -> str:
    """Write all splits of both folders from the raw one; returns their sizes in words.

    Raises:
        LicensedDataMissing: the dataset is not there; nothing is written then.
        DataError: a file cannot be used; the message names it.
    """
    bodies, dataset = bodies_of(plan), dataset_of(plan, folder)
    labelling = label_bodies(bodies)
    source = ThreedpwSource(folder, plan["step"], plan["part_size"], labelling, shown)
    found: dict[str, list[PersonLabel]] = {}
    sizes = []
    for split, pictures in source.splits().items():
        people = found[split] = []
        with ImageWriter(images, split, dataset, JOINT_SET, "gsam bodies") as writer:
            for frame, jpeg, file in pictures:
                writer.add(
                    jpeg,
                    image=frame.image,
                    people=frame.people,
                    sequence=frame.sequence,
                    frame=frame.frame,
                    where=str(file),
                )
                people += frame.labels
        used = {labelling[one.gender].title: labelling[one.gender].hash for one in people}
        titles, hashes = (", ".join(part) for part in zip(*sorted(used.items()), strict=True))
        write_labels(out / f"{split}.parquet", people, dataset, titles, hashes)
        sizes.append(f"{len(people):,} {split} in {len(writer):,} images")
    write_bodies(out / "model", bodies)
    write_mean_params(out / "mean_params.npz", mean_parameters(plan, found["train"]))
    write_json(out / "left_out.json", source.left_out)
    lacking = sum(sum(reasons.values()) for reasons in source.left_out.values())
    return f"{bodies.name}, people: {', '.join(sizes)}, {lacking:,} left out"


def shown(files: Any, split: str) -> Any:
    """A progress bar over a split's sequences."""
    return progress(files, f"bodies {split}")


def source_folder(plan: dict[str, Any]) -> str:
    """Where the dataset's raw files are, the twin's or the user's.

    Raises:
        LicensedDataMissing: the raw stage found no videos.
    """
    absent = paths.THREEDPW_SOURCE / "missing.json"
    if absent.exists():
        raise LicensedDataMissing(str(read_json(absent)["reason"]))
    return str(paths.THREEDPW_SOURCE / DATASET if plan["data"] == "twin" else plan["folder"])


def dataset_of(plan: dict[str, Any], folder: Path) -> str:
    """The dataset's name: a twin must never pass for the original."""
    return f"{DATASET}_twin" if plan["data"] == "twin" or is_twin(folder) else DATASET


def bodies_of(plan: dict[str, Any]) -> Bodies:
    """The user's SMPL models, or the free body in their place."""
    if not plan["smpl"]:
        return open_bodies(None)
    try:
        with local_folder(plan["smpl"]) as folder:
            return open_bodies(folder)
    except LicensedDataMissing as missing:
        log.warning("%s; the free body stands in for SMPL", missing)
        return open_bodies(None)


def mean_parameters(plan: dict[str, Any], people: list[PersonLabel]) -> MeanParams:
    """The user's file of them, or the means of the training people."""
    if plan["smpl"]:
        with local_folder(plan["smpl"], MEAN_PARAMETERS) as folder:
            if (file := folder / MEAN_PARAMETERS).is_file():
                return read_mean_params(file)
    poses = torch.from_numpy(np.stack([one.pose for one in people])).double()
    rotations = axis_angle_to_matrix(poses.unflatten(1, (24, 3))).numpy()
    return mean_params_of(rotations, np.stack([one.shape for one in people]))


if __name__ == "__main__":
    run_stage(main)

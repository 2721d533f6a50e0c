"""Bring the pictures of Human3.6M, COCO and MPII, twin or original, into one form.

    python -m stages.images

Reads data/plan/images.json, data/source_images/ (the twin's raw layouts, or the list of the user's
files, in folders or at s3://) and data/poses/. Writes data/images/{human36m,coco,mpii}/: tar shards
of JPEGs, copied as they are, and a table per split with every person's joints, visibility and box
(schema IMAGES). A dataset that the user does not have leaves missing.json, which says where to get
it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gsam.datasets import coco
from gsam.datasets.human36m.frames import read_twin_frames, read_video_frames
from gsam.datasets.image_files import LabelledImage, read_images
from gsam.datasets.mpii.labels import mpii_images, read_mpii
from gsam.datasets.pose_tables import read_takes
from gsam.errors import DataError, LicensedDataMissing
from gsam.images import ImageWriter, decode_jpeg
from gsam.storage import atomic_directory, read_json, write_json
from gsam.twin_mark import is_twin
from pipelines.raw_fetch import local_folder
from stages import paths
from stages.common import planned, progress, run_stage
from stages.raw_names import RAW_FILES

OpenSplit = Callable[[str], ImageWriter]
"""From a split's name, its writer, opened when it is first asked for."""
Write = Callable[[dict[str, Any], Path, OpenSplit], None]
"""From the plan, the raw folder and the writers: all splits of a dataset."""


def main(arguments: list[str]) -> str:
    """Write data/images; returns the summary line."""
    plan = planned("images")
    lines = []
    for key in DATASETS:
        with atomic_directory(paths.IMAGES / key) as folder:
            try:
                lines.append(f"{key} {convert(plan, key, folder)}")
            except LicensedDataMissing as missing:
                write_json(folder / "missing.json", {"reason": str(missing)})
                lines.append(f"{key} missing")
    return ", ".join(lines)


def convert(plan: dict[str, Any], key: str, folder: Path) -> str:
    """Write one dataset's splits; returns their sizes in words.

    Raises:
        LicensedDataMissing: its files are not there.
        DataError: a file cannot be used; the message names it.
    """
    absent = paths.SOURCE_IMAGES / "missing.json"
    if absent.exists():
        raise LicensedDataMissing(str(read_json(absent)["reason"]))
    twin = plan["data"] == "twin"
    joint_set, write = DATASETS[key]
    location = str(paths.SOURCE_IMAGES / key) if twin else plan["folders"][key]
    writers: dict[str, ImageWriter] = {}
    with ExitStack() as stack:
        source = stack.enter_context(local_folder(location, *RAW_FILES[key]))
        dataset = twin_name(key) if twin or is_twin(source) else key

        def split_writer(split: str) -> ImageWriter:
            if split not in writers:
                writer = ImageWriter(folder, split, dataset, joint_set, "gsam images")
                writers[split] = stack.enter_context(writer)
            return writers[split]

        write(plan, source, split_writer)
    return " + ".join(f"{len(writer):,} {split}" for split, writer in sorted(writers.items()))


def twin_name(key: str) -> str:
    """A twin must never pass for the original; Human3.6M's is called twin, as its takes are."""
    return "twin" if key == "human36m" else f"{key}_twin"


def write_human36m(plan: dict[str, Any], source: Path, split_writer: OpenSplit) -> None:
    """Windows around the person, of the twin's frames or the original videos."""
    takes = read_takes(paths.POSES)
    twin = plan["data"] == "twin"
    frames = (
        read_twin_frames(source, takes)
        if twin
        else read_video_frames(source, takes, plan["step"], plan["size"])
    )
    for frame in progress(frames, "images human36m"):
        if twin:
            decode_jpeg(frame.jpeg, f"{source}: {frame.fields['image']}")
        split_writer(frame.split).add(frame.jpeg, **frame.fields)


def write_coco(plan: dict[str, Any], source: Path, split_writer: OpenSplit) -> None:
    """Both splits; of train the images that show an annotated person."""
    found = {split: coco.coco_files(source, split) for split in coco.SPLITS}
    for split, (labels, images) in found.items():
        listed = coco.read_coco(labels)
        if split == "train":
            listed = [image for image in listed if len(image.people)]
        copy_images(images, {split: listed}, f"images coco {split}", split_writer)


def write_mpii(plan: dict[str, Any], source: Path, split_writer: OpenSplit) -> None:
    """Both splits, in one pass over the images."""
    images = mpii_images(source)
    copy_images(images, read_mpii(source), "images mpii", split_writer)


def copy_images(
    place: Path, splits: dict[str, list[LabelledImage]], bar: str, split_writer: OpenSplit
) -> None:
    """Copy the labelled images' JPEGs, each decoded once to see that it is whole.

    Raises:
        DataError: an image is missing, damaged, or of another size than its labels say.
    """
    wanted: dict[str, list[tuple[str, LabelledImage]]] = {}
    for split, images in splits.items():
        for image in images:
            wanted.setdefault(image.file, []).append((split, image))
    for file, jpeg, where in progress(read_images(place, wanted), bar, len(wanted)):
        height, width = decode_jpeg(jpeg, where).shape[:2]
        for split, image in wanted[file]:
            if image.width is not None and (width, height) != (image.width, image.height):
                raise DataError(
                    f"{where}: {width} x {height} px, expected {image.width} x {image.height} as "
                    "its labels say"
                )
            split_writer(split).add(jpeg, image=image.name, people=image.people, where=where)


DATASETS: dict[str, tuple[str, Write]] = {
    "human36m": ("human36m_17", write_human36m),
    "coco": ("coco_17", write_coco),
    "mpii": ("mpii_16", write_mpii),
}
"""Key to its joint set and how its splits are written."""


if __name__ == "__main__":
    run_stage(main)

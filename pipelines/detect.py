"""Keypoints of many pictures: in this process, or on Ray Data actors that load the model once each.

The pictures are cut into shards that depend on nothing but their order and the batch size. A shard
is always computed in the same batches and a finished one is kept, so that neither kills nor the
number of workers change a byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gsam.boxes.sources import box_files
from gsam.errors import DataError, GsamError
from gsam.images import ImageSet
from gsam.storage import digest
from gsam.training.identity import code_hash
from pipelines.detect_storage import Found, ShardStorage
from pipelines.detect_worker import DetectConfig, DetectJob, Looker, Shard
from pipelines.node_files import Shipped
from pipelines.runtime import held_stderr, logical_cpus, quiet_ray
from pipelines.shared_storage import SharedStorage

__all__ = ["DetectConfig", "DetectJob", "cut_shards", "detect", "storage_of"]

BATCHES_PER_SHARD = 16
"""What a kill costs at most, and the grain of the work that actors share out."""


def storage_of(name: str, job: DetectJob, data_hash: str) -> ShardStorage:
    """Where finished shards of a job are kept: other inputs or code have another place."""
    made_of = {
        "weights": digest(job.weights),
        "images": data_hash,
        "splits": job.splits,
        "config": asdict(replace(job.config, boxes="")),
        "boxes": digest(box_files(job.config.boxes)),
        "batches": BATCHES_PER_SHARD,
        "code": code_hash("detection"),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
    }
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
    return ShardStorage.named(f"{name}-{key}")


def cut_shards(job: DetectJob, images: Mapping[str, ImageSet]) -> list[Shard]:
    """The job in pieces: split by split, in the order of the pictures."""
    size = job.config.batch_size * BATCHES_PER_SHARD
    return [
        Shard(f"{split}-{start // size:06d}", split, start, min(start + size, len(images[split])))
        for split in job.splits
        for start in range(0, len(images[split]), size)
    ]


def detect(
    job: DetectJob,
    images: Mapping[str, ImageSet],
    shards: Sequence[Shard],
    storage: ShardStorage,
    workers: int,
) -> Iterator[tuple[Shard, Found]]:
    """The people of every shard: first of those that are kept, then as they are computed.

    Args:
        images: of the job's splits; Ray actors open them again.
        storage: holds finished shards, which are not computed again, and gets the others.
        workers: 0 for this process, else the number of actors.

    Raises:
        DataError: a picture is damaged, a box cannot be used, or an answer is not finite.
    """
    missing = []
    for shard in shards:
        found = storage.load(shard.name)
        if found is None:
            missing.append(shard)
        else:
            yield shard, found
    if not missing:
        return
    if workers:
        yield from _on_ray(job, storage, missing, workers)
    else:
        yield from _here(job, images, storage, missing)


def _here(
    job: DetectJob,
    images: Mapping[str, ImageSet],
    storage: ShardStorage,
    shards: Sequence[Shard],
) -> Iterator[tuple[Shard, Found]]:
    """Shards computed and kept by this process."""
    for shard, found in Looker(job, images).look(shards):
        storage.save(shard.name, found)
        yield shard, found


class _Actor:
    """One Ray actor's looker; it keeps what it finishes in the storage itself."""

    def __init__(self, files: Shipped, job: DetectJob, folder: str, threads: int) -> None:
        self.files, self.job, self.threads = files, job, threads
        self.storage = ShardStorage(folder)

    @cached_property
    def looker(self) -> Looker:
        """Opened by the first shard, which tells what is wrong."""
        job = _on_this_node(self.job, self.files)
        return Looker(job, job.open(), self.threads)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Finish one shard; a user's error travels as data, not in Ray's traceback."""
        shard = Shard(**row["shard"])
        try:
            for _, found in self.looker.look([shard]):
                self.storage.save(shard.name, found)
        except GsamError as error:
            return {"name": shard.name, "error": str(error)}
        return {"name": shard.name, "error": ""}


def _reads(job: DetectJob) -> list[str]:
    """Folders and files that a job reads."""
    return [job.weights, job.images, *map(str, box_files(job.config.boxes))]


def _absolute(job: DetectJob) -> DetectJob:
    boxes = job.config.boxes
    if box_files(boxes):
        boxes = str(Path(boxes).resolve())
    config = replace(job.config, boxes=boxes)
    weights, images = Path(job.weights).resolve(), Path(job.images).resolve()
    return replace(job, weights=str(weights), images=str(images), config=config)


def _on_this_node(job: DetectJob, files: Shipped) -> DetectJob:
    """The same job where this node has what it reads."""
    boxes = job.config.boxes
    if box_files(boxes):
        boxes = str(files.path(boxes))
    config = replace(job.config, boxes=boxes)
    weights, images = files.path(job.weights), files.path(job.images)
    return replace(job, weights=str(weights), images=str(images), config=config)


def _on_ray(
    job: DetectJob, storage: ShardStorage, shards: Sequence[Shard], workers: int
) -> Iterator[tuple[Shard, Found]]:
    """Shards computed by actors, each as soon as it is finished and in any order."""
    by_name = {shard.name: shard for shard in shards}
    job = _absolute(job)
    with quiet_ray(logical_cpus(workers)), SharedStorage(storage.folder), held_stderr():
        import ray

        files = Shipped.of(*_reads(job))
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0) / workers)
        threads = max(1, (os.cpu_count() or 1) // workers) if gpus else 1
        actor: Any = _Actor
        rows = ray.data.from_items(
            [{"shard": asdict(shard)} for shard in shards], override_num_blocks=len(shards)
        ).map(
            actor,
            fn_constructor_args=(files, job, storage.folder, threads),
            # On a small cluster as many of them start as there is room for.
            concurrency=workers,
            num_gpus=gpus,
        )
        errors = []
        for row in rows.iter_rows():
            found = None if row["error"] else storage.load(row["name"])
            if found is None:
                errors.append(row["error"] or f"{storage.folder}: lost {row['name']}")
                continue
            yield by_name[row["name"]], found
    if errors:
        raise DataError(min(errors))

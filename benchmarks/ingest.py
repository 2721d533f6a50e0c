"""Image training's two sides: crops made by Ray Data's actors, and the network that takes them."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.detectors import RAY_STEPS, SETTINGS, Setting, training, write_images
from benchmarks.harness import Case, Effort, Series, Table, Value, compare
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.feed import open_cropper
from gsam.images import ImageSet
from gsam.training.feed import ArrayBatch
from gsam.training.sampling import SampleOrder
from pipelines.ingest import RayFeed
from pipelines.runtime import held_stderr, quiet_ray
from stages.common import progress

__all__ = ["crop_rate", "crops_on_ray", "fed", "run", "sleeping"]

DEMANDS = (0.5, 1.0, 2.0)
"""What a sleeping model asks for, in parts of what the actor can make."""
ALONE = 6
ENDING_S = 3.0


@contextmanager
def crops_on_ray() -> Iterator[None]:
    """Ray for a feed. Pipelines that are left in the middle end a little later; without Ray under
    them, their threads would end this process."""
    with quiet_ray(3), held_stderr():
        yield
        gc.collect()
        time.sleep(ENDING_S)


def _batches(setting: Setting, images: ImageSet, feed: RayFeed) -> Iterator[ArrayBatch]:
    order = SampleOrder((np.arange(len(images)),), (1.0,), 0, setting.batch)
    return (batch for epoch in count() for batch in feed(order, epoch))


def fed(setting: Setting, images: ImageSet) -> RayFeed:
    """Augmented crops from one actor."""
    as_maps = setting.config.as_dict(), asdict(AugmentConfig())
    return RayFeed(partial(open_cropper, images.folder, "train", *as_maps, 0), RAY_STEPS, 1)


def crop_rate(setting: Setting, images: ImageSet, effort: Effort) -> Series:
    """Crops per second of one actor, taken as fast as they come; Ray is running."""
    with fed(setting, images) as feed:
        batches = _batches(setting, images, feed)
        case = Case("actor", lambda units: sum(len(next(batches)) for _ in range(units)))
        return compare([case], effort, f"crops, {setting.title}")["actor"]


def sleeping(setting: Setting, images: ImageSet, rate: float, seconds: float) -> float:
    """Crops per second that reach a model which does nothing but sleep as long as one that takes
    `rate` crops per second would compute."""
    with fed(setting, images) as feed:
        batches = _batches(setting, images, feed)
        next(batches)  # the actor has started
        for _ in range(ALONE):  # what was made ahead meanwhile
            next(batches)
        start, taken = time.perf_counter(), 0
        due = start
        while time.perf_counter() - start < seconds:
            size = len(next(batches))
            due = max(due, time.perf_counter()) + size / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            taken += size
        return taken / (time.perf_counter() - start)


def run(effort: Effort) -> list[Table]:
    """One table: the consumer beside the actor; one: a model that sleeps, at three demands."""
    settings = [SETTINGS[0]] if effort.quick else [SETTINGS[0], SETTINGS[-1]]
    beside: list[dict[str, Value]] = []
    slept: list[dict[str, Value]] = []
    for setting in settings:
        # An epoch holds many batches, so that pipelines are not started anew while measuring.
        with tempfile.TemporaryDirectory() as place, crops_on_ray():
            images = write_images(Path(place), 64 if effort.quick else 1024, setting.side)
            made = crop_rate(setting, images, effort)
            longest = 0.3 if effort.quick else max(4.0, 4 * effort.seconds)
            for part in progress(DEMANDS, f"sleeping, {setting.title}"):
                slept.append(_slept(setting, images, part, made.median, longest))
        with tempfile.TemporaryDirectory() as place:
            images = write_images(Path(place), 32 if effort.quick else 256, setting.side)
            case = replace(training(setting, images, "float32"), name="training")
            taken = compare([case], effort, f"training, {setting.title}")["training"]
        beside.append(
            {
                "network": setting.title,
                "stored": f"{setting.side}x{setting.side}",
                "one actor makes, crops/s": made,
                "training takes, images/s": taken,
                "made / taken": made / taken,
            }
        )
    note = "The consumer: the whole training loop on this machine's threads, float32."
    slept_note = (
        "A model that only sleeps, as long as a network of that rate would compute. Expected: the\n"
        "smaller of what is made and what is asked for."
    )
    return [
        Table("ingest", "Crops from Ray Data against the network that takes them", beside, note),
        Table("ingest_sleep", "Crops reaching a sleeping model", slept, slept_note),
    ]


def _slept(
    setting: Setting, images: ImageSet, part: float, made: float, seconds: float
) -> dict[str, Value]:
    asked = part * made
    reached = sleeping(setting, images, asked, seconds)
    expected = min(made, asked)
    return {
        "network": setting.title,
        "asked for, crops/s": asked,
        "expected": expected,
        "reached": reached,
        "reached / expected": reached / expected,
    }

"""Detectors: images trained and looked at per second, and how fast the crops for it are made."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gemm import PRECISIONS, gemm_cases
from benchmarks.harness import Case, Effort, Series, Table, Value, compare, ratios
from gsam.detectors import DetectorConfig, build_detector
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.feed import Cropper, open_cropper
from gsam.detectors.inference import Detector
from gsam.detectors.task import DetectionTask
from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.training.config import Precision, SampleConfig, TrainConfig
from gsam.training.feed import ThreadFeed
from gsam.training.loop import fit
from gsam.training.precision import numerics
from gsam.training.sampling import SampleOrder
from pipelines.ingest import RayFeed
from pipelines.runtime import quiet_ray

__all__ = ["run", "write_images"]

TRAIN_PER_FORWARD = 3
RAY_STEPS = 2000
"""More than any measurement takes: its pipeline is planned whole."""


@dataclass(frozen=True)
class Setting:
    """A detector with the side of the stored pictures that it is fed from and its batch size."""

    title: str
    config: DetectorConfig
    side: int
    batch: int


_SMALL = DetectorConfig(
    height=96, width=64, channels=8, stem=16, bottlenecks=1, modules=(1, 1, 1), blocks=1
)
SETTINGS = (
    Setting("hrnet, smoke", _SMALL, 112, 16),
    Setting("cpn, smoke", replace(_SMALL, name="cpn", depth=14, base=8, features=16), 112, 16),
    Setting(
        "hourglass, smoke",
        replace(_SMALL, name="hourglass", height=64, stacks=1, features=32),
        112,
        16,
    ),
    Setting("hrnet W32", DetectorConfig(), 384, 8),
)


def write_images(folder: Path, images: int, side: int) -> ImageSet:
    """Square pictures of smooth noise, each with one person in its middle."""
    random = np.random.default_rng(0)
    with ImageWriter(folder, "train", "synthetic", "human36m_17", "gsam benchmarks") as writer:
        for number in range(images):
            coarse = random.integers(0, 255, (side // 8, side // 8, 3), np.uint8)
            picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
            points = (random.uniform(0.2, 0.8, (1, 17, 2)) * side).astype(np.float32)
            box = np.array([[0.1, 0.1, 0.8, 0.8]], np.float32) * side
            people = People(
                points=points,
                visibility=np.full((1, 17), 3, np.uint8),
                boxes=box,
                areas=box[:, 2] * box[:, 3],
                crowds=np.zeros(1, bool),
                ids=np.array([number]),
            )
            writer.add(encode_jpeg(picture), image=f"{number:05d}", people=people)
    return ImageSet.load(folder, "train")


def forward_flops(config: DetectorConfig) -> int:
    """Operations of one crop's forward pass, multiply and add apart."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        build_detector(config).eval()(torch.zeros(1, 3, config.height, config.width))
    return int(counter.get_total_flops())


def training(setting: Setting, images: ImageSet, precision: Precision) -> Case:
    """Epochs of the project's own loop with its own crops; a unit of work is one step."""
    torch.manual_seed(0)
    model = build_detector(setting.config)
    recipe = TrainConfig(epochs=1, batch_size=setting.batch, precision=precision)
    cropper = Cropper(images, setting.config, AugmentConfig())

    def train(steps: int) -> float:
        done = 0
        while done < steps * setting.batch:
            most = min(steps * setting.batch - done, len(images))
            samples = SampleConfig(epoch_samples=most, validation_samples=0)
            with ThreadFeed(cropper) as feed:
                task = DetectionTask(images, setting.config, samples, feed)
                done += fit(model, task, recipe, seed=0).seen
        return done

    # A fit checks some people at its start and end, which real epochs hardly feel.
    return Case(f"training {precision}", train, has_start=True)


def looking(setting: Setting, images: ImageSet) -> list[Case]:
    """The bare network on ready crops, and all that detection does to decoded pictures."""
    torch.manual_seed(0)
    model = build_detector(setting.config).eval()
    detector = Detector(model, setting.config, flip_test=False, batch_size=setting.batch)
    crops = torch.zeros(setting.batch, 3, setting.config.height, setting.config.width)
    crops = crops.to(memory_format=torch.channels_last)
    pictures = [images.decode(number) for number in range(setting.batch)]
    boxes = [images.boxes[number : number + 1] for number in range(setting.batch)]

    def bare(batches: int) -> float:
        with numerics("float32"), torch.inference_mode():
            for _ in range(batches):
                model(crops)
        return batches * setting.batch

    def whole(batches: int) -> float:
        return len(detector.detect(pictures * batches, boxes * batches))

    return [Case("network", bare), Case("detector", whole)]


def cropping(setting: Setting, images: ImageSet, feed: ThreadFeed | RayFeed, name: str) -> Case:
    """Augmented crops, made as fast as they are taken; a unit of work is one batch."""
    order = SampleOrder((np.arange(len(images)),), (1.0,), 0, setting.batch)
    batches = (crops for epoch in count() for crops in feed(order, epoch))
    return Case(name, lambda units: sum(len(next(batches)) for _ in range(units)))


def run(effort: Effort) -> list[Table]:
    """One table for training and looking, one for the crops."""
    settings = SETTINGS[:1] if effort.quick else SETTINGS
    trained: list[dict[str, Value]] = []
    fed: list[dict[str, Value]] = []
    for setting in settings:
        with tempfile.TemporaryDirectory() as place:
            images = write_images(Path(place), 32 if effort.quick else 512, setting.side)
            trained += _network_rows(setting, images, effort)
            fed.append(_crop_row(setting, images, effort))
    note = (
        "training: the whole loop, crops made by threads beside it; network: forward passes over\n"
        "ready crops; detector: crops cut from decoded pictures, forward passes, joints decoded;\n"
        "float32, no flip test. GEMM: share of the rate of a large product in the row's format,\n"
        "counting training as three forward passes."
    )
    crop_note = (
        "Augmented training crops made from JPEGs, by threads as beside the trainings above, and\n"
        "by one actor of Ray Data."
    )
    return [
        Table("detectors", "Detectors", trained, note),
        Table("crops", "Training crops", fed, crop_note),
    ]


def _network_rows(setting: Setting, images: ImageSet, effort: Effort) -> list[dict[str, Value]]:
    precisions: list[Precision] = ["float32", "onednn"]
    cases = [training(setting, images, precision) for precision in precisions]
    cases += [*looking(setting, images), *gemm_cases(effort)]
    found = compare(cases, effort, f"detectors, {setting.title}")
    flops = forward_flops(setting.config)
    rows: list[dict[str, Value]] = []
    for precision in precisions:
        rate = found[f"training {precision}"]
        rows.append(
            {
                **_named(setting, f"training, {PRECISIONS[precision]}"),
                "images/s": rate,
                "% GEMM": _share(rate, TRAIN_PER_FORWARD * flops, found[f"gemm {precision}"]),
            }
        )
    for name in ("network", "detector"):
        share = _share(found[name], flops, found["gemm float32"])
        row = {**_named(setting, name), "images/s": found[name], "% GEMM": share}
        rows.append(row | {"x network": ratios(found, name, "network")})
    return rows


def _named(setting: Setting, what: str) -> dict[str, Value]:
    config = setting.config
    return {"network": setting.title, "input": f"{config.height}x{config.width}", "what": what}


def _share(rate: Series, flops: float, gemm: Series) -> Series:
    return (rate.scaled(flops) / gemm).scaled(100)


def _crop_row(setting: Setting, images: ImageSet, effort: Effort) -> dict[str, Value]:
    augment = AugmentConfig()
    row = _named(setting, f"of {setting.side}x{setting.side}")
    with ThreadFeed(Cropper(images, setting.config, augment)) as feed:
        case = cropping(setting, images, feed, "threads")
        row["threads, crops/s"] = compare([case], effort, f"crops, {setting.title}")["threads"]
    if effort.quick:
        return row
    as_maps = setting.config.as_dict(), asdict(augment)
    opened = partial(open_cropper, images.folder, "train", *as_maps, 0)
    with quiet_ray(3), RayFeed(opened, RAY_STEPS, 1) as ray:
        case = cropping(setting, images, ray, "actor")
        row["one Ray actor, crops/s"] = compare([case], effort, "crops by Ray")["actor"]
    return row

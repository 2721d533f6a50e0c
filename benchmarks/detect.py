"""What detection costs beside its network: reading pictures, cutting crops, keeping results."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.detectors import SETTINGS, Setting, write_images
from benchmarks.harness import Case, Effort, Series, Table, Value, compare
from gsam.detectors import build_detector
from gsam.images import ImageSet
from gsam.training.precision import numerics
from gsam.weights import save_network
from pipelines.detect_storage import ShardStorage
from pipelines.detect_worker import DetectConfig, DetectJob, Looker, Shard

__all__ = ["run"]

GOAL = 15
ROUNDS = 3
BATCHES_PER_SHARD = os.cpu_count() or 1
"""All cores have something to do even in the smallest unit of work."""
BATCH = 4
"""Times that of training: nothing has to be kept for a backward pass."""


def bare(setting: Setting, model: nn.Module, apart: bool) -> Case:
    """Both forward passes of the flip test over ready crops, a shard's batches per unit.

    apart: as many batches at once as there are cores, one thread for each; else one after the
    other, with all threads.
    """
    config = setting.config
    crops = torch.zeros(setting.batch, 3, config.height, config.width)
    crops = crops.to(memory_format=torch.channels_last)
    mirrored = crops.flip(3)

    @torch.inference_mode()
    def forward(batch: int) -> Tensor:
        model(crops)
        return model(mirrored)[-1].sum()

    def loop(units: int) -> float:
        batches = range(units * BATCHES_PER_SHARD)
        threads = torch.get_num_threads()
        with numerics("float32"):
            if not apart:
                for batch in batches:
                    forward(batch)
            else:
                with ThreadPoolExecutor(
                    os.cpu_count(), initializer=lambda: torch.set_num_threads(1)
                ) as pool:
                    list(pool.map(forward, batches))
                torch.set_num_threads(threads)
        return len(batches) * setting.batch

    return Case("network, a thread a batch" if apart else "network, batch by batch", loop)


def detection(setting: Setting, weights: Path, images: ImageSet) -> Case:
    """Shards as the stage computes them: from JPEGs on the disk to joints on the disk; all are of
    the same pictures."""
    options = DetectConfig(batch_size=setting.batch)
    job = DetectJob(str(weights), str(images.folder), ("train",), options)
    size = setting.batch * BATCHES_PER_SHARD

    looker = Looker(job, {"train": images})

    def work(units: int) -> float:
        with tempfile.TemporaryDirectory() as place:
            storage = ShardStorage(place)
            shards = [Shard(f"train-{number:06d}", "train", 0, size) for number in range(units)]
            done = 0
            for shard, found in looker.look(shards):
                storage.save(shard.name, found)
                done += len(found)
        return done

    return Case("detection", work)


def run(effort: Effort) -> list[Table]:
    """Rows of the bare network and of detection, for small networks and HRNet-W32."""
    effort = Effort(min(effort.rounds, ROUNDS), effort.seconds, effort.quick)
    rows: list[dict[str, Value]] = []
    for setting in SETTINGS[:1] if effort.quick else SETTINGS:
        setting = replace(setting, batch=BATCH * setting.batch)
        torch.manual_seed(0)
        model = build_detector(setting.config).eval()
        with tempfile.TemporaryDirectory() as place:
            images = write_images(Path(place), BATCHES_PER_SHARD * setting.batch, setting.side)
            weights = Path(place) / "random.safetensors"
            save_network(weights, model.state_dict(), setting.config, {})
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            cases = [bare(setting, model, False), bare(setting, model, True)]
            cases.append(detection(setting, weights, images))
            found = compare(cases, effort, f"detect, {setting.title}")
        rows += _rows(setting, found)
    note = (
        "detection: pictures decoded, crops cut, both passes of the flip test, joints read off\n"
        "the maps and kept on disk; network: both passes over ready crops alone. over: time\n"
        "beyond that of the faster network loop, per cent."
    )
    return [Table("detect", "Detection beside its network", rows, note)]


def _rows(setting: Setting, found: dict[str, Series]) -> list[dict[str, Value]]:
    networks = [name for name in found if name != "detection"]
    best = max(networks, key=lambda name: found[name].median)
    over = Series(tuple(100 * (ratio - 1) for ratio in (found[best] / found["detection"]).values))
    config = setting.config
    named: dict[str, Value] = {
        "network": setting.title,
        "input": f"{config.height}x{config.width}",
    }
    rows: list[dict[str, Value]] = [
        {**named, "what": name, "images/s": found[name]} for name in networks
    ]
    done = {**named, "what": "detection", "images/s": found["detection"]}
    return [*rows, {**done, "over, %": over, "goal": f"< {GOAL}"}]

"""Train one 2D detector, once per seed.

    python -m stages.train_detector NAME

Reads data/plan/detectors/<name>.json, data/images/<images>/. Writes models/detector/<name>/: one
seed<k>.safetensors per seed and run.json; results/detectors/<name>/: curve.csv and train.json.
Killed at any instant and run again, it goes on from its newest checkpoint (.gsam/runs, or
$GSAM_RUN_STORAGE) and ends with the same bits. A training that diverges is a result. Where the
images are not among the user's files, models/detector/<name>/missing.json and train.json say so.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gsam.configs import build
from gsam.detectors import DetectorConfig, count_parameters
from gsam.errors import ConfigError
from gsam.images import ImageSet
from gsam.storage import atomic_directory, read_json, write_json
from gsam.training.loop import Outcome
from gsam.training.task import CurveRow
from gsam.weights import save_network
from pipelines.run_storage import RunStorage
from pipelines.train_detector import SPLIT, train_detector
from stages.common import one_argument, planned, run_stage, status_of
from stages.paths import DETECTOR_MODELS, DETECTORS, IMAGES
from stages.trained import headline, train_seeds, write_curves, write_models

CURVE = ("epoch", "lr", "train_loss", "val_loss", "val_mean_px")
MEASURES = CURVE[2:]


def main(arguments: list[str]) -> str:
    """Train every seed of a detector; returns the summary line."""
    name = one_argument(arguments, "name of a detector")
    run = planned(f"detectors/{name}")
    folder = IMAGES / run["images"]
    if (folder / "missing.json").exists():
        return write_missing(name, str(read_json(folder / "missing.json")["reason"]))
    config = build(DetectorConfig, run["detector"], "detector")
    images = ImageSet.load(folder, SPLIT)
    if images.skeleton.name != config.joint_set:
        raise ConfigError(
            f"detectors/{name}.detector.joint_set = {config.joint_set!r}: the images in {folder} "
            f"are labelled with {images.skeleton.name!r}"
        )

    def train(seed: int, storage: RunStorage, report: Callable[[CurveRow], None]) -> Outcome:
        return train_detector(run, folder, images, seed, storage, report)

    outcomes, storages = train_seeds(run, images.data_hash, CURVE, train)

    def save(path: Path, outcome: Outcome, notes: dict[str, Any]) -> None:
        save_network(path, outcome.weights, config, notes)

    record = write_models(DETECTOR_MODELS / name, run, outcomes, save, "samples", MEASURES)
    write_curves(DETECTORS / name / "curve.csv", outcomes, CURVE)
    write_results(run, config, images, record)
    for storage in storages:
        storage.finish(DETECTORS / name / "train.json")
    parts = [
        f"{config.name} {config.height}x{config.width}",
        f"{len(images):,} images of {len(images.person_image):,} people",
    ]
    return headline(parts, outcomes, shown, run["workers"])


def write_missing(name: str, reason: str) -> str:
    """Outs that say why there is no detector; returns the summary line."""
    with atomic_directory(DETECTOR_MODELS / name) as folder:
        write_json(folder / "missing.json", {"reason": reason})
    write_curves(DETECTORS / name / "curve.csv", {}, CURVE)
    trained = {"detector": name, "status": "missing", "reason": reason}
    write_json(DETECTORS / name / "train.json", trained)
    return f"not trained: {reason}"


def write_results(
    run: Mapping[str, Any],
    config: DetectorConfig,
    images: ImageSet,
    record: Mapping[str, Any],
) -> None:
    """Write train.json."""
    trained = {
        "detector": run["name"],
        "status": status_of(record),
        "config": config.as_dict(),
        "recipe": run["train"],
        "augment": run["augment"],
        "samples": run["samples"],
        "parameters": count_parameters(config),
        "data_hash": images.data_hash,
        "images": len(images),
        "people": len(images.person_image),
        "seeds": record,
    }
    write_json(DETECTORS / run["name"] / "train.json", trained)


def shown(last: CurveRow) -> str:
    """The last epoch in words."""
    text = f"loss {last['train_loss']:.4g}"
    if last["val_mean_px"] is not None:
        text += f", held out {last['val_loss']:.4g} and {last['val_mean_px']:.1f} px of 256"
    return text


if __name__ == "__main__":
    run_stage(main)
